"""A corpus written as the field's code bases read it: the same data for theirs and for ours.

`bigfile`: hybrid_space, W2VV++, SEA, dual encoding. `clip4clip`: CLIP4Clip, X-Pool, DRL. `mmt`: MMT
and collaborative experts. `howto100m`: HowTo100M, MIL-NCE. Each is read back by our own readers.
"""

from pathlib import Path

from kb.datasets.corpus import Corpus
from kb.datasets.layouts import bigfile, clip4clip, howto100m, mmt
from kb.datasets.layouts.layout import Layout, Pixels, Progress, mark, marked
from kb.records.errors import KBError

__all__ = ["LAYOUTS", "PUBLISHED", "marked", "read", "write"]

LAYOUTS: dict[str, Layout] = {
    "bigfile": Layout(bigfile.write, bigfile.read),
    "clip4clip": Layout(clip4clip.write, clip4clip.read),
    "mmt": Layout(mmt.write, mmt.read),
    "howto100m": Layout(howto100m.write, howto100m.read),
}
PUBLISHED = "published"  # the dataset's own file format: no layout of another


def write(
    corpus: Corpus,
    layout: str,
    folder: Path,
    *,
    pixels: Pixels | None = None,
    progress: Progress | None = None,
) -> None:
    """Write a corpus into an empty folder. `pixels` yields (video, frames) where there are any.

    Raises KBError for an unknown layout, and for a corpus that it cannot hold.
    """
    if layout not in LAYOUTS:
        known = ", ".join([PUBLISHED, *LAYOUTS])
        raise KBError(f"layout {layout} is unknown", hint=f"choose {known}")
    LAYOUTS[layout].write(corpus, folder, pixels, progress or _quiet)
    mark(folder, layout, corpus)


def read(root: Path) -> Corpus | None:
    """The corpus that `write` left under `root`; None where it left none."""
    mark = marked(root)
    if mark is None or mark["layout"] not in LAYOUTS:
        return None
    return LAYOUTS[mark["layout"]].read(root, mark["name"])


def _quiet(what: str, done: int, of: int) -> None:
    """Nobody is watching."""
