"""Ranks and metrics from counts, under an explicit tie rule.

`expected` is the mean over all orders of tied items (McSherry and Najork, ECIR 2008): a model that
scores everything alike gets chance, and nothing depends on the order of the gallery.
`optimistic` puts right answers first in a tie, `pessimistic` last.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb.retrieval.counting import Counts
from kb.retrieval.relevance import Indices

CUTOFFS = (1, 5, 10)
TIES = ("expected", "optimistic", "pessimistic")
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Best:
    """The best right answer of each query and what ties with it."""

    query: Indices  # (queries,) those that have a right answer
    above: Indices  # wrong answers that score higher
    tied_negatives: Indices  # wrong answers that tie with it
    tied_positives: Indices  # right answers that tie with it, itself included


@dataclass(frozen=True)
class Ties:
    """Right pairs by falling score within their query, with their blocks of equal scores."""

    order: Indices  # (pairs,) into the counts
    first: NDArray[np.bool_]  # first pair of its query
    before: Indices  # right answers of the query that score higher
    right: Indices  # right answers in the block
    turn: Indices  # 1, 2, ... within the right answers of the block


def blocks(counts: Counts) -> Ties:
    """The blocks of equal scores among the right answers of each query."""
    # One key, and any order of equal ones: a tenth of what sorting by two keys takes.
    most = int(counts.above.max(initial=0)) + 1
    order = np.argsort(counts.query * most + counts.above)
    query, above = counts.query[order], counts.above[order]
    at = np.arange(len(order))
    first = np.ones(len(order), bool)
    first[1:] = query[1:] != query[:-1]
    opens = first.copy()
    opens[1:] |= above[1:] != above[:-1]
    of_query = np.maximum.accumulate(np.where(first, at, 0))
    of_block = np.maximum.accumulate(np.where(opens, at, 0))
    sizes = np.diff(np.append(np.flatnonzero(opens), len(order)))
    return Ties(order, first, of_block - of_query, np.repeat(sizes, sizes), at - of_block + 1)


def best(counts: Counts, ties: Ties) -> Best:
    """The best right answer of each query."""
    lead = ties.order[ties.first]
    right = ties.right[ties.first]
    return Best(counts.query[lead], counts.above[lead], counts.equal[lead] - right, right)


def ranks(best: Best, mode: str) -> Values:
    """Rank of the best right answer, from 1.

    Among `u` wrong and `p` right items in random order, u / (p + 1) wrong ones come first.
    """
    if mode == "optimistic":
        return best.above.astype(np.float64) + 1
    share = best.tied_positives + 1.0 if mode == "expected" else 1.0
    return np.asarray(best.above + 1.0 + best.tied_negatives / share)


def hits(best: Best, cutoff: int, mode: str) -> Values:
    """Probability that the best right answer is among the first `cutoff`.

    1 - C(u, j) / C(u + p, j), j = places of the first `cutoff` that the tie block reaches.
    """
    if mode != "expected":
        return (ranks(best, mode) <= cutoff).astype(np.float64)
    places, miss = cutoff - best.above, np.ones(len(best.query))
    for i in range(cutoff):
        left = np.maximum(best.tied_negatives - i, 0)
        next_is_wrong = left / np.maximum(left + best.tied_positives, 1)
        miss *= np.where(i < places, next_is_wrong, 1.0)
    return 1.0 - miss


def reciprocal(best: Best, mode: str) -> Values:
    """Expected 1 / rank of the best right answer."""
    if mode != "expected":
        return 1.0 / ranks(best, mode)
    value = 1.0 / (best.above + 1.0)
    tied = np.flatnonzero(best.tied_negatives)
    table = np.stack([best.above, best.tied_negatives, best.tied_positives])[:, tied]
    value[tied] = _expected_reciprocal(table)
    return np.asarray(value)


def _expected_reciprocal(table: Indices) -> Values:
    """Of blocks (above, wrong, right); the same block is worked out once."""
    cases, where = np.unique(table, axis=1, return_inverse=True)
    above, wrong, right = cases
    total, survives = np.zeros(cases.shape[1]), np.ones(cases.shape[1])
    for j in range(int(wrong.max(initial=0)) + 1):
        left = np.maximum(wrong - j, 0) + right
        # Sum over j of P(the first j of the block are wrong, the next is right) / rank.
        total += np.where(j <= wrong, survives * right / left / (above + 1 + j), 0.0)
        survives *= np.maximum(wrong - j, 0) / left
    return np.asarray(total[where.reshape(-1)])


def average_precision(counts: Counts, ties: Ties, mode: str) -> Values:
    """Mean, over the right answers of each query, of the precision at their rank."""
    above, size = counts.above[ties.order], counts.equal[ties.order]
    if mode == "expected":
        precision = _expected_precision(above, size, ties)
    else:
        late = size - ties.right if mode == "pessimistic" else 0
        precision = (ties.before + ties.turn) / (above + late + ties.turn)
    starts = np.flatnonzero(ties.first)
    lengths = np.diff(np.append(starts, len(above)))
    return np.asarray(np.add.reduceat(precision, starts) / lengths) if len(starts) else precision


def _expected_precision(above: Indices, size: Indices, ties: Ties) -> Values:
    """A right answer in a block of n items, r of them right, q right ones before, b items above.

    Mean over its places i = 1..n of (q + 1 + (i - 1)(r - 1) / (n - 1)) / (b + i), summed in closed
    form with h = 1/(b+1) + ... + 1/(b+n).
    """
    # Alone in its block: exact, where the difference of two sums would round.
    precision = (ties.before + 1) / (above + 1.0)
    tied = np.flatnonzero(size > 1)
    b, n, r, q = above[tied], size[tied], ties.right[tied], ties.before[tied]
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, (b + n).max(initial=0) + 1))])
    h = harmonic[b + n] - harmonic[b]
    precision[tied] = ((q + 1) * h + (r - 1) / (n - 1) * (n - (b + 1) * h)) / n
    return precision
