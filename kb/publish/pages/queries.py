"""Queries of one run beside the frames of their videos: those of the benchmark's contact sheet.

The sheet holds the first families of the test split, the same for every model, so nothing is chosen
for what a model does with it.
"""

import re
import struct
from dataclasses import dataclass
from pathlib import Path

from kb.records import Run, recount
from kb.records.worlds import Measured, picture

_NUMBERED = re.compile(r"video(\d+)")  # counted over training, validation and test split
_GAP = 2  # pixels of paper under each row
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Strip:
    """The frames of one video: a row of the contact sheet. Pixels."""

    image: str  # address below assets/
    width: int
    height: int  # of the sheet
    top: float
    row: float


@dataclass(frozen=True)
class Query:
    """One caption with the rank of its own video."""

    text: str
    rank: float
    video: str
    twin: str  # how the video differs from the one before; "" for the first of a family
    paired: bool  # whether the sheet shows its minimal pair
    strip: Strip

    @property
    def right(self) -> bool:
        """Whether its own video comes first."""
        return self.rank == 1


def queries(assets: Path, row: Measured, run: Run) -> list[Query]:
    """The sheet's captions, wrong ones first; empty where ranks and captions cannot be matched."""
    if not row.sheet or "t2v" not in run.ranks or run.data.fingerprint != row.fingerprint:
        return []
    ranks, test = recount.unpack(run.ranks["t2v"]), row.splits["test"]
    before = row.splits["train"].videos + row.splits["val"].videos
    size = _size(assets / picture(row))
    if len(ranks) != test.captions or test.captions % test.videos or size is None:
        return []
    shown = []
    for at, example in enumerate(row.sheet):
        number = _NUMBERED.fullmatch(example.video)
        if number is None or not 0 <= int(number[1]) - before < test.videos:
            return []
        first = (int(number[1]) - before) * (test.captions // test.videos)
        after = row.sheet[at + 1].twin if at + 1 < len(row.sheet) else ""
        height = size[1] / len(row.sheet)
        strip = Strip(picture(row), *size, at * height, height - _GAP)
        shown += [
            Query(
                text,
                ranks[first + n],
                example.video,
                example.twin,
                bool(example.twin or after),
                strip,
            )
            for n, text in enumerate(example.captions)
        ]
    return sorted(shown, key=lambda one: one.right)


def _size(path: Path) -> tuple[int, int] | None:
    """Width and height of a PNG; None where it is none."""
    if not path.is_file():
        return None
    head = path.read_bytes()[:24]
    width, height = struct.unpack(">II", head[16:24]) if head.startswith(_PNG) else (0, 0)
    return (width, height) if width and height else None
