"""infAP, infNDCG and iP@K from a judged sample of the pool, as NIST's sample_eval computes them.

Yilmaz, Kanoulas, Aslam. "A Simple and Efficient Sampling Method for Estimating AP and NDCG." SIGIR
2008. The pool of a topic is cut into strata, of which a part is judged; a stratum's sample
represents the rest of it. The smoothing constants and the cut at 1000 are the script's.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import floor, log2
from typing import Any

from kb.records.errors import KBError
from kb.retrieval.trec import Judgement, Qrels, Returned, TrecRun

DEPTH = 1000  # shots of a topic that count
CUTOFFS = (10, 100, 1000)
LEVELS = tuple(f"iprec@rec{level / 10:.2f}" for level in range(11))
_HIT, _SEEN = 1e-5, 3e-5  # smoothing of relevant / sampled


@dataclass
class _Walk:
    """Shots of the pool above a rank, by stratum."""

    pooled: Counter[str] = field(default_factory=Counter)
    sampled: Counter[str] = field(default_factory=Counter)
    relevant: Counter[str] = field(default_factory=Counter)

    def see(self, judged: Judgement) -> None:
        self.pooled[judged.stratum] += 1
        self.sampled[judged.stratum] += judged.grade >= 0
        self.relevant[judged.stratum] += judged.grade > 0

    def inferred(self) -> float:
        """Relevant shots so far, sampled or not."""
        return sum(
            n * (self.relevant[c] + _HIT) / (self.sampled[c] + _SEEN)
            for c, n in self.pooled.items()
        )


def evaluate_run(run: TrecRun, qrels: Qrels, *, missing: str = "leave") -> dict[str, Any]:
    """Measures by topic and their mean, over the topics that are in the run and in the qrels.

    `missing="zero"` counts a judged topic that the run left out as 0, which NIST's script does not.
    inum_rel, inum_rel_ret and num_ret of all topics are sums, over all judged topics for inum_rel.
    """
    topics = {t: measure(run[t], qrels[t]) for t in sorted(run.keys() & qrels.keys())}
    if not topics:
        raise KBError("the run and the qrels have no topic in common")
    divisor = len(qrels) if missing == "zero" else len(topics)
    names = next(iter(topics.values()))
    total = {name: sum(measures[name] for measures in topics.values()) for name in names}
    summed: dict[str, float] = {
        "inum_rel": sum(sum(_inferred_by_stratum(q).values()) for q in qrels.values())
    }
    summed["inum_rel_ret"] = total["inum_rel_ret"]
    summed["num_ret"] = sum(min(len(run[t].shots), DEPTH) for t in topics)
    means = {name: value / divisor for name, value in total.items()}
    return {
        **(means | summed),
        "topics": len(topics),
        "missing_topics": sorted(qrels.keys() - run.keys()),
        "unjudged_topics": sorted(run.keys() - qrels.keys()),
        "per_topic": topics,
    }


def measure(returned: Returned, qrels: dict[str, Judgement]) -> dict[str, float]:
    """infAP, infNDCG, inferred precision (at cutoffs, at levels of recall) and counts of a topic."""
    inferred = _inferred_by_stratum(qrels)
    total = sum(inferred.values())
    walk = _Walk()
    curve: list[float] = []  # inferred relevant shots after each rank
    precision: dict[str, float] = defaultdict(float)
    gain: dict[str, float] = defaultdict(float)
    for rank, shot in enumerate(returned.shots[:DEPTH], 1):
        judged = qrels.get(shot)
        if judged and judged.grade > 0:
            precision[judged.stratum] += (1 + walk.inferred()) / rank
            gain[judged.stratum] += judged.grade / log2(rank + 1)
        if judged:
            walk.see(judged)
        curve.append(walk.inferred())
    return {
        "infAP": _average(precision, inferred, qrels, total),
        "infNDCG": _ndcg(walk, gain, qrels),
        **{f"iP{cutoff}": curve[min(cutoff, len(curve)) - 1] / cutoff for cutoff in CUTOFFS},
        **dict(zip(LEVELS, interpolated(curve, total), strict=True)),
        "inum_rel_ret": curve[-1],
        "inum_rel": total,
        "num_ret": float(returned.lines),
    }


def interpolated(curve: list[float], total: float) -> list[float]:
    """Precision at recall 0, 0.1, ... 1 of `total`, from the relevant shots after each rank.

    The largest precision from where a level is reached on, the rank before it included; 0 for a
    level that is not reached. As the script walks, from the end: one level a rank at most, so a step
    over several levels gives the lower ones what stands further up.
    """
    precisions, level, best = [0.0] * len(LEVELS), len(LEVELS) - 1, 0.0
    while level >= 0 and level / 10 * total > curve[-1]:
        level -= 1
    for rank in range(len(curve), 0, -1):
        best = max(best, curve[rank - 1] / rank)
        if level >= 0 and level / 10 * total > curve[rank - 1]:
            precisions[level] = best
            level -= 1
    precisions[: level + 1] = [best] * (level + 1)
    return precisions


def _inferred_by_stratum(qrels: dict[str, Judgement]) -> dict[str, float]:
    """Rhat_c = R_c N_c / S_c of each stratum that was sampled."""
    pool = _Walk()
    for judged in qrels.values():
        pool.see(judged)
    return {
        c: pool.relevant[c] * n / pool.sampled[c] for c, n in pool.pooled.items() if pool.sampled[c]
    }


def _average(
    precision: dict[str, float],
    inferred: dict[str, float],
    qrels: dict[str, Judgement],
    total: float,
) -> float:
    relevant = Counter(judged.stratum for judged in qrels.values() if judged.grade > 0)
    if not total:
        return 0.0
    average = sum(inferred[c] / total * precision[c] / r for c, r in relevant.items())
    return average * max(1.0, total / DEPTH)


def _ndcg(walk: _Walk, gain: dict[str, float], qrels: dict[str, Judgement]) -> float:
    ideal = _ideal(qrels)
    dcg = sum(walk.pooled[c] * total / walk.sampled[c] for c, total in gain.items())
    return dcg / ideal if ideal else 0.0


def _ideal(qrels: dict[str, Judgement]) -> float:
    """DCG of all inferred shots, best grades first; a grade may end between two ranks."""
    pool = _Walk()
    by_grade: Counter[tuple[float, str]] = Counter()
    for judged in qrels.values():
        pool.see(judged)
        by_grade[judged.grade, judged.stratum] += judged.grade > 0
    total, start = 0.0, 0.0
    for grade in sorted({g for g, _ in by_grade if g > 0}, reverse=True):
        number = sum(
            count * pool.pooled[c] / pool.sampled[c]
            for (g, c), count in by_grade.items()
            if g == grade
        )
        last = min(floor(number), DEPTH - floor(start))
        total += sum(grade / log2(start + step + 1) for step in range(1, last + 1))
        start += number
    return total
