"""Published results under their protocols: numbers that cannot be compared never share a rank."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from kb.publish.text import slug
from kb.records import Dataset, Paper, Published, protocol

LOWER_IS_BETTER = frozenset({"MedR", "MnR"})
ORDER = ("R@1", "R@5", "R@10", "R@50", "infAP", "MedR", "MnR", "MRR", "mAP", "nDCG", "SumR")
DIRECTION = {"t2v": "text to video", "v2t": "video to text", "other": "other task"}
TIER = {"author_repo": "authors' code", "paper": "paper", "third_party": "reported by others"}
MEANING = {
    "author_repo": "reported in a repository or list kept by an author",
    "paper": "read in the paper itself",
    "third_party": "quoted or run by somebody else",
}
TRUST = ("author_repo", "paper", "third_party")  # most first


@dataclass
class ResultRow:
    """One published result with its paper, or with the dataset whose paper it is."""

    paper: Paper | Dataset
    result: Published
    rank: int | None = None  # 1-based, among rows with the same conditions
    of: int | None = None
    by: str | None = None  # the metric that ranks
    unranked: str | None = None  # why there is no rank

    @property
    def model(self) -> str | None:
        """The name of the model, if it has one."""
        return self.paper.model if isinstance(self.paper, Paper) else self.paper.id

    @property
    def page(self) -> str:
        """The address of its page, from the root."""
        return f"{'papers' if isinstance(self.paper, Paper) else 'benchmarks'}/{self.paper.id}/"


@dataclass
class Test:
    """One test: its rows share dataset, split, direction and gallery."""

    key: tuple[str, ...]
    head: Published
    id: str  # an anchor, unique among the tests of a dataset
    rows: list[ResultRow] = field(default_factory=list)

    @property
    def title(self) -> str:
        """`1k-A, text to video`."""
        return f"{self.head.test_split}, {DIRECTION[self.head.direction]}"

    @property
    def facts(self) -> list[str]:
        """What a number of this test means, in words."""
        head = self.head
        if protocol.fixed_by_the_benchmark(head):
            return ["queries, gallery and judgements are the benchmark's own"]
        captions = "not stated" if head.captions_per_video is None else head.captions_per_video
        gallery = "not stated" if head.gallery is None else f"{head.gallery:,}"
        facts = [f"captions per video: {captions}", f"gallery: {gallery}"]
        facts += [f"matched: {head.unit}"] if head.unit else []
        return facts + ([head.dataset_detail] if head.dataset_detail else [])

    @property
    def metrics(self) -> list[str]:
        """The metrics of all rows, in the field's order."""
        names = {name for row in self.rows for name in row.result.metrics}
        return [name for name in ORDER if name in names] + sorted(names - set(ORDER))


def _test_key(result: Published) -> tuple[str, ...]:
    parts = (
        result.dataset,
        result.test_split,
        result.direction,
        result.captions_per_video,
        result.gallery,
        result.unit,
        result.dataset_detail,
    )
    return tuple("not stated" if part is None else str(part) for part in parts)


def tests(
    papers: Iterable[Paper | Dataset], published: dict[str, list[Published]], dataset: str
) -> list[Test]:
    """The tests published on one dataset, the most used first, newest row first in each."""
    by_key: dict[tuple[str, ...], Test] = {}
    for paper in papers:
        for result in published.get(paper.id, []):
            if result.dataset == dataset:
                key = _test_key(result)
                test = by_key.setdefault(key, Test(key, result, slug("-".join(key[1:]))))
                test.rows.append(ResultRow(paper, result))
    _part_anchors(by_key.values())
    for test in by_key.values():
        _rank(test)
        test.rows.sort(key=lambda row: (-(row.paper.year or 0), row.paper.id))
    return sorted(by_key.values(), key=lambda test: (-len(test.rows), test.key))


def columns(published: Iterable[tuple[object, list[Test]]]) -> list[str]:
    """The metrics of all these tests, in the field's order."""
    names = {name for _, tests in published for test in tests for name in test.metrics}
    return [name for name in ORDER if name in names] + sorted(names - set(ORDER))


def _part_anchors(tests: Iterable[Test]) -> None:
    """Number the anchors of keys whose slugs are the same."""
    seen: Counter[str] = Counter()
    for test in sorted(tests, key=lambda test: test.key):
        seen[test.id] += 1
        if seen[test.id] > 1:
            test.id += f"--{seen[test.id]}"


def _missing(result: Published) -> str | None:
    """The conditions that the source omits, as a reader is told."""
    gaps = protocol.not_stated(result)
    return f"not stated: {', '.join(gaps)}" if gaps else None


def _rank(test: Test) -> None:
    """Rank rows whose every condition agrees, by the test's first metric; one row a paper."""
    groups: dict[tuple[object, ...], list[ResultRow]] = defaultdict(list)
    for row in test.rows:
        row.unranked = _missing(row.result)
        if row.unranked is None:
            groups[tuple(getattr(row.result, name) for name in protocol.CONDITIONS)].append(row)
    for rows in groups.values():
        _rank_group(_most_trusted(rows))


def _most_trusted(rows: list[ResultRow]) -> list[ResultRow]:
    """For each paper and variant the row of the best tier; the others say why they have no rank."""
    best: dict[tuple[str, str | None], ResultRow] = {}
    for row in sorted(rows, key=lambda row: TRUST.index(row.result.reported_by)):
        chosen = best.setdefault((row.paper.id, row.result.variant), row)
        if chosen is not row:
            row.unranked = f"the row from the {TIER[chosen.result.reported_by]} is ranked"
    return list(best.values())


def _rank_group(rows: list[ResultRow]) -> None:
    metric = next(
        (name for name in ORDER if all(row.result.metrics.get(name) is not None for row in rows)),
        None,
    )
    if metric is None or len({row.paper.id for row in rows}) < 2:  # noqa: PLR2004  (two to compare)
        reason = "no metric in common" if metric is None else "nothing else under this protocol"
        for row in rows:
            row.unranked = reason
        return
    sign = 1 if metric in LOWER_IS_BETTER else -1
    values = [sign * float(row.result.metrics[metric] or 0.0) for row in rows]
    for row, value in zip(rows, values, strict=True):
        row.rank = 1 + sum(other < value for other in values)
        row.of, row.by = len(rows), metric
