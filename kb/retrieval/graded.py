"""Graded relevance: nDCG from counts, and nDCG and mAP as Wray et al. computed them.

Wray, Doughty, Damen. "On Semantic Similarity in Video Retrieval." CVPR 2021: many videos answer a
caption, each to a degree; a method that ranks those well is better even where R@K is the same.
"""

import numpy as np
from numpy.typing import NDArray

from kb.records.errors import KBError
from kb.retrieval.counting import Counts
from kb.retrieval.official_tie_rules import keyed

Values = NDArray[np.float64]


def ndcg(counts: Counts, gain: Values, ties: str) -> Values:
    """(queries,) DCG / ideal DCG over the whole gallery; `gain` (pairs,) is linear.

    The discount is 1 / log2(rank + 1). With `expected` ties an item takes the mean discount of its
    tie block; `optimistic` and `pessimistic` sort the block by gain.
    """
    starts = np.flatnonzero(np.diff(counts.query, prepend=-1))
    ideal_place = _turn(counts.query, np.lexsort((-gain, counts.query)))
    ideal = np.add.reduceat(gain / np.log2(ideal_place + 2.0), starts)
    actual = np.add.reduceat(gain * _discount(counts, gain, ties), starts)
    return np.asarray(actual / ideal)


def _discount(counts: Counts, gain: Values, ties: str) -> Values:
    """Discount of every pair."""
    if ties == "expected":
        last = int((counts.above + counts.equal).max(initial=0))
        reached = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2.0, last + 2)))])
        block = reached[counts.above + counts.equal] - reached[counts.above]
        return np.asarray(block / counts.equal)
    block = np.unique(np.stack([counts.query, counts.above]), axis=1, return_inverse=True)[1]
    sign = -1.0 if ties == "optimistic" else 1.0
    turn = _turn(block.reshape(-1), np.lexsort((sign * gain, block.reshape(-1))))
    size = np.bincount(block.reshape(-1))[block.reshape(-1)]
    late = counts.equal - size if ties == "pessimistic" else 0
    return np.asarray(1 / np.log2(counts.above + late + turn + 2.0))


def _turn(group: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of each within its group, from 0, in the given order (which keeps groups together)."""
    sorted_group = group[order]
    turn = np.empty(len(group), np.int64)
    turn[order] = np.arange(len(group)) - np.searchsorted(sorted_group, sorted_group)
    return turn


def as_wray(similarity: Values, gain: Values) -> dict[str, dict[str, float]]:
    """Fractions nDCG and mAP of both directions, as the authors' evaluator gives them.

    `similarity` and `gain` (captions, videos), gain from 0 to 1. nDCG stops at the number of items
    with any gain; ties stand by falling index and NaN first. For mAP an item is right where its gain
    is 1, the precision at it adds up gains, ties stand by index and NaN last. A query without a
    right item makes the mean NaN, as it does there.
    """
    if similarity.shape != gain.shape:
        raise KBError(f"gain is {gain.shape}, the scores are {similarity.shape}")
    return {
        name: {"nDCG": float(ndcg_of(s, g).mean()), "mAP": float(_precision_of(s, g).mean())}
        for name, s, g in (("t2v", similarity, gain), ("v2t", similarity.T, gain.T))
    }


def ndcg_of(similarity: Values, gain: Values) -> Values:
    """(queries,) nDCG, cut at the number of items with any gain; NaN where there is none."""
    return _ratio(*dcg_of(similarity, gain))


def dcg_of(similarity: Values, gain: Values) -> tuple[Values, Values]:
    """(queries,) DCG and ideal DCG, both cut at the number of items with any gain."""
    last_first = np.argsort(keyed(similarity, "best"), axis=1, kind="stable")[:, ::-1]
    ranked = np.take_along_axis(gain, last_first, axis=1)
    ideal = np.sort(gain, axis=1)[:, ::-1]
    place = np.arange(gain.shape[1])
    weight = (place < (gain > 0).sum(axis=1)[:, None]) / np.log2(place + 2.0)
    return (ranked * weight).sum(axis=1), (ideal * weight).sum(axis=1)


def _precision_of(similarity: Values, gain: Values) -> Values:
    order = np.argsort(-keyed(similarity, "worst"), axis=1, kind="stable")
    ranked = np.take_along_axis(gain, order, axis=1)
    precision = np.cumsum(ranked, axis=1) / np.arange(1.0, gain.shape[1] + 1)
    right = ranked == 1
    return _ratio((precision * right).sum(axis=1), right.sum(axis=1).astype(np.float64))


def _ratio(above: Values, below: Values) -> Values:
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0))
