"""Data sets by name: which reader reads them, and how a generated one is made."""

from pathlib import Path

from kb.datasets import cache, msrvtt
from kb.datasets.corpus import Corpus
from kb.datasets.diorama import VERSION, staged_msrvtt
from kb.datasets.diorama.difficulty import SIZES
from kb.datasets.diorama.staged_msrvtt import Progress
from kb.datasets.diorama.world import World
from kb.records.errors import Exit, KBError

READERS = {"msrvtt": msrvtt.read}  # data set -> reader of its published format
STAGINGS = {"diorama-msrvtt": (staged_msrvtt.write, msrvtt.read)}  # staging -> writer, reader
DEFAULT_SIZE = "small"


def names() -> list[str]:
    """Every name `load` takes: the stagings, then the real data sets."""
    return [*STAGINGS, *READERS]


def listing() -> list[dict[str, str]]:
    """A row per data set: name, kind (generated, reader), what it is."""
    sizes = ", ".join(f"{n} {s.train}/{s.val}/{s.test}" for n, s in SIZES.items())
    made = [{"name": n, "kind": "generated", "about": f"videos: {sizes}"} for n in STAGINGS]
    return made + [{"name": n, "kind": "reader", "about": "published files"} for n in READERS]


def make(
    name: str,
    *,
    size: str = DEFAULT_SIZE,
    seed: int = 0,
    out: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """The folder of a staging, generated if it is missing."""
    if name not in STAGINGS:
        raise KBError(f"{name} is no staging", mend=f"choose one of {', '.join(STAGINGS)}")
    if size not in SIZES:
        raise KBError(f"size {size} is unknown", mend=f"choose one of {', '.join(SIZES)}")
    world = World(name, SIZES[size], seed)
    folder = out or cache.home() / "diorama" / f"{name}-{size}-seed{seed}-v{VERSION}"
    write, _ = STAGINGS[name]
    return cache.made_once(folder, lambda empty: write(world, empty, progress or _quiet))


def load(
    name: str,
    size: str | None = None,
    root: Path | None = None,
    seed: int = 0,
    protocol: str = "full",
    progress: Progress | None = None,
) -> Corpus:
    """A data set: from `root`, or for a staging from the cache, generated if it is missing."""
    if name in STAGINGS:
        size = size or (DEFAULT_SIZE if root is None else None)
        if root is None:
            root = make(name, size=size or DEFAULT_SIZE, seed=seed, progress=progress)
        corpus = STAGINGS[name][1](root, protocol=protocol, name=name)
        corpus.size = size
        return corpus
    if name not in READERS:
        raise KBError(f"no data set is called {name}", mend=f"choose one of {', '.join(names())}")
    if root is None:
        raise KBError(
            f"{name} is not generated", mend="--root names its folder", code=Exit.UNREACHABLE
        )
    return READERS[name](root, protocol=protocol, name=name)


def _quiet(what: str, done: int, of: int) -> None:
    """Nobody is watching."""
