"""Datasets by name: their readers, and the generator of synthetic ones."""

from collections.abc import Callable
from functools import partial
from itertools import accumulate
from pathlib import Path

from kb.datasets import cache, layouts
from kb.datasets.corpus import Corpus
from kb.datasets.layouts.layout import Pixels
from kb.datasets.readers.registry import READERS, Reader
from kb.datasets.synthetic import (
    activitynet_format,
    howto100m_format,
    msrvtt_format,
    oracle,
    probes,
    rendering,
    stock,
    structure,
    truth,
)
from kb.datasets.synthetic.counterparts import COUNTERPARTS
from kb.datasets.synthetic.probes import Probe
from kb.datasets.synthetic.world import Progress, World, quiet
from kb.records.errors import Exit, KBError

DEFAULT_SIZE = "small"
Write = Callable[[World, Path, Progress], None]  # a world into an empty folder


def names() -> list[str]:
    """Every name `load` takes: the synthetic datasets, then the real ones."""
    return [*COUNTERPARTS, *READERS]


def listing() -> list[dict[str, str]]:
    """A row per dataset: name, kind (generated or reader), description."""
    made = []
    for name, counterpart in COUNTERPARTS.items():
        sizes = [f"{n} {s.train:,}/{s.val:,}/{s.test:,}" for n, s in counterpart.sizes.items()]
        about = f"videos: {', '.join(sizes)}"
        made.append({"name": name, "kind": "generated", "about": about})
    about = f"probe worlds of claims; mechanisms: {', '.join(probes.MECHANISMS)}"
    made.append({"name": probes.NAME, "kind": "generated", "about": about})
    return made + [
        {"name": name, "kind": "reader", "about": f"{reader.about} {_protocols(reader)}"}
        for name, reader in READERS.items()
    ]


def _protocols(reader: Reader) -> str:
    return f"Protocols: {', '.join(reader.protocols)}."


def folder_of(name: str, size: str, seed: int) -> tuple[World, Path]:
    """A synthetic world and its folder in the cache, generated or not."""
    if name not in COUNTERPARTS:
        raise KBError(f"{name} is no synthetic dataset", hint=f"choose {' or '.join(COUNTERPARTS)}")
    counterpart = COUNTERPARTS[name]
    if size not in counterpart.sizes:
        raise KBError(f"size {size} is unknown", hint=f"choose {', '.join(counterpart.sizes)}")
    world = counterpart.world(name, size, seed)
    return world, cache.home() / "diorama" / f"{name}-{size}-seed{seed}-{world.key()}"


def make(
    name: str,
    *,
    size: str = DEFAULT_SIZE,
    seed: int = 0,
    out: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """The folder of a synthetic dataset, generated if it is missing; an interrupted run is resumed."""
    world, cached = folder_of(name, size, seed)
    return _generated(world, COUNTERPARTS[name].write, out or cached, progress)


def _generated(world: World, write: Write, place: Path, progress: Progress | None) -> Path:
    """The folder of a world, written if it is missing. KBError where it holds another."""

    def fill(begun: Path) -> None:
        write(world, begun, progress or quiet)
        stock.finish(begun)

    folder = cache.made_once(place, fill, resumable=True)
    if truth.read(folder)["parameters"] != world.parameters():
        raise KBError("holds another world", where=folder, hint="give --out a new folder")
    return folder


def standing(name: str, *, size: str, seed: int, out: Path | None = None) -> tuple[int, int]:
    """Videos with features from an interrupted run, and all videos."""
    world, cached = folder_of(name, size, seed)
    return stock.standing(cache.begun(out or cached)), world.size.videos


def with_pixels(
    name: str,
    *,
    size: str = DEFAULT_SIZE,
    seed: int = 0,
    root: Path | None = None,
    progress: Progress | None = None,
) -> tuple[Corpus, Pixels | None]:
    """A dataset, and (video, frames) of each video where they can be rendered: of a synthetic dataset."""
    corpus = load(name, size=size, root=root, seed=seed, progress=progress)
    if name not in COUNTERPARTS:
        return corpus, None
    videos = truth.videos(root or make(name, size=size, seed=seed))
    return corpus, ((video.id, rendering.render(video.script)) for video in videos)


def write_layout(
    corpus: Corpus,
    layout: str,
    out: Path,
    pixels: Pixels | None = None,
    progress: Progress | None = None,
) -> Path:
    """A corpus in the layout of the field's code bases, in a new folder `out`."""
    if out.exists() and any(out.iterdir()):
        raise KBError("is not empty", where=out, hint="give --out a new folder")
    return cache.made_once(
        out, lambda empty: layouts.write(corpus, layout, empty, pixels=pixels, progress=progress)
    )


def load(
    name: str,
    size: str | None = None,
    root: Path | None = None,
    seed: int = 0,
    protocol: str = "full",
    progress: Progress | None = None,
) -> Corpus:
    """A dataset: from `root`, or for a synthetic one from the cache, generated if it is missing."""
    if name not in names():
        raise KBError(f"no dataset is called {name}", hint=f"choose {', '.join(names())}")
    if name in READERS:
        if root is None:
            hint = f"--root names the folder with its files; `kb data check {name} --root DIR`"
            raise KBError(f"{name} cannot be generated", hint=hint, code=Exit.UNREACHABLE)
        return READERS[name](root, protocol=protocol, name=name)
    if root is None:
        size = size or DEFAULT_SIZE
        root = make(name, size=size, seed=seed, progress=progress)
    corpus = COUNTERPARTS[name].read(root, protocol=protocol, name=name)
    if not (root / truth.TRUTH).is_file() and layouts.marked(root) is not None:
        return corpus  # in another code base's layout: read as any real copy
    corpus.size = size
    if corpus.moments and not corpus.durations:
        corpus.durations = howto100m_format.durations(root)
    return _with_truth(corpus, root)


def make_probe(probe: Probe, *, out: Path | None = None, progress: Progress | None = None) -> Path:
    """The folder of a probe world, generated if it is missing; an interrupted run is resumed."""
    world = probe.world()
    name = f"probe-{probe.mechanism}-{probe.level}-{probe.size}-seed{probe.seed}-{world.key()}"
    paragraphs = probes.mechanism(probe.mechanism).paragraphs
    write = activitynet_format.write if paragraphs else msrvtt_format.write
    return _generated(world, write, out or cache.home() / "diorama" / name, progress)


def load_probe(probe: Probe, progress: Progress | None = None) -> Corpus:
    """A probe world; if it has no frames, its first expert is read in their place."""
    root = make_probe(probe, progress=progress)
    of = "activitynet" if probes.mechanism(probe.mechanism).paragraphs else "msrvtt"
    corpus = READERS[of](root, protocol="full", name=probes.NAME)
    corpus.size, corpus.probe = probe.size, probe
    if "frames" not in corpus.features:
        corpus.features["frames"] = corpus.features.pop(probe.experts[0])
    return _with_truth(corpus, root)


def _with_truth(corpus: Corpus, root: Path) -> Corpus:
    """The corpus of a generated dataset with what its sidecar adds."""
    corpus.transcripts = truth.transcripts(root)
    if corpus.protocol == "full":  # the captions that the truth tells of
        corpus.roles = partial(structure.read_roles, root, _rows(corpus))
        corpus.syntax = partial(structure.read_syntax, root, _rows(corpus))
    corpus.families = partial(truth.families, root)
    corpus.pixels = truth.Rendered(root)
    corpus.minimal_pairs = partial(_minimal_pairs, root)
    return corpus


def _minimal_pairs(root: Path) -> dict[str, list[tuple[str, str]]]:
    every = truth.videos(root)
    pairs = oracle.distinguishing(every)
    return {kind: [(every[a].id, every[b].id) for a, b in of] for kind, of in pairs.items()}


def _rows(corpus: Corpus) -> dict[str, range]:
    """Split -> its range of caption rows."""
    ends = accumulate(len(split.captions) for split in corpus.splits.values())
    return {
        name: range(end - len(split.captions), end)
        for end, (name, split) in zip(ends, corpus.splits.items(), strict=True)
    }
