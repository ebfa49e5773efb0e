"""Models beside each other: one table of all, paired differences of every two."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import combinations

from kb.publish import effects, measured, verdict_box, verdicts
from kb.publish.effects import Effect
from kb.publish.pages.models import best_published
from kb.publish.pages.site import NOT_SEARCHED, Site
from kb.publish.pages.subpages import tabs
from kb.publish.text import web_address
from kb.records import Dataset, Paper

TESTS = 4  # published tests in the table: those that most of the models have a result on
SEEDS = 3  # that two models share, for a paired difference


@dataclass
class Column:
    """One model in the comparison."""

    name: str
    paper: Paper | None
    idea: str
    code: str | None
    series: measured.Series | None = None
    published: dict[str, float] = field(default_factory=dict)  # test's address -> R@1
    marks: list[verdict_box.Mark] = field(default_factory=list)

    @property
    def parameters(self) -> int | None:
        """Of the full model."""
        return (
            max((run.cost.parameters for run in self.series.runs), default=None)
            if self.series
            else None
        )

    @property
    def seconds(self) -> float | None:
        """Of the fastest run."""
        return (
            min((run.cost.seconds for run in self.series.runs), default=None)
            if self.series
            else None
        )


@dataclass(frozen=True)
class TwoModels:
    """The paired difference of two models."""

    one: str
    other: str
    effect: Effect
    seeds: int

    @property
    def kind(self) -> str:
        """Whether the interval leaves out zero."""
        low, high = self.effect.low or 0.0, self.effect.high or 0.0
        return "paper" if low > 0 or high < 0 else "undecided"

    @property
    def words(self) -> str:
        """Which of the two retrieves better."""
        if self.kind == "undecided":
            return ""
        return self.one if self.effect.value > 0 else self.other


def compare(site: Site) -> str:
    """The page; a script shows the two to four models that its address names."""
    bench = _bench(site)
    columns = _columns(site, bench)
    pairs = _pairs(columns, "SumR" if bench and not bench.by_topics else "infAP")
    return site.page(
        "compare.md",
        "../",
        {
            "title": "Compare models",
            "description": "Models beside each other: what they do, what was published, what was measured here.",
            **NOT_SEARCHED,
        },
        columns=columns,
        tests=_tests(columns, site),
        pairs=pairs,
        axis=effects.scale(one.effect for one in pairs) if pairs else None,
        bench=bench,
        tabs=tabs(site, "compare/"),
    )


def _bench(site: Site) -> measured.Bench | None:
    """The data on which most models were measured."""
    return max(site.benches, key=lambda one: len(one.models), default=None)


def _columns(site: Site, bench: measured.Bench | None) -> list[Column]:
    """Every model that has a file, by its name."""
    series = {one.model: one for one in bench.models} if bench else {}
    columns = []
    for name, page in sorted(site.pages.items(), key=lambda one: site.short(one[0]).casefold()):
        if name not in site.with_file:
            continue
        key = page.split("/")[1]
        paper, summary = site.by_id.get(key), site.summaries.get(key)
        record: Paper | Dataset = paper or site.datasets[key]
        code = web_address(site.code(record))
        idea = summary.summary.split(". ")[0] + "." if summary else ""
        rows = site.claims_of.get(name, [])
        columns.append(
            Column(name, paper, idea, code, series.get(name), marks=verdict_box.tally(rows))
        )
    return columns


def _tests(columns: list[Column], site: Site) -> list[tuple[str, str]]:
    """(address, title) of the published tests; fills in what each model has there."""
    by_test: dict[tuple[str, str], dict[str, float]] = {}
    names = {one.name for one in columns}
    for dataset in site.library.datasets:
        for test in site.tests[dataset.id]:
            values = best_published(test, "R@1") if test.head.direction == "t2v" else {}
            here = {name: value for name, value in values.items() if name in names}
            if here:
                title = f"{dataset.name} {test.head.test_split}"
                by_test[site.board_at(test), title] = here
    chosen = sorted(by_test, key=lambda key: -len(by_test[key]))[:TESTS]
    for column in columns:
        column.published = {
            key[0]: by_test[key][column.name] for key in chosen if column.name in by_test[key]
        }
    return chosen


def _pairs(columns: list[Column], metric: str) -> list[TwoModels]:
    """Paired over the seeds that two models share."""
    values: dict[str, dict[int, float]] = defaultdict(dict)
    for column in columns:
        for run in column.series.runs if column.series else ():
            value = measured.value(run, "" if metric == "SumR" else "t2v", metric)
            if value is not None:
                values[column.name][run.seed] = value
    pairs = []
    for one, other in combinations(values, 2):
        seeds = values[one].keys() & values[other].keys()
        paired = verdicts.paired([values[one][seed] - values[other][seed] for seed in seeds])
        if paired and len(seeds) >= SEEDS:
            pairs.append(TwoModels(one, other, Effect(*paired), len(seeds)))
    return pairs
