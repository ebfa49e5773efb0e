"""What a tile of scores adds to the counts of its rows and of its columns, compiled by numba.

Every query has rising thresholds: the scores of its right items. A score is placed among them, so
that one look serves all right items of a query, and few scores reach even the lowest.
"""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from kb.retrieval.counting import Counts, turns
from kb.retrieval.relevance import Indices

Array = NDArray[Any]
Part = tuple[Array, Array, Array]  # thresholds, reached and tied of some queries
_compiled = numba.njit(nogil=True, cache=True)  # threads run side by side; compiled once a machine


@dataclass(frozen=True)
class Thresholds:
    """Queries of one direction, with the scores of their right items."""

    query: Indices  # (pairs,)
    level: Indices  # (pairs,) place of the pair among the rising thresholds of its query
    rising: Array  # (queries, levels), the rest infinite

    @classmethod
    def of(cls, query: Indices, score: Array, queries: int) -> "Thresholds":
        """Thresholds of `queries` queries from the scores (pairs,) of their right pairs."""
        order = np.lexsort((score, query))
        level = np.empty(len(query), np.int64)
        level[order] = turns(query[order])
        rising = np.full((queries, int(level.max(initial=0)) + 1), np.inf, np.float32)
        rising[query, level] = score
        return cls(query, level, rising)


class Tally:
    """How many items have met a query's thresholds so far."""

    def __init__(self, thresholds: Thresholds) -> None:
        """Nothing seen yet."""
        self.thresholds = thresholds
        queries, levels = thresholds.rising.shape
        self.reached = np.zeros((queries, levels + 1), np.int32)  # items that reach so many levels
        self.tied = np.zeros((queries, levels), np.int32)  # items at a level

    def part(self, start: int, number: int) -> Part:
        """Views of `number` queries from `start` on."""
        here = slice(start, start + number)
        return self.thresholds.rising[here], self.reached[here], self.tied[here]

    def add(self, other: "Tally") -> None:
        """What another has seen for the same thresholds."""
        self.reached += other.reached
        self.tied += other.tied

    def counts(self, own: Indices) -> Counts:
        """Counts in the order of `Relevance.pairs`; `own` (pairs,) names the query of each pair."""
        order = np.argsort(own, kind="stable")
        at = self.thresholds.query[order], self.thresholds.level[order]
        reach = np.cumsum(self.reached[:, :0:-1], axis=1)[:, ::-1]  # (queries, levels)
        equal = self.tied[at].astype(np.int64)
        return Counts(own[order], reach[at] - equal, equal)


def add_tile(tile: Array, rows: Part, columns: Part) -> None:
    """Add a tile (rows, columns) of scores to the tallies of both."""
    _add_tile(tile, *rows, *columns)


@_compiled
def _add_tile(  # noqa: PLR0913, PLR0917  (numba compiles plain arrays)
    tile: Array,
    across: Array,
    across_reached: Array,
    across_tied: Array,
    down: Array,
    down_reached: Array,
    down_tied: Array,
) -> None:
    lowest = down[:, 0].copy()
    met = np.empty(tile.shape[1], np.int32)
    for i in range(tile.shape[0]):
        row, low, number = tile[i], across[i, 0], 0
        for j in range(len(row)):
            met[number] = j
            number += (row[j] >= low) | (row[j] >= lowest[j])  # the next overwrites what did not
        for k in range(number):
            j = met[k]
            _record(row[j], down[j], down_reached[j], down_tied[j])
            if row[j] >= low:
                _record(row[j], across[i], across_reached[i], across_tied[i])


@_compiled
def _record(score: float, rising: Array, reached: Array, tied: Array) -> None:
    met = np.uint32(0)  # of the width of a score: then the compiler compares eight at a time
    for k in range(len(rising)):
        met = np.uint32(met + np.uint32(rising[k] <= score))
    reach = int(met)
    reached[reach] += 1
    while reach > 0 and rising[reach - 1] == score:
        reach -= 1
        tied[reach] += 1
