"""What paired differences say: Student's interval, a bootstrap, and how many seeds it takes."""

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.975  # two-sided 95 %
POWER = 0.8
MOST = 10_000  # seeds nobody will run
Values = NDArray[np.float64]


def paired_t(gains: list[float]) -> tuple[float, float, float]:
    """Mean difference and its 95 % interval (paired t); two differences at least."""
    half = quantile(len(gains) - 1) * stdev(gains) / math.sqrt(len(gains))
    mean = fmean(gains)
    return mean, mean - half, mean + half


def bootstrap(
    tables: Sequence[Values], *, samples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile interval of a gain: over the tables, the sum of each one's mean.

    A table is (seeds, queries) of one direction. Seeds are drawn again, and the queries of each
    table, the same for all seeds. Queries count as independent, though a video has several.
    """
    rng = np.random.default_rng(seed)
    seeds = len(tables[0])
    gains = np.zeros((samples, seeds))
    for table in tables:
        queries = table.shape[1]
        for i in range(samples):
            drawn = np.bincount(rng.integers(queries, size=queries), minlength=queries)
            gains[i] += table @ drawn / queries
    means = np.take_along_axis(gains, rng.integers(seeds, size=gains.shape), 1).mean(axis=1)
    low, high = np.quantile(means, [1 - LEVEL, LEVEL])
    return float(low), float(high)


def seeds_needed(difference: float, sd: float, *, most: int = MOST) -> int | None:
    """Seeds with which a true mean difference is found at 95 % in four of five tries.

    `sd` is the standard deviation of the paired differences. The least n >= 2 with
    n >= (t_{.975, n-1} + t_{.8, n-1})^2 sd^2 / difference^2; None where it is above `most`.
    """
    if difference == 0:
        return None
    ratio = (sd / difference) ** 2
    low, high = 2, most
    if not _enough(high, ratio):
        return None
    while low < high:  # enough for n is enough for n + 1
        middle = (low + high) // 2
        low, high = (low, middle) if _enough(middle, ratio) else (middle + 1, high)
    return low


def _enough(n: int, ratio: float) -> bool:
    return n >= (quantile(n - 1) + quantile(n - 1, POWER)) ** 2 * ratio


@lru_cache(maxsize=1 << 10)
def quantile(freedom: int, level: float = LEVEL) -> float:
    """Student's t by bisection: its density integrated by Simpson's rule after x = tan(u)."""
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        below = _mass(middle, freedom) < level - 0.5
        low, high = (middle, high) if below else (low, middle)
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def _mass(end: float, freedom: int, steps: int = 200) -> float:
    """P(0 < t < sqrt(freedom) tan(end)): the integral of cos(u)^(freedom - 1), scaled."""
    width = end / steps
    weights = (1 if i in {0, steps} else 4 if i % 2 else 2 for i in range(steps + 1))
    area = sum(w * math.cos(i * width) ** (freedom - 1) for i, w in enumerate(weights)) * width / 3
    log_scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    return area * math.exp(log_scale) / math.sqrt(math.pi)
