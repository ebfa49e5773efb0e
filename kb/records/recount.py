"""The metrics of a run recomputed from its stored ranks and compared with its stated ones.

R@K, MedR, MnR, MRR and SumR follow from the ranks and their ties, mAP too where every query has one
right answer; with several it is held below what it were if all of them followed the first. Measures
of topics depend on the judgements: their means, ranges and lengths are checked. A metric that ranks
do not decide is none of a run. Ties count as expected values (McSherry and Najork, ECIR 2008). Plain
Python: `kb check` needs no numpy.
"""

from __future__ import annotations

import array
import base64
import binascii
import re
import sys
import zlib
from collections import Counter
from typing import TYPE_CHECKING

from kb.records import metrics
from kb.records.errors import KBError
from kb.records.ties import Case, Measured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.records.runs import Run

LARGEST = 8 << 20  # bytes of one list of ranks: two million queries
_SILENT = 0.99  # share of videos that have captions, at least
_ROUNDING = 1e-6  # relative: ranks are stored as float32
_DEPTH = 1000  # shots of a topic that are ranked
_STEPS = 20_000_000  # of one direction's sums over ties; ranks of a thousand runs take fewer
_OF_TOPICS = re.compile(r"infAP|infNDCG|iP[1-9][0-9]{0,3}")

_RANKS = frozenset(
    {"t2v.pooled"}
    | {f"{name}{part}" for name in metrics.DIRECTIONS for part in ("", ".wrong", ".right")}
)


def unpack(text: str) -> array.array[float]:
    """The float32 values of a list of ranks. KBError where it is none, or unpacks to too much."""
    try:
        opened = zlib.decompressobj()
        raw = opened.decompress(base64.b64decode(text, validate=True), LARGEST)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise KBError("ranks are not base64 of zlib", hint="restore the record from git") from error
    if not opened.eof or opened.unused_data or len(raw) % 4:
        what = (
            f"ranks unpack to more than {LARGEST >> 20} MB"
            if len(raw) >= LARGEST
            else "ranks are cut off"
        )
        raise KBError(what, hint="restore the record from git")
    values = array.array("f", raw)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def problems(run: Run) -> Iterator[str]:
    """Stated metrics of a finished run that its ranks contradict; any metrics of a failed one."""
    if run.status == "failed":
        if run.metrics or run.intervals or run.topics:
            yield "it failed, and states metrics"
        return
    if strange := sorted(run.ranks.keys() - _RANKS):
        yield f"no ranks are called {strange[0][:40]!r}"
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
    cases = {name: _cases(run, name) for name in stated}
    for name, values in stated.items():
        yield from (f"{name}: {what}" for what in _direction(run, name, values, cases[name]))
    yield from _intervals(run)
    if "SumR" in run.metrics and len(cases) < len(metrics.DIRECTIONS):
        yield "SumR is stated, and one direction is not"
    elif "SumR" in run.metrics:
        measured = [Measured(of, sum(of.values())) for of in cases.values() if of]
        yield from _differs("SumR", run.metrics["SumR"], sum(one.sum_r() for one in measured))


def _direction(
    run: Run, name: str, stated: dict[str, float], cases: Counter[Case]
) -> Iterator[str]:
    queries, gallery = run.data.queries, run.data.gallery
    queried, answers = (queries, gallery) if name == "t2v" else (gallery, queries)
    number = sum(cases.values())
    few = (
        name == "t2v" or number < _SILENT * queried
    )  # of a video without captions there is no rank
    if number > queried or not number or (few and number < queried):
        yield f"{number:,} ranks for {queried:,} queries"
        return
    if any(min(case) < 0 or case[2] < 1 or sum(case) > answers for case in cases):
        yield f"ranks or ties that {answers:,} answers cannot have"
        return
    if sum(wrong for _, wrong, right in cases if right > 1) > _STEPS:
        yield "so many answers tie that its metrics are not computed again"
        return
    single = name == "t2v" or queries == gallery == number
    measured = Measured(cases, number)
    for metric, value in stated.items():
        again = measured.value(metric, single=single)
        if again is not None:
            yield from _differs(metric, value, again)
        elif metric != "mAP":
            yield f"{metric} is stated, which ranks do not decide"
        elif value > (most := measured.most(answers / number)) * (1 + _ROUNDING):
            yield f"{metric} is {value:.6g}, its ranks allow {most:.6g} at most"


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


def _of_other_data(run: Run) -> Iterator[str]:
    """What a run over topics cannot state: metrics of captions would not be held to any ranks."""
    if "t2v.pooled" not in run.ranks:
        yield "it has topics, and stores no ranks of pooled shots"
    if run.metrics.keys() != {"t2v"}:
        yield "it has topics, which are measured in the direction t2v alone"
    for metric in run.metrics.get("t2v", {}):
        if not _OF_TOPICS.fullmatch(metric):
            yield f"t2v: {metric[:40]} is no measure of topics"
    values = (pair for of in run.topics.values() for pair in of.items())
    wrong = (what for metric, value in values if (what := metrics.problem(metric, value)))
    if first := next(wrong, None):
        yield f"of a topic, {first}"


def _topics(run: Run) -> Iterator[str]:
    yield from _of_other_data(run)
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
