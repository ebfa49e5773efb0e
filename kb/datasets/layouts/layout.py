"""The interface of a layout, and the mark it leaves."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb.datasets.corpus import Corpus
from kb.records.errors import KBError

Pixels = Iterable[tuple[str, NDArray[np.uint8]]]  # video, (frames, height, width, 3)
Progress = Callable[[str, int, int], None]  # (what, done, of)
_MARK = "layout.json"
OFFICIAL = {"train": "train", "val": "validate", "test": "test"}  # ours: as MSR-VTT's files say


@dataclass(frozen=True)
class Layout:
    """How a corpus is written and read back."""

    write: Callable[[Corpus, Path, Pixels | None, Progress], None]
    read: Callable[[Path, str], Corpus]


def mark(folder: Path, layout: str, corpus: Corpus) -> None:
    """Write the mark of a folder's contents."""
    note = {
        "layout": layout,
        "name": corpus.name,
        "protocol": corpus.protocol,
        "fingerprint": corpus.fingerprint,
    }
    (folder / _MARK).write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")


def marked(root: Path) -> dict[str, str] | None:
    """The mark of a folder; None if it is missing or unreadable."""
    try:
        mark = json.loads((root / _MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    complete = isinstance(mark, dict) and {"layout", "name"} <= mark.keys()
    return {key: str(value) for key, value in mark.items()} if complete else None


def every_video(corpus: Corpus) -> Iterator[str]:
    """Videos of all splits, each once."""
    yield from dict.fromkeys(v for split in corpus.splits.values() for v in split.videos)


def one_line(text: str) -> str:
    """A text without line breaks or tabs, which these layouts cannot hold."""
    return " ".join(text.split())


def check_ids(corpus: Corpus, forbidden: str, layout: str) -> None:
    """KBError where a video's id has a character that a layout cannot hold."""
    for video in every_video(corpus):
        if not video or any(letter in forbidden or letter.isspace() for letter in video):
            what = f"{video!r} cannot be an id in the layout {layout}"
            raise KBError(what, hint="ids there have no white space and no separator")


def check_captions(corpus: Corpus, layout: str) -> None:
    """KBError where the test queries are topics, without captions."""
    if not corpus.splits["test"].captions:
        what = f"{corpus.name} has no test captions, which the layout {layout} needs"
        raise KBError(what, hint="take --layout published")
