"""Measured runs beside published numbers: which are comparable, and which agree.

In ACM's words a number is reproduced with the authors' own artifacts, here their weights, and
replicated with our own code. It is so when |ours - published| is at most the largest of: twice the standard
deviation over seeds, half the bootstrap interval of a run, half a unit of the last digit that was
printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from kb.records import splits
from kb.records.runcode import OFFICIAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kb.records.runs import Run
    from kb.records.schema import Published

RECALLS = ("R@1", "R@5", "R@10", "R@50")


@dataclass(frozen=True)
class Number:
    """One published number, ours, and how far apart they may be."""

    direction: str
    metric: str
    published: float
    ours: float
    term: str  # reproduced, or replicated
    spread: float  # 2 sd over seeds; 0 for one seed
    interval: float  # half the bootstrap interval, mean over the runs
    rounding: float

    @property
    def tolerance(self) -> float:
        """The largest difference that counts as agreement."""
        return max(self.spread, self.interval, self.rounding)

    @property
    def reproduced(self) -> bool:
        """Whether they agree."""
        return abs(self.ours - self.published) <= self.tolerance

    def as_json(self) -> dict[str, Any]:
        """The JSON object of `kb repro --json`."""
        return {
            "direction": self.direction,
            "metric": self.metric,
            "published": self.published,
            "ours": self.ours,
            "tolerance": self.tolerance,
            "reproduced": self.reproduced,
            "term": self.term,
        }


def differences(row: Published, run: Run) -> list[str]:
    """Why a run is not comparable with a published row; empty if it is, as far as is known.

    Features are shown but not compared: no file records which network made them.
    """
    data, reasons = run.data, []
    if run.variant != "full" and not run.variant.startswith(OFFICIAL):
        reasons.append(f"variant {run.variant}")
    reasons += [f"{name} {value}, not the recipe's" for name, value in run.changes.items()]
    if data.size is not None or row.dataset != data.name:
        reasons.append(f"data {data.name}, published {row.dataset}")
    reasons += [data.coverage] if data.coverage else []
    if splits.protocol(row) != data.protocol:
        reasons.append(f"test split {data.protocol}, published {row.test_split}")
    gallery = data.gallery if row.direction == "t2v" else data.queries
    if row.gallery is not None and row.gallery != gallery:
        reasons.append(f"gallery {gallery:,}, published {row.gallery:,}")
    each = row.captions_per_video
    if isinstance(each, int) and each != data.captions_per_video:
        reasons.append(f"{data.captions_per_video:g} captions per video, published {each}")
    if row.direction not in {"t2v", "v2t"}:
        reasons.append(f"direction {row.direction}")
    pretraining = f"tower {run.tower}" if run.tower else "no pre-training"
    for ours, condition in (("no post-processing", row.postproc), (pretraining, row.pretraining)):
        if condition not in {None, "none", "unknown"}:
            reasons.append(f"{ours}, published {condition}")
    if row.variant is not None:
        reasons.append(f"published for a variant: {row.variant}")
    return reasons


def term(run: Run) -> str:
    """`reproduced` of a run of the authors' own weights, else `replicated`."""
    return "reproduced" if run.variant.startswith(OFFICIAL) else "replicated"


def check(row: Published, runs: Sequence[Run]) -> list[Number]:
    """A number for each metric that the row and the runs (one per seed) have."""
    numbers = []
    for metric, published in row.metrics.items():
        values = [run.metrics.get(row.direction, {}).get(metric) for run in runs]
        if published is None or None in values or not runs:
            continue
        bounds = [run.intervals[row.direction][metric] for run in runs]
        numbers.append(
            Number(
                direction=row.direction,
                metric=metric,
                published=float(published),
                ours=fmean(values),
                term=term(runs[0]),
                spread=2 * stdev(values) if len(values) > 1 else 0.0,
                interval=fmean((bound.high - bound.low) / 2 for bound in bounds),
                rounding=_rounding(row, metric),
            )
        )
    return numbers


def _rounding(row: Published, metric: str) -> float:
    """Half a unit of the last digit; recalls of one row are printed alike: 22 beside 7.6 is 22.0."""
    alike = RECALLS if metric in RECALLS else (metric,)
    digits = [_digits(value) for name, value in row.metrics.items() if name in alike]
    return 0.5 * 10.0 ** -max(digits)


def _digits(value: float | None) -> int:
    """Digits behind the point, as the record writes the number."""
    return 0 if value is None or isinstance(value, int) else len(f"{value!r}".partition(".")[2])
