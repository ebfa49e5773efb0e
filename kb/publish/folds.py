"""Protocols that are folds of one dataset: a model's mean over them, with intervals by videos."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, stdev

from kb.publish.measured import Bench, Point, Series

FOLD = re.compile(r"fold-\d+")
COLUMNS = (("t2v", "R@1"), ("t2v", "R@5"), ("t2v", "R@10"), ("v2t", "R@1"), ("", "SumR"))


@dataclass
class FoldRow:
    """A model, or a reference point, on the folds where it was measured."""

    model: str
    baseline: bool
    folds: list[Series | Point]

    def mean(self, direction: str, metric: str) -> float | None:
        """Mean over folds; None where a fold has no value."""
        values = [one.mean(direction, metric) for one in self.folds]
        return None if None in values else fmean(v for v in values if v is not None)

    def deviation(self, direction: str, metric: str) -> float | None:
        """Standard deviation over folds (n - 1)."""
        values = [v for one in self.folds if (v := one.mean(direction, metric)) is not None]
        return stdev(values) if len(values) > 1 and isinstance(self.folds[0], Series) else None

    def interval(self, direction: str, metric: str) -> tuple[float, float] | None:
        """95 % interval of the mean.

        The galleries of folds share no video, so the variances of their bootstraps add up.
        """
        mean, halves = self.mean(direction, metric), []
        for one in self.folds:
            widths = [i.high - i.low for i in one.intervals(direction, metric)]
            halves.append(fmean(widths) / 2 if widths else math.nan)
        half = math.hypot(*halves) / len(halves)
        return None if mean is None or math.isnan(half) else (max(0.0, mean - half), mean + half)


@dataclass
class Folded:
    """The folds of one dataset that models were measured on."""

    title: str
    key: str
    protocols: list[str]
    rows: list[FoldRow]


def is_fold(bench: Bench) -> bool:
    """Whether a protocol is one fold of several."""
    return FOLD.fullmatch(bench.protocol) is not None


def folded(benches: Iterable[Bench]) -> list[Folded]:
    """Datasets measured by folds; inside, models by falling text-to-video R@1."""
    groups: dict[tuple[str, str], list[Bench]] = {}
    for bench in benches:
        if is_fold(bench):
            groups.setdefault((bench.name, bench.fingerprint), []).append(bench)
    return [
        Folded(name, f"folds-{key[:12]}", sorted(one.protocol for one in group), _rows(group))
        for (name, key), group in groups.items()
    ]


def _rows(group: list[Bench]) -> list[FoldRow]:
    rows: dict[str, FoldRow] = {}
    for bench in sorted(group, key=lambda one: one.protocol):
        for one in bench.whole:
            rows.setdefault(one.model, FoldRow(one.model, one.baseline, [])).folds.append(one)
    return sorted(rows.values(), key=lambda row: -(row.mean("t2v", "R@1") or 0.0))
