"""Scores of one model in two states, on the same data and seeds: means, and their difference."""

from dataclasses import dataclass
from statistics import fmean

from kb.publish import measured, verdicts
from kb.records import Run


@dataclass(frozen=True)
class Paired:
    """Means before and after, and the paired difference."""

    metric: str  # SumR, or infAP where the queries are topics
    digits: int
    before: float
    after: float
    difference: tuple[float, float, float]  # mean, and its 95 % interval


def paired(before: list[Run], after: list[Run]) -> Paired | None:
    """The scores of runs that belong together one by one; None with fewer than two pairs."""
    by_topics = bool(after) and after[0].headline == "infAP"
    column = ("t2v", "infAP") if by_topics else ("", "SumR")
    old, new = ([measured.value(run, *column) or 0.0 for run in of] for of in (before, after))
    difference = verdicts.paired([b - a for a, b in zip(old, new, strict=True)])
    if difference is None:
        return None
    return Paired(column[1], 3 if by_topics else 1, fmean(old), fmean(new), difference)
