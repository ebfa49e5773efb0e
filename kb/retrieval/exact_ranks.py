"""Both directions from one pass over the products of embeddings, a tile at a time.

To count a column in the first tile, the scores of its right pairs must be known, and to the bit, or
a tie with one is missed. They are computed ahead from the few columns that matter to each block of
rows, and checked against the tiles as these come by; where a product of another shape rounded
otherwise, the pass repeats with the tiles' own scores.

As many threads as a product may use take blocks of rows, each with products and a tally of its own.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.retrieval.counting import Counts, Product
from kb.retrieval.relevance import Indices, Relevance

ROWS, COLUMNS = 2048, 3072  # of a tile
STRIDE = 3088  # between its rows: an odd number of cache lines, or they crowd into a few of them
AHEAD = 64  # columns of the smallest product ahead: smaller ones round otherwise
SEVERAL = 64  # right answers of a query: the tally has a place for as many at every query

_NONE = np.empty(0, np.int64)

Array = NDArray[Any]


def serves_one_pass(scores: Product, right: Relevance) -> bool:
    """Whether one pass suffices: float32 in main memory, finite products, few right answers each.

    Without numba, each direction takes a pass of its own.
    """
    if find_spec("numba") is None:
        return False
    tables = (scores.query, scores.item)
    if any(hasattr(table, "device") and str(table.device) != "cpu" for table in tables):
        return False
    host = [_host(table) for table in tables]
    if any(table.dtype != np.float32 for table in host):
        return False
    most = max(int(np.bincount(index).max(initial=0)) for index in (right.caption, right.video))
    longest = np.prod([_longest(table) for table in host])
    return bool(longest < np.finfo(np.float32).max) and most <= SEVERAL


def count_both_directions(scores: Product, right: Relevance) -> tuple[Counts, Counts]:
    """Counts of t2v and of v2t, of every right pair."""
    from threadpoolctl import threadpool_info, threadpool_limits  # noqa: PLC0415  (as numba)

    pairs = _Pairs.of(_host(scores.query), _host(scores.item), right)
    blas_threads = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    threads = min(blas_threads, default=1)
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
        assumed = pairs.ahead(pool)
        while True:
            tiled, counts = _one_pass(pairs, assumed, right, pool, threads)
            if np.array_equal(tiled, assumed):
                return counts
            assumed = tiled


def _one_pass(
    pairs: "_Pairs", assumed: Array, right: Relevance, pool: ThreadPoolExecutor, threads: int
) -> tuple[Array, tuple[Counts, Counts]]:
    """The scores of the pairs as the tiles have them, and the counts against `assumed` ones."""
    from kb.retrieval.rank_kernels import Tally, Thresholds, add_tile  # noqa: PLC0415  (as numba)

    across = Tally(Thresholds.of(pairs.row, assumed, right.captions))
    levels = Thresholds.of(pairs.column, assumed, right.videos)
    scores = np.full(len(assumed), np.nan, np.float32)

    def work(first: int) -> Tally:
        down = Tally(levels)
        tops = range(first * ROWS, right.captions, threads * ROWS)
        for top, left, tile in pairs.tiles(tops, scores):
            add_tile(tile, across.part(top, len(tile)), down.part(left, tile.shape[1]))
        return down

    down, *others = pool.map(work, range(threads))
    for other in others:
        down.add(other)
    return scores, (across.counts(right.caption), down.counts(right.video))


def _host(table: Any) -> Array:
    return table if isinstance(table, np.ndarray) else np.asarray(table.numpy())


def _longest(table: Array) -> float:
    """Largest norm of a row; NaN and infinity come through."""
    return float(np.sqrt(np.einsum("ij,ij->i", table, table, dtype=np.float64).max()))


@dataclass(frozen=True)
class _Pairs:
    """Embeddings and the right pairs among their products, rows in an order of ours."""

    text: Array
    video: Array
    order: Indices  # (captions,) caption of each row
    row: Indices  # (pairs,)
    column: Indices  # (pairs,)

    @classmethod
    def of(cls, text: Array, video: Array, right: Relevance) -> "_Pairs":
        """Captions in the order of the first of their videos: a block of them needs few columns."""
        first = np.full(right.captions, right.videos)
        np.minimum.at(first, right.caption, right.video)
        order = np.argsort(first, kind="stable")
        row = np.empty(len(order), np.int64)
        row[order] = np.arange(len(order))
        return cls(text, video, order, row[right.caption], right.video)

    def ahead(self, pool: ThreadPoolExecutor) -> Array:
        """(pairs,) scores, from products with the columns that are right for some row."""
        known = np.empty(len(self.row), np.float32)

        def fill(group: tuple[int, Indices]) -> None:
            top, pairs = group[0] * ROWS, group[1]
            columns, place = np.unique(self.column[pairs], return_inverse=True)
            spare = np.resize(columns, max(AHEAD, len(columns)))
            block = self.block(top) @ self.video[spare].T
            known[pairs] = block[self.row[pairs] - top, place]

        list(pool.map(fill, self.by_block.items()))
        return known

    @cached_property
    def by_block(self) -> dict[int, Indices]:
        """The pairs of each block of rows."""
        block = self.row // ROWS
        order = np.argsort(block, kind="stable")
        parts = np.split(order, np.flatnonzero(np.diff(block[order])) + 1)
        return {int(block[part[0]]): part for part in parts if len(part)}

    def block(self, top: int) -> Array:
        """(rows, dim) embeddings of the rows from `top` on; contiguous rows are not copied."""
        rows = self.order[top : top + ROWS]
        together = np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows)))
        return self.text[rows[0] : rows[0] + len(rows)] if together else self.text[rows]

    def tiles(self, tops: range, scores: Array) -> Iterator[tuple[int, int, Array]]:
        """(first row, first column, scores); the scores of right pairs go into `scores`."""
        buffer = np.empty((ROWS, STRIDE), np.float32)
        for top in tops:
            block = self.block(top)
            pairs = self.by_block.get(top // ROWS, _NONE)
            for left in range(0, len(self.video), COLUMNS):
                video = self.video[left : left + COLUMNS]
                tile = np.matmul(block, video.T, out=buffer[: len(block), : len(video)])
                here = pairs[self.column[pairs] // COLUMNS == left // COLUMNS]
                scores[here] = tile[self.row[here] - top, self.column[here] - left]
                yield top, left, tile
