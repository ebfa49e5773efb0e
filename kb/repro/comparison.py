"""Models compared: ranks on one protocol, and the agreement of two orders."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from kb.repro.statistics import LEVEL, paired_t

SEEDS = 3  # to rank a model: with two, hardly any difference is significant
FEWEST = 3  # models for an order
ENOUGH = 5  # models for a resampled interval


@dataclass(frozen=True)
class Place:
    """Rank of a model among those measured with it."""

    rank: int  # 1 + the number of models that are significantly better
    better: tuple[str, ...]  # their names


@dataclass(frozen=True)
class Agreement:
    """Kendall's tau-b of two orders of the same models, in [-1, 1]."""

    models: int
    tau: float
    # 95 % percentile interval, models resampled with replacement; None with fewer than five
    low: float | None
    high: float | None


def places(values: Mapping[str, Mapping[int, float]]) -> dict[str, Place]:
    """The place of each model by its metric per seed, larger is better.

    One model is better than another where the 95 % interval of the paired difference over the
    seeds they share lies above zero, the rule for a claim that holds. Models that are not
    significantly different may share a rank. A model with fewer than three seeds gets no rank.
    """
    known = {name: seeds for name, seeds in values.items() if len(seeds) >= SEEDS}
    place_of = {}
    for name, own in known.items():
        better = tuple(other for other in known if other != name and _beats(known[other], own))
        place_of[name] = Place(1 + len(better), better)
    return place_of


def _beats(one: Mapping[int, float], other: Mapping[int, float]) -> bool:
    differences = [one[seed] - other[seed] for seed in sorted(one.keys() & other.keys())]
    return len(differences) >= SEEDS and paired_t(differences)[1] > 0


def agreement(
    one: Mapping[str, float], other: Mapping[str, float], *, samples: int = 2000, seed: int = 0
) -> Agreement | None:
    """Rank correlation of two measures over the models that have both; None without an order.

    Fewer than three models, or all ties, give no order.

    The interval resamples models, not seeds or queries: with few models it is wide.
    """
    names = sorted(one.keys() & other.keys())
    if len(names) < FEWEST:
        return None
    a, b = (np.array([of[name] for name in names]) for of in (one, other))
    tau = _tau(a, b)
    if np.isnan(tau):
        return None
    if len(names) < ENOUGH:
        return Agreement(len(names), tau, None, None)
    rng = np.random.default_rng(seed)
    drawn = [rng.integers(len(names), size=len(names)) for _ in range(samples)]
    taus = [_tau(a[rows], b[rows]) for rows in drawn]
    low, high = np.nanquantile(taus, [1 - LEVEL, LEVEL])
    return Agreement(len(names), tau, float(low), float(high))


def _tau(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """tau-b; NaN where one order is all ties."""
    return float(stats.kendalltau(a, b).statistic)
