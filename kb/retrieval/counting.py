"""Ranks of right answers by counting what scores higher: no sort, no full matrix in memory."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kb.records.errors import KBError
from kb.retrieval.relevance import Indices

MANY = 16  # right items of a row, from which a sort costs less than a pass for each
BLOCK = 1 << 22  # scores held at a time

Array = Any  # a numpy array or a torch tensor: both compare, slice and multiply alike


@dataclass(frozen=True)
class Matrix:
    """A matrix of scores: (queries, items)."""

    scores: Array

    @property
    def shape(self) -> tuple[int, int]:
        """(queries, items)."""
        return int(self.scores.shape[0]), int(self.scores.shape[1])

    @property
    def transposed(self) -> "Matrix":
        """Items ask for queries."""
        return Matrix(self.scores.T)

    def rows(self, start: int, stop: int) -> Array:
        """(stop - start, items) scores, contiguous."""
        block = self.scores[start:stop]
        if isinstance(block, np.ndarray):
            return np.ascontiguousarray(block)
        return block.contiguous()


@dataclass(frozen=True)
class Product:
    """Scores as inner products of (queries, dim) and (items, dim), made a block at a time."""

    query: Array
    item: Array

    @property
    def shape(self) -> tuple[int, int]:
        """(queries, items)."""
        return int(self.query.shape[0]), int(self.item.shape[0])

    @property
    def transposed(self) -> "Product":
        """Items ask for queries."""
        return Product(self.item, self.query)

    def rows(self, start: int, stop: int) -> Array:
        """(stop - start, items) inner products."""
        return self.query[start:stop] @ self.item.T


class Rows(Protocol):
    """Scores that come a block of rows at a time."""

    @property
    def shape(self) -> tuple[int, int]:
        """(queries, items)."""

    def rows(self, start: int, stop: int) -> Array:
        """(stop - start, items) scores."""


Scores = Matrix | Product


@dataclass(frozen=True)
class Counts:
    """For every right pair, sorted by query: how many items of the gallery beat it or tie with it."""

    query: Indices  # (pairs,)
    above: Indices  # (pairs,) items that score strictly higher
    equal: Indices  # (pairs,) items that score the same, itself included


def count(scores: Rows, query: Indices, item: Indices) -> Counts:
    """Counts of every pair (query, item), with `query` in ascending order.

    Raises KBError for NaN anywhere, and for -inf at a right pair: such scores have no order.
    """
    queries, items = scores.shape
    above, equal = np.empty(len(query), np.int64), np.empty(len(query), np.int64)
    step = max(1, BLOCK // max(items, 1))
    for start in range(0, queries, step):
        block = scores.rows(start, min(start + step, queries))
        _refuse_nan(block, start)
        first, last = np.searchsorted(query, (start, start + len(block)))
        rows, columns = query[first:last] - start, item[first:last]
        above[first:last], equal[first:last] = _count_block(block, rows, columns)
    return Counts(query, above, equal)


def _refuse_nan(block: Array, start: int) -> None:
    bad = block != block  # noqa: PLR0124  (only NaN differs from itself, in numpy and torch alike)
    if bool(bad.any()):
        number = int(bad.sum())
        row = int(numpy_of(bad.any(1)).argmax()) + start
        raise KBError(
            f"{number} scores are NaN, the first in row {row}",
            hint="NaN has no rank: correct the model that gave it",
        )


def _count_block(block: Array, rows: Indices, columns: Indices) -> tuple[Indices, Indices]:
    """One pass for the first right item of every row, one for the second, and so on."""
    above, equal = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    turn = turns(rows)
    if int(turn.max(initial=-1)) >= MANY:
        return _count_sorted(numpy_of(block), rows, columns)
    for k in range(int(turn.max(initial=-1)) + 1):
        chosen = np.flatnonzero(turn == k)
        row = rows[chosen]
        score = block[row, columns[chosen]]
        _refuse_infinite(score)
        part = block if len(row) == len(block) else block[row]
        above[chosen] = _true(part > score[:, None])
        equal[chosen] = _true(part == score[:, None])
    return above, equal


def _count_sorted(block: NDArray[Any], rows: Indices, columns: Indices) -> tuple[Indices, Indices]:
    """Each row sorted once, its right items looked up in it: for rows with many of them."""
    above, equal = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    scores = block[rows, columns]
    _refuse_infinite(scores)
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
        ordered, place = np.sort(block[rows[start]]), start + np.argsort(scores[start:stop])
        rising = scores[place]  # a search for rising values finds the next one near the last
        upper = np.searchsorted(ordered, rising, "right")
        above[place] = len(ordered) - upper
        has_ties = bool((ordered[1:] == ordered[:-1]).any())
        equal[place] = upper - np.searchsorted(ordered, rising, "left") if has_ties else 1
    return above, equal


def _refuse_infinite(scores: Array) -> None:
    if bool((scores == -np.inf).any()):
        raise KBError("a right answer scores -inf", hint="-inf is for what is not in the gallery")


def turns(rows: Indices) -> Indices:
    """Position of each pair among the pairs of its row: 0, 0, 1, 2, 0, ..."""
    starts = np.searchsorted(rows, rows)
    return np.arange(len(rows)) - starts


def _true(mask: Array) -> NDArray[np.int64]:
    """How often each row is true."""
    if isinstance(mask, np.ndarray):
        # Row by row: numpy counts bytes in one row eight times as fast as along an axis.
        return np.fromiter((np.count_nonzero(row) for row in mask), np.int64, len(mask))
    return numpy_of(mask.sum(1))


def numpy_of(values: Array) -> NDArray[Any]:
    """The values as a numpy array, from whichever device."""
    return np.asarray(values.cpu() if hasattr(values, "cpu") else values)
