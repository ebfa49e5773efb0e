"""Metrics of one direction from its ranks and ties, in plain Python.

A query is a case: how many wrong answers are above its first right one, and how many wrong and
right ones tie with that. Ties count as expected values (McSherry and Najork, ECIR 2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

Case = tuple[int, int, int]  # of a query: wrong answers above, wrong and right ones that tie
CUTOFFS = (1, 5, 10)
_EULER = 0.5772156649015329
_FIRST = (0.0, *accumulate(1 / n for n in range(1, 100)))  # harmonic numbers


@dataclass(frozen=True)
class Measured:
    """Metrics of a direction from its cases."""

    cases: Counter[Case]
    number: int

    def value(self, metric: str, *, single: bool) -> float | None:
        """A metric; None where ranks do not decide it."""
        if metric.startswith("R@"):
            return self._recall(int(metric[2:]))
        if metric == "MnR":
            return self._mean(_rank)
        if metric == "MedR":
            return self._median()
        if metric == "MRR":
            return self._mean(_reciprocal)
        return 100 * self._mean(_reciprocal) if metric == "mAP" and single else None

    def sum_r(self) -> float:
        """R@1, R@5 and R@10, added."""
        return sum(map(self._recall, CUTOFFS))

    def _recall(self, cutoff: int) -> float:
        return 100 * self._mean(lambda case: _hit(case, cutoff))

    def _mean(self, of: Callable[[Case], float]) -> float:
        return sum(count * of(case) for case, count in self.cases.items()) / self.number

    def _median(self) -> float:
        ordered = sorted((_rank(case), count) for case, count in self.cases.items())
        middle, seen, low = (self.number - 1) // 2, 0, None
        for rank, count in ordered:
            seen += count
            if low is None and seen > middle:
                low = rank
            if seen > self.number // 2:
                break
        return (rank + (rank if low is None else low)) / 2

    def most(self, right: float) -> float:
        """The mAP, in percent, if all right answers of a query stood behind its first one.

        `right` of them a query on average: taken twice, since queries have different numbers.
        """
        return 100 * self._mean(lambda case: _together(case, max(1, round(2 * right))))


def _together(case: Case, right: int) -> float:
    """Sum of i / (r + i - 1) over the `right` answers, divided by them: r is the first one's rank."""
    ahead = case[0]  # wrong answers that are surely above
    return 1 - ahead / right * (_harmonic(ahead + right) - _harmonic(ahead))


def _harmonic(number: int) -> float:
    """1 + 1/2 + ... + 1/number; beyond a table by its expansion, right in the 14th place."""
    if number < len(_FIRST):
        return _FIRST[number]
    square = 1 / (number * number)
    return log(number) + _EULER + 0.5 / number - square / 12 + square * square / 120


def _rank(case: Case) -> float:
    """Among u wrong and p right items in random order, u / (p + 1) wrong ones come first."""
    above, wrong, right = case
    return above + 1 + wrong / (right + 1)


def _hit(case: Case, cutoff: int) -> float:
    """1 - C(u, j) / C(u + p, j), j = places of the first `cutoff` that the tie block reaches."""
    above, wrong, right = case
    miss = 1.0
    for place in range(min(cutoff - above, wrong + 1)):
        miss *= (wrong - place) / (wrong + right - place)
    return 1 - miss


def _reciprocal(case: Case) -> float:
    """Sum over j of P(the first j of the block are wrong, the next is right) / rank."""
    above, wrong, right = case
    if right == 1:  # each place is as likely
        return (_harmonic(above + wrong + 1) - _harmonic(above)) / (wrong + 1)
    total, survives = 0.0, 1.0
    for j in range(wrong + 1):
        left = wrong - j + right
        total += survives * right / left / (above + 1 + j)
        survives *= (wrong - j) / left
    return total
