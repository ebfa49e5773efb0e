"""Leaderboards: the published results of one test, best first, one entry per model and condition."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from kb.publish.number_source import NumberSource, source_of
from kb.publish.protocols import LOWER_IS_BETTER, ORDER, ResultRow, Test
from kb.publish.text import slug

Kind = Literal["none", "pre", "unknown"]

_WITHOUT_PAIRS = re.compile(r"(none|ImageNet\b[^,;]*)", re.IGNORECASE)  # no text was seen with it
_RERUN = re.compile(
    r"re-?run by others|user reproduction|not by the authors|aggregator", re.IGNORECASE
)
_HELPED = re.compile(r"\bannotated clip", re.IGNORECASE)  # test input cut where people marked it
_PLAIN = {"none", "unknown"}  # post-processing that a reader need not be told


@dataclass(frozen=True)
class Condition:
    """The pre-training of a result, beyond the training set of the benchmark."""

    kind: Kind
    label: str  # HowTo100M; "none", "not stated"
    zero_shot: bool = False

    @property
    def title(self) -> str:
        """As a table of conditions names it."""
        plain = {"none": "No extra pre-training", "unknown": "Pre-training not stated"}
        label = plain.get(self.kind, self.label)
        return f"Zero-shot, {label}" if self.zero_shot else label

    @property
    def mark(self) -> str:
        """As the mark of the best result names it."""
        if self.zero_shot:
            return "best, zero-shot"
        return (
            f"best, {self.title[0].lower() + self.title[1:] if self.kind != 'pre' else self.label}"
        )


def condition(row: ResultRow) -> Condition:
    """The condition that a result was obtained under."""
    stated = row.result.pretraining
    zero = "zero-shot" in f"{row.result.train_split} {row.result.variant}".lower()
    if stated is None or stated == "unknown":
        return Condition("unknown", "not stated", zero)
    label = re.sub(r"\s*\([^)]*\)", "", stated).strip() or stated
    if _WITHOUT_PAIRS.fullmatch(label):
        return Condition("none", "none", zero)
    return Condition("pre", label, zero)


@dataclass
class Report:
    """One published result with its source."""

    row: ResultRow
    source: NumberSource
    condition: Condition

    @property
    def rerun(self) -> bool:
        """Whether somebody else than the authors trained the model."""
        result = self.row.result
        said = f"{result.variant} {result.source} {result.note}"
        return result.reported_by == "third_party" and _RERUN.search(said) is not None

    @property
    def postproc(self) -> str | None:
        """Post-processing, if there was any."""
        return None if self.row.result.postproc in _PLAIN else self.row.result.postproc


@dataclass
class Entry:
    """A model under one condition: the report that ranks, and the others."""

    report: Report
    others: list[Report]
    id: str = ""  # anchor, unique on its page
    position: int | None = None  # None: not ranked
    unranked: str | None = None  # the reason
    best: str | None = None  # of which condition it is the best

    @property
    def row(self) -> ResultRow:
        """The row that ranks."""
        return self.report.row

    @property
    def condition(self) -> Condition:
        """Its pre-training."""
        return self.report.condition

    @property
    def year(self) -> int | None:
        """The year of its paper."""
        return self.row.paper.year

    def value(self, metric: str) -> float | None:
        """One metric."""
        value = self.row.result.metrics.get(metric)
        return None if value is None else float(value)


@dataclass
class Board:
    """The leaderboard of one test."""

    test: Test
    path: str  # address of its page from the root, with a closing slash
    shared: bool = False  # whether its page holds other tests too
    entries: list[Entry] = field(default_factory=list)

    @cached_property
    def metric(self) -> str:
        """The metric that ranks: the field's first that most rows have."""
        counts = Counter(
            name
            for row in self.test.rows
            for name, value in row.result.metrics.items()
            if value is not None
        )
        known = [name for name in ORDER if name in counts] or sorted(counts)
        most = max(counts.values(), default=0)
        return next((name for name in known if counts[name] * 2 > most), "R@1")

    @property
    def metrics(self) -> list[str]:
        """The columns: the metrics of its rows that more than one row in eight has."""
        rows = self.test.rows
        return [
            name
            for name in self.test.metrics
            if sum(row.result.metrics.get(name) is not None for row in rows) * 8 > len(rows)
        ]

    @property
    def lower(self) -> bool:
        """Whether a smaller value is better."""
        return self.metric in LOWER_IS_BETTER

    @property
    def ranked(self) -> list[Entry]:
        """The entries with a position, best first."""
        return [one for one in self.entries if one.position is not None]

    @property
    def unranked(self) -> list[Entry]:
        """The others."""
        return [one for one in self.entries if one.position is None]

    @property
    def bests(self) -> list[Entry]:
        """The best of each condition, best first."""
        return [one for one in self.ranked if one.best]

    def leader(self, kind: Kind) -> Entry | None:
        """The best entry without (`none`) or with (`pre`) extra pre-training, zero-shot left out."""
        fits = (e for e in self.ranked if e.condition.kind == kind and not e.condition.zero_shot)
        return next(fits, None)

    def digits(self, metric: str) -> int:
        """Decimals of a column: three for fractions such as infAP, else one."""
        values = [row.result.metrics.get(metric) for row in self.test.rows]
        return 3 if all(value is None or value < 1 for value in values) else 1


def board(test: Test, path: str, *, shared: bool = False) -> Board:
    """The leaderboard of a test."""
    made = Board(test, path, shared)
    groups: dict[tuple[object, ...], list[Report]] = {}
    for row in test.rows:
        report = Report(row, source_of(row.paper, row.result), condition(row))
        key = (row.paper.id, report.condition, report.postproc)
        groups.setdefault(key, []).append(report)
    made.entries = [_entry(reports, made) for reports in groups.values()]
    made.entries.sort(key=lambda entry: _order(entry, made))
    _place(made)
    _name(made)
    return made


def _entry(reports: list[Report], made: Board) -> Entry:
    """The best sourced number of a model stands for it; a re-run only if there is nothing else."""
    ordered = sorted(reports, key=lambda one: _preference(one, made))
    entry = Entry(ordered[0], ordered[1:])
    if entry.value(made.metric) is None:
        entry.unranked = f"no {made.metric} reported"
    elif entry.report.source.url is None:
        entry.unranked = "no public source"
    elif _HELPED.search(entry.row.result.note or ""):
        entry.unranked = "uses the annotated clip boundaries"
    return entry


def _preference(one: Report, made: Board) -> tuple[bool, bool, bool, float]:
    value = one.row.result.metrics.get(made.metric)
    better = float(value or 0.0) * (1 if made.lower else -1)
    return (one.source.url is None, value is None, one.rerun, better)


def _order(entry: Entry, made: Board) -> tuple[bool, float, int, str]:
    value = entry.value(made.metric)
    worst = float("inf")
    better = worst if value is None else value * (1 if made.lower else -1)
    return (entry.unranked is not None, better, entry.year or 0, entry.row.paper.id)


def _place(made: Board) -> None:
    """Positions, equal for equal values, and the best of each condition."""
    ranked = [one for one in made.entries if one.unranked is None]
    values = [one.value(made.metric) for one in ranked]
    seen: set[Condition] = set()
    for entry, value in zip(ranked, values, strict=True):
        entry.position = values.index(value) + 1
        if entry.condition not in seen:
            seen.add(entry.condition)
            entry.best = "best" if entry.position == 1 and len(ranked) > 1 else entry.condition.mark


def _name(made: Board) -> None:
    """Anchors: the paper and its condition."""
    seen: Counter[str] = Counter()
    for entry in made.entries:
        kind = "zero-shot" if entry.condition.zero_shot else entry.condition.kind
        name = f"{entry.row.paper.id}-{kind}"
        if made.shared:
            name = f"{made.test.id}--{name}"
        seen[name] += 1
        entry.id = name if seen[name] == 1 else f"{name}-{seen[name]}"


SMALL = 3  # a test of fewer rows has no page of its own


def boards(dataset: str, tests: Iterable[Test]) -> list[Board]:
    """The leaderboards of a dataset, its main test first; tests of few rows share a page."""
    ordered = sorted(tests, key=_weight)
    addresses = _addresses(ordered)
    made = []
    for at, test in enumerate(ordered):
        alone = at == 0 or len(test.rows) >= SMALL
        name = addresses[test.id] if alone else "other-tests"
        made.append(board(test, f"benchmarks/{dataset}/{name}/", shared=not alone))
    return made


def _weight(test: Test) -> tuple[bool, bool, bool, int, tuple[str, ...]]:
    head = test.head
    return (
        head.direction == "other",
        head.direction == "v2t",
        "not stated" in head.test_split or "unspecified" in head.test_split,
        -len(test.rows),
        test.key,
    )


def _addresses(tests: list[Test]) -> dict[str, str]:
    """Split and direction; where two tests share them, the one of fewer rows says everything."""
    names: dict[str, str] = {}
    for test in tests:
        short = slug(f"{test.head.test_split}-{test.head.direction}")
        names[test.id] = test.id if short in {*names.values(), "other-tests"} else short
    return names


def differing(made: Board) -> list[tuple[str, list[tuple[str, int]]]]:
    """The conditions in which its rows differ, each with its values and their counts."""
    conditions: list[tuple[str, Callable[[ResultRow], str | None]]] = [
        ("Training set", lambda row: row.result.train_split),
        ("Extra pre-training", lambda row: row.result.pretraining),
        ("Features", lambda row: row.result.features),
        ("Post-processing", lambda row: row.result.postproc),
    ]
    counted = []
    for name, read in conditions:
        counts = Counter(
            "not stated" if read(row) in {None, "unknown"} else str(read(row))
            for row in made.test.rows
        )
        if len(counts) > 1 or "not stated" in counts:
            counted.append((name, counts.most_common()))
    return counted
