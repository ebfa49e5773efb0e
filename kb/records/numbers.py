"""Measured runs beside published numbers: what may be compared, and whether it agrees.

A number is reproduced when |ours - published| is at most the largest of: twice the standard
deviation over seeds, half the bootstrap interval over queries, half a unit of the last digit that
was printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

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
    spread: float  # 2 sd over seeds; 0 for one seed
    interval: float  # half the bootstrap interval over queries
    rounding: float

    @property
    def tolerance(self) -> float:
        """How far apart they may be."""
        return max(self.spread, self.interval, self.rounding)

    @property
    def reproduced(self) -> bool:
        """Whether they agree."""
        return abs(self.ours - self.published) <= self.tolerance

    def as_json(self) -> dict[str, Any]:
        """The number as `kb repro --json` prints it."""
        return {
            "direction": self.direction,
            "metric": self.metric,
            "published": self.published,
            "ours": self.ours,
            "tolerance": self.tolerance,
            "reproduced": self.reproduced,
        }


def differences(row: Published, run: Run) -> list[str]:
    """What keeps a run from being compared with a published row; empty where nothing is known to.

    Features are told, not judged: no file says which network made it.
    """
    data, found = run.data, []
    if run.variant != "full" and not run.variant.startswith("official-"):
        found.append(f"variant {run.variant}")
    found += [f"{name} {value}, not the recipe's" for name, value in run.changes.items()]
    if data.size is not None or row.dataset != data.name:
        found.append(f"data {data.name}, published {row.dataset}")
    if row.test_split != data.protocol:
        found.append(f"test split {data.protocol}, published {row.test_split}")
    gallery = data.gallery if row.direction == "t2v" else data.queries
    if row.gallery is not None and row.gallery != gallery:
        found.append(f"gallery {gallery:,}, published {row.gallery:,}")
    each = row.captions_per_video
    if isinstance(each, int) and each != data.captions_per_video:
        found.append(f"{data.captions_per_video:g} captions a video, published {each}")
    if row.direction not in {"t2v", "v2t"}:
        found.append(f"direction {row.direction}")
    for what, said in (("post-processing", row.postproc), ("pre-training", row.pretraining)):
        if said not in {None, "none", "unknown"}:
            found.append(f"no {what}, published {said}")
    if row.variant is not None:
        found.append(f"published for a variant: {row.variant}")
    return found


def check(row: Published, runs: Sequence[Run]) -> list[Number]:
    """A number for each metric that the row and the runs (one a seed) have."""
    found = []
    for metric, published in row.metrics.items():
        values = [run.metrics.get(row.direction, {}).get(metric) for run in runs]
        if published is None or None in values or not runs:
            continue
        bounds = [run.intervals[row.direction][metric] for run in runs]
        found.append(
            Number(
                direction=row.direction,
                metric=metric,
                published=float(published),
                ours=fmean(values),
                spread=2 * stdev(values) if len(values) > 1 else 0.0,
                interval=fmean((bound.high - bound.low) / 2 for bound in bounds),
                rounding=_rounding(row, metric),
            )
        )
    return found


def _rounding(row: Published, metric: str) -> float:
    """Half a unit of the last digit; recalls of one row are printed alike: 22 beside 7.6 is 22.0."""
    alike = RECALLS if metric in RECALLS else (metric,)
    digits = [_digits(value) for name, value in row.metrics.items() if name in alike]
    return 0.5 * 10.0 ** -max(digits)


def _digits(value: float | None) -> int:
    """Digits behind the point, as the record writes the number."""
    return 0 if value is None or isinstance(value, int) else len(f"{value!r}".partition(".")[2])
