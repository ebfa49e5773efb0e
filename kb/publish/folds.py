"""Protocols that are folds of one dataset: a model's mean over them, with intervals by videos."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from kb.publish import verdicts
from kb.publish.measured import Bench, Point, Series
from kb.records.runs import Data

FOLD = re.compile(r"fold-\d+")
COLUMNS = (("t2v", "R@1"), ("t2v", "R@5"), ("t2v", "R@10"), ("v2t", "R@1"), ("", "SumR"))


@dataclass
class FoldRow:
    """A model, or a reference point, on the folds where it was measured."""

    model: str
    baseline: bool
    folds: dict[str, Series | Point]  # by protocol, in order
    over: tuple[float, float, float] | None = None  # difference to the baseline, fold by fold

    @property
    def is_reference(self) -> bool:
        """Whether it is no model of a paper: the baseline, or a point such as chance."""
        return self.baseline or not self.is_trained

    @property
    def is_trained(self) -> bool:
        """Whether it ran, and is not computed as chance is."""
        return isinstance(self.first, Series)

    @property
    def first(self) -> Series | Point:
        """Its first fold."""
        return next(iter(self.folds.values()))

    def by_fold(self, direction: str, metric: str) -> dict[str, float]:
        """The metric on each fold that has it."""
        values = {fold: one.mean(direction, metric) for fold, one in self.folds.items()}
        return {fold: value for fold, value in values.items() if value is not None}

    def mean(self, direction: str, metric: str) -> float | None:
        """Mean over folds; None where a fold has no value."""
        values = self.by_fold(direction, metric).values()
        return fmean(values) if len(values) == len(self.folds) else None

    def deviation(self, direction: str, metric: str) -> float | None:
        """Standard deviation over folds (n - 1)."""
        values = self.by_fold(direction, metric).values()
        return stdev(values) if len(values) > 1 and self.is_trained else None

    def interval(self, direction: str, metric: str) -> tuple[float, float] | None:
        """95 % interval of the mean.

        The galleries of folds share no video, so the variances of their bootstraps add up.
        """
        mean, halves = self.mean(direction, metric), []
        for one in self.folds.values():
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

    @property
    def baseline(self) -> str:
        """The trained baseline that other rows are held against; empty where there is none."""
        return next((row.model for row in self.rows if row.baseline and row.is_trained), "")


def of_model(every: Iterable[Folded], model: str) -> list[Folded]:
    """The datasets that a model was measured on; inside, its row and what it is held against."""
    own = [one for one in every if any(row.model == model for row in one.rows)]
    return [
        replace(one, rows=[row for row in one.rows if row.model == model or row.is_reference])
        for one in own
    ]


def is_fold(bench: Bench) -> bool:
    """Whether a protocol is one fold of several."""
    return FOLD.fullmatch(bench.protocol) is not None


def title(data: Data) -> str:
    """What a run was measured on, without the fold."""
    fold = FOLD.fullmatch(data.protocol)
    return data.title.replace(f", {data.protocol}", "") if fold else data.title


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
            row = rows.setdefault(one.model, FoldRow(one.model, one.baseline, {}))
            row.folds[bench.protocol] = one
    trained = [row for row in rows.values() if row.is_trained]
    for base in (row for row in trained if row.baseline):
        for row in trained:
            row.over = None if row is base else _over(row, base)
    return sorted(rows.values(), key=lambda row: -(row.mean("t2v", "R@1") or 0.0))


def _over(row: FoldRow, base: FoldRow) -> tuple[float, float, float] | None:
    """Mean difference in text-to-video R@1 over the folds of both, with its 95 % interval."""
    own, other = (one.by_fold("t2v", "R@1") for one in (row, base))
    return verdicts.paired([own[fold] - other[fold] for fold in sorted(own.keys() & other.keys())])
