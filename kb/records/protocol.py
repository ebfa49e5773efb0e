"""What a published number's source says of how it was measured, and what it leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kb.records.splits import NOT_STATED

if TYPE_CHECKING:
    from kb.records.schema import Published

CONDITIONS = ("train_split", "features", "pretraining", "postproc")
_TEST = ("captions_per_video", "gallery")
_UNKNOWN = (None, "unknown", NOT_STATED)


def fixed_by_the_benchmark(row: Published) -> bool:
    """TRECVID's topics come with their collection: infAP has no caption and no other gallery."""
    return "infAP" in row.metrics


def not_stated(row: Published) -> list[str]:
    """The conditions that the source leaves out, without which nothing is comparable.

    `test split`, `captions per video`, `gallery`, `train split`, `features`, `pretraining` and
    `postproc`, in this order; empty for a row whose protocol is known.
    """
    test = () if fixed_by_the_benchmark(row) else _TEST
    names = ("test_split", *test, *CONDITIONS)
    return [name.replace("_", " ") for name in names if getattr(row, name) in _UNKNOWN]
