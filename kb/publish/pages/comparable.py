"""Why two numbers do not compare: the tests of each dataset, and pairs of published numbers."""

from dataclasses import dataclass
from itertools import combinations

from kb.publish import protocols
from kb.publish.pages.site import Site
from kb.records import Dataset, protocol
from kb.records.splits import NamedSplit, table


@dataclass
class Pair:
    """Two published numbers of one metric, and what keeps them apart."""

    one: protocols.ResultRow
    other: protocols.ResultRow
    metric: str
    reasons: list[str]


@dataclass
class Compared:
    """A dataset with its named tests, and a pair of numbers that look comparable."""

    dataset: Dataset
    splits: list[NamedSplit]
    pair: Pair | None


def comparable(site: Site) -> str:
    """The page, from the table of splits and the published numbers."""
    known = table()
    compared = [
        Compared(one, known.get(one.id, {}).get("test", []), _pair(site, one))
        for one in site.datasets.values()
    ]
    return site.page(
        "comparable.md",
        "../",
        {
            "title": "Why two numbers do not compare",
            "description": "What each test of each dataset is, and what keeps two published"
            " numbers on it apart.",
        },
        compared=[one for one in compared if one.splits or one.pair],
    )


def _pair(site: Site, dataset: Dataset) -> Pair | None:
    """Two rows of different papers and tests, as far apart as any in a metric that both have.

    The pair is the one a reader would most likely mistake: the same metric and direction.
    """
    rows = [row for test in site.tests[dataset.id] for row in test.rows]
    rows = [row for row in rows if row.result.direction in {"t2v", "v2t"}]
    best: tuple[float, Pair] | None = None
    for one, other in combinations(rows, 2):
        metric = next(
            (name for name in protocols.ORDER if _both(one, other, name) is not None), None
        )
        if metric is None or not _mistakable(one, other):
            continue
        gap = _both(one, other, metric) or 0.0
        if best is None or gap > best[0]:
            reasons = protocol.reasons(one.result, other.result)
            best = (gap, Pair(one, other, metric, reasons))
    return best[1] if best else None


def _mistakable(one: protocols.ResultRow, other: protocols.ResultRow) -> bool:
    """Whether two rows of two papers differ in their test, in the same direction."""
    same = one.result.direction == other.result.direction
    apart = one.result.test_split != other.result.test_split
    return same and apart and one.paper.id != other.paper.id


def _both(one: protocols.ResultRow, other: protocols.ResultRow, metric: str) -> float | None:
    values = [row.result.metrics.get(metric) for row in (one, other)]
    first, second = values
    return None if first is None or second is None else abs(first - second)
