"""Measured runs, grouped by data and protocol and averaged over seeds."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, ClassVar

from kb.publish.text import slug
from kb.records import Library, Run, reproducers, runcode
from kb.records.runs import Interval

COLUMNS = (
    *((direction, name) for direction in ("t2v", "v2t") for name in ("R@1", "R@5", "R@10", "MedR")),
    ("", "SumR"),
)
FRACTIONS = tuple(("t2v", name) for name in ("infAP", "infNDCG", "iP10", "iP100"))  # of topics


@lru_cache(maxsize=4)
def runs(library: Library) -> tuple[Run, ...]:
    """The measured runs in order of file name; of one opened library they are read once."""
    return tuple(library.runs())


def resampled(intervals: Iterable[Interval]) -> str:
    """What the intervals resample, in words."""
    return "; ".join(dict.fromkeys(interval.how for interval in intervals))


def value(run: Run, direction: str, metric: str) -> float | None:
    """One metric of one run; None where it was not measured."""
    table = run.metrics.get(direction) if direction else run.metrics
    entry = table.get(metric) if isinstance(table, dict) else None
    return float(entry) if isinstance(entry, (int, float)) else None


@dataclass
class Series:
    """The seeds of one model and variant."""

    model: str
    variant: str
    baseline: bool
    runs: list[Run]
    older: bool = False  # measured with older code than is there now

    def values(self, direction: str, metric: str) -> list[float]:
        """The metric of every seed that has it."""
        numbers = (value(run, direction, metric) for run in self.runs)
        return [number for number in numbers if number is not None]

    def mean(self, direction: str, metric: str) -> float | None:
        """Mean over seeds."""
        values = self.values(direction, metric)
        return fmean(values) if values else None

    def deviation(self, direction: str, metric: str) -> float | None:
        """Standard deviation over seeds (n - 1); None with one seed."""
        values = self.values(direction, metric)
        return stdev(values) if len(values) > 1 else None

    def intervals(self, direction: str, metric: str) -> list[Interval]:
        """The bootstrap interval of every seed that has one."""
        intervals_ = (run.intervals.get(direction or "both", {}).get(metric) for run in self.runs)
        return [interval for interval in intervals_ if interval is not None]

    @property
    def seeds(self) -> list[int]:
        """The seeds, in order."""
        return sorted(run.seed for run in self.runs)

    @property
    def rising(self) -> int:
        """How many had not converged."""
        return sum(run.rising for run in self.runs)


@dataclass
class Point:
    """A reference point that needs no training: chance, or the ground-truth oracle."""

    model: str
    metrics: dict[str, Any]

    baseline = True
    older = False
    seeds: ClassVar[list[int]] = []
    rising = 0
    runs: ClassVar[list[Run]] = []

    @property
    def variant(self) -> str:
        """The name of the point: it has no variants."""
        return self.model

    def mean(self, direction: str, metric: str) -> float | None:
        """The metric."""
        table = self.metrics.get(direction) if direction else self.metrics
        entry = table.get(metric) if isinstance(table, dict) else None
        return float(entry) if isinstance(entry, (int, float)) else None

    def deviation(self, _direction: str, _metric: str) -> None:
        """Nothing varies."""

    def intervals(self, _direction: str, _metric: str) -> list[Interval]:
        """None: a reference point has no resamples."""
        return []


@dataclass
class Bench:
    """Runs that can be compared: same data by fingerprint, same split, same protocol."""

    name: str
    size: str | None
    fingerprint: str
    split: str
    protocol: str
    queries: int
    gallery: int
    captions_per_video: float
    series: list[Series | Point]
    coverage: str  # 2,985 of 2,990 test videos; empty where all are there
    features: str | None  # frames=resnet: the folder that was asked for

    @property
    def key(self) -> str:
        """A name for anchors: the data's fingerprint, with the protocol unless it is the full one."""
        protocol = "" if self.protocol == "full" else f"-{slug(self.protocol)}"
        return f"{self.fingerprint}{protocol}"

    @property
    def headline(self) -> str:
        """The main text-to-video metric: R@1, or infAP for topics."""
        return next((run.headline for one in self.series for run in one.runs), "R@1")

    @property
    def by_topics(self) -> bool:
        """Whether the queries are topics: one direction, metrics as fractions."""
        return self.headline == "infAP"

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Direction and metric of a table's columns."""
        return FRACTIONS if self.by_topics else COLUMNS

    @property
    def digits(self) -> int:
        """Decimals of those columns."""
        return 3 if self.by_topics else 1

    @property
    def whole(self) -> list[Series | Point]:
        """Full models and reference points, without variants and other code."""
        return [one for one in self.series if one.variant in {"full", one.model}]

    @property
    def models(self) -> list[Series]:
        """The full models alone."""
        return [one for one in self.whole if isinstance(one, Series) and not one.baseline]

    @property
    def title(self) -> str:
        """`diorama-msrvtt, small`, or `msrvtt, 2,985 of 2,990 test videos`."""
        return next((run.data.title for one in self.series for run in one.runs), self.name)


def benches(runs: Iterable[Run], root: Path) -> list[Bench]:
    """Finished runs by data; inside, series by falling text-to-video R@1, or infAP.

    Runs in probe worlds decide claims and are compared there; those of other reproducers have
    series of their own.
    """
    groups: dict[tuple[object, ...], dict[tuple[str, str], list[Run]]] = {}
    for run in runs:
        if run.status == "done" and run.data.probe is None:
            key = tuple(run.data.model_dump().items())
            groups.setdefault(key, {}).setdefault((run.model, run.variant), []).append(run)
    return [_bench(models, root) for models in groups.values()]


def _bench(models: dict[tuple[str, str], list[Run]], root: Path) -> Bench:
    trained = [
        Series(model, name, runs[0].kind == "baseline", runs, runcode.is_older(root, runs[0]))
        for (model, variant), every in models.items()
        for whose, made in _by_reproducer(variant, every)
        for name, runs in _by_configuration(whose, made)
    ]
    newest = trained[0].runs[0]
    points = [Point(name, metrics) for name, metrics in newest.reference.items() if metrics]
    series: list[Series | Point] = [*trained, *points]
    series.sort(key=lambda one: -(one.mean("t2v", newest.headline) or 0.0))
    data = newest.data
    return Bench(
        name=data.name,
        size=data.size,
        fingerprint=data.fingerprint,
        split=data.split,
        protocol=data.protocol,
        queries=data.queries,
        gallery=data.gallery,
        captions_per_video=data.captions_per_video,
        series=series,
        coverage=data.coverage,
        features=data.features,
    )


def _by_reproducer(variant: str, runs: list[Run]) -> list[tuple[str, list[Run]]]:
    """A variant's runs by who made them; those of the knowledge base have the variant's name."""
    first = reproducers.own(runs)[0].by
    return [
        (variant if by == first else f"{variant}, by {reproducers.name(by)}", made)
        for by, made in reproducers.split(runs).items()
    ]


def _by_configuration(variant: str, runs: list[Run]) -> list[tuple[str, list[Run]]]:
    """A variant's runs by configuration, recipe and code: only seeds of the same are averaged.

    The latest runs with an unchanged recipe get the variant's name, or else the latest runs.
    """
    groups: dict[tuple[str, str | None], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.config_hash, run.code), []).append(run)
    ordered = sorted(groups.values(), key=_recency, reverse=True)
    names = [variant]
    for group in ordered[1:]:
        same = group[0].config_hash == ordered[0][0].config_hash
        names.append(f"{variant}, {'older code' if same else 'other recipe'}")
    return list(zip(names, ordered, strict=True))


def _recency(runs: list[Run]) -> tuple[bool, str]:
    return any(not run.changes for run in runs), max(run.date for run in runs)
