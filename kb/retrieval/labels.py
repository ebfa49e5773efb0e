"""Lists of labels: scorers of one ranked list, and videos with several labels each.

As danieljf24/dual_encoding (basic/metric.py) and albanie/collaborative-experts (model/metric.py)
compute them, for comparing with numbers that were published so.
"""

import numpy as np
from numpy.typing import NDArray

from kb.retrieval.counting import Matrix
from kb.retrieval.official_tie_rules import Places, Values, place

_IDEAL_25 = 0.01757  # of the constant list of 25 items by which that DCG is scaled


def average_precision(labels: Values, cutoff: int = 0) -> float:
    """Precision at each hit (label >= 1) in the first K, over all labels above 0; K = 0 is no cut."""
    seen = _cut(labels, cutoff) >= 1
    hits = np.cumsum(seen) / np.arange(1, len(seen) + 1)
    relevant = int((labels > 0).sum())
    return float(hits[seen].sum() / relevant) if relevant else 0.0


def precision(labels: Values, cutoff: int = 0) -> float:
    """Share of hits in the first K; a shorter list divides by its own length."""
    return float((_cut(labels, cutoff) >= 1).mean())


def reciprocal_rank(labels: Values) -> float:
    """1 / place of the first hit, 0 without one."""
    hits = np.flatnonzero(labels >= 1)
    return float(1 / (hits[0] + 1)) if len(hits) else 0.0


def ndcg(labels: Values, cutoff: int = 0) -> float:
    """Linear gain, discount 1 / log2(place) from place 2 on and 1 before; NaN without a relevant."""
    gain = np.maximum(labels, 0)
    actual, ideal = (_discounted(_cut(g, cutoff)) for g in (gain, np.sort(gain)[::-1]))
    return actual / ideal if ideal else float("nan")


def dcg(labels: Values, cutoff: int = 0) -> float:
    """Gain 2^label - 1, discount 1 / log2(place + 1), scaled; the sum of nothing without a cutoff."""
    first = labels[:cutoff]
    return float(_IDEAL_25 * ((2.0**first - 1) / np.log2(np.arange(2, len(first) + 2))).sum())


def _cut(labels: Values, cutoff: int) -> Values:
    return labels[:cutoff] if 0 < cutoff <= len(labels) else labels


def _discounted(gain: Values) -> float:
    return float((gain / np.log2(np.maximum(np.arange(1, len(gain) + 1), 2))).sum())


def label_ranks(similarity: Values, right: NDArray[np.bool_]) -> Values:
    """Per video the averaged rank of each of its labels, less 0, 1, 2, ... in label order.

    `similarity` and `right` are (labels, videos). Collaborative Experts' retrieval as classification:
    ranks below 1 are possible, since the order is that of the labels and not of the ranks.
    """
    places = _of(similarity.T, right.T)
    starts = np.searchsorted(places.query, places.query)
    return places.ranks("mean") - (np.arange(len(starts)) - starts)


def label_precision(similarity: Values, right: NDArray[np.bool_]) -> Values:
    """(labels,) average precision of each label over the videos; 0 for a label without a video."""
    places = _of(similarity, right)
    ranks = places.ranks("low")
    precision_of_label = np.zeros(len(similarity))
    for label in np.unique(places.query):
        of = np.sort(ranks[places.query == label])
        precision_of_label[label] = (np.arange(1, len(of) + 1) / of).mean()
    return precision_of_label


def _of(similarity: Values, right: NDArray[np.bool_]) -> Places:
    query, item = np.nonzero(right)
    return place(Matrix(similarity), query, item, nan="worst")
