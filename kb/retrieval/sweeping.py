"""Both directions from one pass over the products of embeddings, a tile at a time.

To count a column in the first tile, the scores of its right pairs must be known, and to the bit, or
a tie with one is missed. They are computed ahead from the few columns that matter to each block of
rows, and checked against the tiles as these come by; where a product of another shape rounded
otherwise, the tiles' own scores are taken and the pass is made once more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.retrieval.counting import Counts, Product, turns
from kb.retrieval.relevance import Indices, Relevance

ROWS, COLUMNS = 1024, 3072  # of a tile
STRIDE = 3088  # between its rows: an odd number of cache lines, or they crowd into a few of them
AHEAD = 64  # columns of the smallest product ahead: smaller ones round otherwise
SEVERAL = 32  # right answers of a query, above which counting pass by pass is as fast
_SPARSE = 0.02  # share of scores that reach a threshold, below which they are visited one by one
_BYTE = 255

Array = NDArray[Any]


def sweeps(scores: Product, right: Relevance) -> bool:
    """Whether one pass serves: float32 in main memory, finite products, few right answers each."""
    tables = (scores.query, scores.item)
    if any(hasattr(table, "device") and str(table.device) != "cpu" for table in tables):
        return False
    host = [_host(table) for table in tables]
    if any(table.dtype != np.float32 for table in host):
        return False
    most = max(int(np.bincount(index).max(initial=0)) for index in (right.caption, right.video))
    longest = np.prod([_longest(table) for table in host])
    return bool(longest < np.finfo(np.float32).max) and most <= SEVERAL


def sweep(scores: Product, right: Relevance) -> tuple[Counts, Counts]:
    """Counts of t2v and of v2t, of every right pair."""
    order = _by_video(right)
    row = np.empty(len(order), np.int64)
    row[order] = np.arange(len(order))
    pairs = _Pairs(_host(scores.query), _host(scores.item), order, row[right.caption], right.video)
    known = pairs.ahead()
    while True:
        across = _Axis.of(pairs.row, known, len(order))
        down = _Axis.of(pairs.column, known, right.videos)
        found = np.full(len(known), np.nan, np.float32)
        for top, left, tile in pairs.tiles(found):
            across.see(tile, top)
            down.see(tile.T, left)
        if np.array_equal(found, known):
            return across.counts(right, "t2v"), down.counts(right, "v2t")
        known = found


def _host(table: Any) -> Array:
    return table if isinstance(table, np.ndarray) else np.asarray(table.numpy())


def _longest(table: Array) -> float:
    """Largest norm of a row; NaN and infinity come through."""
    return float(np.sqrt(np.einsum("ij,ij->i", table, table, dtype=np.float64).max()))


def _by_video(right: Relevance) -> Indices:
    """Captions in the order of the first of their right videos: a block of them needs few columns."""
    first = np.full(right.captions, right.videos)
    np.minimum.at(first, right.caption, right.video)
    return np.argsort(first, kind="stable")


@dataclass(frozen=True)
class _Pairs:
    """Embeddings and the right pairs among their products, rows in an order of ours."""

    text: Array
    video: Array
    order: Indices  # (captions,) caption of each row
    row: Indices  # (pairs,)
    column: Indices  # (pairs,)

    def ahead(self) -> Array:
        """(pairs,) scores, from products with the columns that are right for some row."""
        known = np.empty(len(self.row), np.float32)
        for top, pairs in _groups(self.row // ROWS):
            columns, place = np.unique(self.column[pairs], return_inverse=True)
            spare = np.resize(columns, max(AHEAD, len(columns)))
            block = self.block(top * ROWS)
            known[pairs] = (block @ self.video[spare].T)[self.row[pairs] - top * ROWS, place]
        return known

    def block(self, top: int) -> Array:
        """(rows, dim) embeddings of the rows from `top` on; no copy of rows that lie together."""
        rows = self.order[top : top + ROWS]
        together = np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows)))
        return self.text[rows[0] : rows[0] + len(rows)] if together else self.text[rows]

    def tiles(self, found: Array) -> Iterator[tuple[int, int, Array]]:
        """(first row, first column, scores); the scores of right pairs go into `found`."""
        stripes = -(-len(self.video) // COLUMNS)
        here = dict(_groups(self.row // ROWS * stripes + self.column // COLUMNS))
        buffer = np.empty((ROWS, STRIDE), np.float32)
        for i, top in enumerate(range(0, len(self.order), ROWS)):
            block = self.block(top)
            for j, left in enumerate(range(0, len(self.video), COLUMNS)):
                video = self.video[left : left + COLUMNS]
                tile = np.matmul(block, video.T, out=buffer[: len(block), : len(video)])
                pairs = here.get(i * stripes + j)
                if pairs is not None:
                    found[pairs] = tile[self.row[pairs] - top, self.column[pairs] - left]
                yield top, left, tile


def _groups(key: Indices) -> list[tuple[int, Indices]]:
    """Each key with the indices that have it."""
    order = np.argsort(key, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(key[order])) + 1)
    return [(int(key[part[0]]), part) for part in parts if len(part)]


@dataclass
class _Axis:
    """Queries of one direction, with the scores of their right items as thresholds."""

    query: Indices  # (pairs,) as rows or columns of tiles
    level: Indices  # (pairs,) place of the pair among the rising thresholds of its query
    threshold: Array  # (levels, queries) rising, then infinite
    above: Indices  # (levels, queries) items above the threshold
    reach: Indices  # (levels, queries) items at or above it

    @classmethod
    def of(cls, query: Indices, score: Array, queries: int) -> "_Axis":
        """An axis that has seen nothing yet."""
        order = np.lexsort((score, query))
        level = np.empty(len(query), np.int64)
        level[order] = turns(query[order])
        levels = int(level.max(initial=0)) + 1
        threshold = np.full((levels, queries), np.inf, np.float32)
        threshold[level, query] = score
        above, reach = np.zeros((2, levels, queries), np.int64)
        return cls(query, level, threshold, above, reach)

    def see(self, tile: Array, start: int) -> None:
        """Count a tile (queries, items) whose queries begin at `start`, level by level."""
        here = slice(start, start + len(tile))
        for level, threshold in enumerate(self.threshold[:, here]):
            reached = tile >= threshold[:, None]
            number = np.count_nonzero(reached)
            if number < _SPARSE * reached.size:
                self._visit(tile, reached, level, here)
                return
            total = _true(reached)
            self.reach[level, here] += total
            tied = np.equal(tile, threshold[:, None], out=reached)
            self.above[level, here] += total - _true(tied) if tied.any() else total

    def _visit(self, tile: Array, reached: Array, level: int, here: slice) -> None:
        """Each score that reaches this level by itself; fewer reach the next."""
        query, score = _picked(tile, reached)
        for k in range(level, len(self.threshold)):
            if not len(score):
                return
            threshold = self.threshold[k, here][query]
            within = score >= threshold
            query, score, threshold = query[within], score[within], threshold[within]
            number = np.bincount(query, minlength=len(tile))
            self.reach[k, here] += number
            tied = query[score == threshold]
            self.above[k, here] += number - np.bincount(tied, minlength=len(tile))

    def counts(self, right: Relevance, direction: str) -> Counts:
        """Counts in the order of `Relevance.pairs`."""
        own = right.caption if direction == "t2v" else right.video
        order = np.argsort(own, kind="stable")
        at = self.level[order], self.query[order]
        return Counts(own[order], self.above[at], self.reach[at] - self.above[at])


def _picked(tile: Array, reached: Array) -> tuple[Indices, Array]:
    """(query, score) where `reached`."""
    if tile.strides[0] >= tile.strides[1]:
        query, item = np.divmod(np.flatnonzero(reached), reached.shape[1])
    else:
        item, query = np.divmod(np.flatnonzero(reached.T), reached.shape[0])
    return query, tile[query, item]


def _true(mask: Array) -> Indices:
    """How often each row is true; down columns a byte at a time, before it runs over."""
    if mask.flags.c_contiguous:
        return np.fromiter((np.count_nonzero(row) for row in mask), np.int64, len(mask))
    bits, total = mask.T.view(np.uint8), np.zeros(len(mask), np.int64)
    for i in range(0, len(bits), _BYTE):
        total += np.add.reduce(bits[i : i + _BYTE], axis=0, dtype=np.uint8)
    return total
