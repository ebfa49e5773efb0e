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


def reasons(one: Published, other: Published) -> list[str]:
    """Why two published numbers do not compare; empty if nothing that the sources state differs.

    What a source leaves out is a reason too: it may be the difference.
    """
    names: tuple[str, ...] = (
        "dataset",
        "test_split",
        "direction",
        *_TEST,
        "unit",
        "dataset_detail",
        *CONDITIONS,
    )
    if fixed_by_the_benchmark(one) and fixed_by_the_benchmark(other):
        names = tuple(name for name in names if name not in _TEST)
    differences = []
    for name in names:
        values = [getattr(row, name) for row in (one, other)]
        label = name.replace("_", " ")
        if values[0] != values[1]:
            told = ["not stated" if value in _UNKNOWN else str(value) for value in values]
            differences.append(f"{label}: {told[0]}, {told[1]}")
        elif values[0] in _UNKNOWN and name not in {"unit", "dataset_detail"}:
            differences.append(f"{label}: not stated by either")
    if not set(one.metrics) & set(other.metrics):
        differences.append("no metric in common")
    return differences
