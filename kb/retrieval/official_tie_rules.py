"""The rank of every right answer under the tie rules that official evaluators leave to their sort.

A stable sort breaks ties by index and puts NaN at one end. Both are counted here, not sorted.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb.retrieval.counting import BLOCK, Scores, numpy_of, turns
from kb.retrieval.relevance import Indices

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Places:
    """For every right pair, sorted by query: how many items rank before it and tie with it."""

    query: Indices  # (pairs,)
    above: Indices  # (pairs,) items that score higher
    equal: Indices  # (pairs,) items that score the same, itself included
    earlier: Indices  # (pairs,) of these, the ones with a lower index
    score: Values  # (pairs,) as given, NaN and infinities included

    def ranks(self, rule: str) -> Values:
        """Rank from 1: `mean` of the tie block, `low` or `high` index first."""
        before = {
            "mean": (self.equal - 1) / 2,
            "low": self.earlier.astype(np.float64),
            "high": self.equal - 1.0 - self.earlier,
        }[rule]
        return self.above + before + 1


def place(scores: Scores, query: Indices, item: Indices, *, nan: str) -> Places:
    """Places of the pairs (query, item), `query` ascending; NaN is the `worst` or `best` score."""
    queries, items = scores.shape
    table = np.empty((3, len(query)), np.int64)
    score = np.empty(len(query))
    step = max(1, BLOCK // max(items, 1))
    for start in range(0, queries, step):
        block = np.asarray(numpy_of(scores.rows(start, min(start + step, queries))), np.float64)
        first, last = np.searchsorted(query, (start, start + len(block)))
        rows, columns = query[first:last] - start, item[first:last]
        score[first:last] = block[rows, columns]
        table[:, first:last] = _count(keyed(block, nan), rows, columns)
    return Places(query, table[0], table[1], table[2], score)


def keyed(block: Values, nan: str) -> Values:
    """Scores whose order is total: NaN beyond every other score, infinities inside."""
    widest = np.finfo(np.float64).max
    key = np.clip(block, -widest, widest)
    return np.where(np.isnan(block), np.inf if nan == "best" else -np.inf, key)


def _count(key: Values, rows: Indices, columns: Indices) -> Indices:
    """(3, pairs): above, equal, equal with a lower index."""
    counts = np.empty((3, len(rows)), np.int64)
    index = np.arange(key.shape[1])
    turn = turns(rows)
    for k in range(int(turn.max(initial=-1)) + 1):
        chosen = np.flatnonzero(turn == k)
        row, column = rows[chosen], columns[chosen]
        own = key[row, column][:, None]
        equal = key[row] == own
        counts[0, chosen] = (key[row] > own).sum(axis=1)
        counts[1, chosen] = equal.sum(axis=1)
        counts[2, chosen] = (equal & (index < column[:, None])).sum(axis=1)
    return counts
