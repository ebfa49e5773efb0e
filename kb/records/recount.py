"""The metrics of a run recomputed from its stored ranks and compared with its stated ones.

R@K, MedR, MnR, MRR and SumR follow from the ranks and their ties, mAP too where every query has one
right answer; with several it depends on the other right answers, and measures of topics on the
judgements: there means, ranges and lengths are checked. Ties count as expected values (McSherry and
Najork, ECIR 2008). Plain Python: `kb check` needs no numpy.
"""

from __future__ import annotations

import array
import base64
import binascii
import sys
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb.records import metrics
from kb.records.errors import KBError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kb.records.runs import Run

LARGEST = 64 << 20  # bytes of one list of ranks: sixteen million queries
_ROUNDING = 1e-6  # relative: ranks are stored as float32
_DEPTH = 1000  # shots of a topic that are ranked
_CUTOFFS = (1, 5, 10)

Case = tuple[int, int, int]  # of a query: wrong answers above, wrong and right ones that tie


def unpack(text: str) -> array.array[float]:
    """The float32 values of a list of ranks. KBError where it is none, or unpacks to over 64 MB."""
    try:
        opened = zlib.decompressobj()
        raw = opened.decompress(base64.b64decode(text, validate=True), LARGEST)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise KBError("ranks are not base64 of zlib", hint="restore the record from git") from error
    if not opened.eof or opened.unused_data or len(raw) % 4:
        what = "ranks unpack to more than 64 MB" if len(raw) >= LARGEST else "ranks are cut off"
        raise KBError(what, hint="restore the record from git")
    values = array.array("f", raw)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def problems(run: Run) -> Iterator[str]:
    """Stated metrics of a finished run that its ranks contradict; nothing for a failed run."""
    if run.status == "failed":
        return
    try:
        if run.topics or "t2v.pooled" in run.ranks:
            yield from _topics(run)
        else:
            yield from _directions(run)
    except KBError as error:
        yield error.what


def _directions(run: Run) -> Iterator[str]:
    stated = {name: run.metrics[name] for name in metrics.DIRECTIONS if name in run.metrics}
    if not stated:
        yield "it has neither metrics of t2v nor of v2t"
    for name, values in stated.items():
        yield from (f"{name}: {what}" for what in _direction(run, name, values))
    yield from _intervals(run)
    recalls = [stated.get(name, {}).get(f"R@{k}") for name in metrics.DIRECTIONS for k in _CUTOFFS]
    if "SumR" in run.metrics and None not in recalls:
        yield from _differs("SumR", run.metrics["SumR"], sum(recalls))


def _direction(run: Run, name: str, stated: dict[str, float]) -> Iterator[str]:
    queries, gallery = run.data.queries, run.data.gallery
    queried, answers = (queries, gallery) if name == "t2v" else (gallery, queries)
    cases = _cases(run, name)
    number = sum(cases.values())
    if number > queried or not number or (name == "t2v" and number < queried):
        yield f"{number:,} ranks for {queried:,} queries"
        return
    if any(min(case) < 0 or case[2] < 1 or sum(case) > answers for case in cases):
        yield f"ranks or ties that {answers:,} answers cannot have"
        return
    single = name == "t2v" or (queries == gallery == number)
    measured = _Measured(cases, number)
    for metric, value in stated.items():
        if (again := measured.value(metric, single=single)) is not None:
            yield from _differs(metric, value, again)


def _cases(run: Run, name: str) -> Counter[Case]:
    """How often each case occurs among the queries of a direction."""
    if name not in run.ranks:
        raise KBError(f"it stores no ranks of {name}")
    ranks = unpack(run.ranks[name])
    if f"{name}.wrong" in run.ranks and f"{name}.right" in run.ranks:
        wrong, right = (unpack(run.ranks[f"{name}.{part}"]) for part in ("wrong", "right"))
    else:  # records from before ties were stored
        wrong, right = array.array("f", [0] * len(ranks)), array.array("f", [1] * len(ranks))
    if not len(ranks) == len(wrong) == len(right):
        raise KBError(f"{name} has {len(ranks):,} ranks, but ties of other numbers of queries")
    cases: Counter[Case] = Counter()
    for (rank, u, p), count in Counter(zip(ranks, wrong, right, strict=True)).items():
        if not all(map(metrics.finite, (rank, u, p))) or p < 1:
            raise KBError(f"{name} has a rank or a tie that is no number of answers")
        above = rank - 1 - u / (p + 1)
        if abs(above - round(above)) > _ROUNDING * max(1.0, rank):
            raise KBError(f"{name} has the rank {rank:g}, which its ties do not give")
        cases[round(above), round(u), round(p)] += count
    return cases


@dataclass(frozen=True)
class _Measured:
    """Metrics of a direction from its cases."""

    cases: Counter[Case]
    number: int

    def value(self, metric: str, *, single: bool) -> float | None:
        """A metric; None where ranks do not decide it."""
        if metric.startswith("R@"):
            return 100 * self._mean(lambda case: _hit(case, int(metric[2:])))
        if metric == "MnR":
            return self._mean(_rank)
        if metric == "MedR":
            return self._median()
        if metric == "MRR":
            return self._mean(_reciprocal)
        return 100 * self._mean(_reciprocal) if metric == "mAP" and single else None

    def _mean(self, of: Callable[[Case], float]) -> float:
        return sum(count * of(case) for case, count in self.cases.items()) / self.number

    def _median(self) -> float:
        ordered = sorted((_rank(case), count) for case, count in self.cases.items())
        middle, seen, low = (self.number - 1) // 2, 0, None
        for rank, count in ordered:
            seen += count
            if low is None and seen > middle:
                low = rank
            if seen > self.number // 2:
                break
        return (rank + (rank if low is None else low)) / 2


def _rank(case: Case) -> float:
    """Among u wrong and p right items in random order, u / (p + 1) wrong ones come first."""
    above, wrong, right = case
    return above + 1 + wrong / (right + 1)


def _hit(case: Case, cutoff: int) -> float:
    """1 - C(u, j) / C(u + p, j), j = places of the first `cutoff` that the tie block reaches."""
    above, wrong, right = case
    miss = 1.0
    for place in range(min(cutoff - above, wrong + 1)):
        miss *= (wrong - place) / (wrong + right - place)
    return 1 - miss


def _reciprocal(case: Case) -> float:
    """Sum over j of P(the first j of the block are wrong, the next is right) / rank."""
    above, wrong, right = case
    total, survives = 0.0, 1.0
    for j in range(wrong + 1):
        left = wrong - j + right
        total += survives * right / left / (above + 1 + j)
        survives *= (wrong - j) / left
    return total


def _topics(run: Run) -> Iterator[str]:
    stated = run.metrics.get("t2v", {})
    if len(run.topics) != run.data.queries:
        yield f"{len(run.topics):,} topics for {run.data.queries:,} queries"
        return
    for metric, value in stated.items():
        values = [of.get(metric) for of in run.topics.values()]
        if any(held is None for held in values):
            yield f"t2v: {metric} is not there for every topic"
            continue
        yield from _differs(
            f"t2v: {metric}", value, sum(map(float, filter(None, values))) / len(values)
        )
    deepest = min(_DEPTH, run.data.gallery)
    if "t2v.pooled" in run.ranks:
        ranks = unpack(run.ranks["t2v.pooled"])
        if any(not 0 <= rank <= deepest or rank != int(rank) for rank in set(ranks)):
            yield f"pooled shots at ranks that are not 0 to {deepest}"
    yield from _intervals(run)


def _intervals(run: Run) -> Iterator[str]:
    """An interval is that of a stated metric; topics have neither videos nor families of their own."""
    for name, intervals in run.intervals.items():
        values = {"SumR": run.metrics.get("SumR")} if name == "both" else run.metrics.get(name, {})
        for metric, interval in intervals.items():
            stated = values.get(metric)
            if run.topics and interval.resampled != "queries":
                yield f"{name}: the interval of {metric} resamples {interval.resampled}, not topics"
            if stated is None:
                yield f"{name}: an interval of {metric}, which is not stated"
            else:
                yield from _differs(f"{name}: the interval of {metric}", interval.value, stated)


def _differs(name: str, stated: float, again: float) -> Iterator[str]:
    if abs(stated - again) > _ROUNDING * max(1.0, abs(again)):
        yield f"{name} is {stated:.6g}, its ranks give {again:.6g}"
