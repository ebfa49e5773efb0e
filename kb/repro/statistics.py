"""Inference on paired differences: t interval, bootstrap, sample size."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.power import TTestPower

LEVEL = 0.975  # two-sided 95 %
POWER = 0.8
MOST = 10_000  # seeds; no one runs more
Values = NDArray[np.float64]


def paired_t(differences: list[float]) -> tuple[float, float, float]:
    """Mean difference and its 95 % interval (paired t); two differences at least."""
    mean = fmean(differences)
    half = t_quantile(len(differences) - 1) * stdev(differences) / math.sqrt(len(differences))
    return mean, mean - half, mean + half


def t_quantile(df: int, level: float = LEVEL) -> float:
    """Quantile of Student's t."""
    return float(stats.t.ppf(level, df))


def bootstrap(
    tables: Sequence[Values], *, samples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile interval of a difference: over the tables, the sum of each one's mean.

    A table is (seeds, queries) of one direction. Seeds are resampled, and the queries of each
    table, the same for all seeds. Queries count as independent, though a video has several.
    """
    rng = np.random.default_rng(seed)
    seeds = len(tables[0])
    differences = np.zeros((samples, seeds))
    for table in tables:
        queries = table.shape[1]
        for i in range(samples):
            weights = np.bincount(rng.integers(queries, size=queries), minlength=queries)
            differences[i] += table @ weights / queries
    means = np.take_along_axis(differences, rng.integers(seeds, size=differences.shape), 1).mean(
        axis=1
    )
    low, high = np.quantile(means, [1 - LEVEL, LEVEL])
    return float(low), float(high)


def sample_size(difference: float, sd: float, *, most: int = MOST) -> int | None:
    """Seeds that give a paired t-test at 95 % a power of 0.8 for a true mean difference.

    `sd` is the standard deviation of the paired differences. At least 2; None where it is above
    `most`.
    """
    if difference == 0:
        return None
    if sd == 0:
        return 2
    high = 2
    while not _enough(high, abs(difference) / sd):  # from below: far above, the power overflows
        high *= 2
        if high >= 2 * most:
            return None
    low = max(2, high // 2)
    while low < high:  # power rises with the sample
        middle = (low + high) // 2
        enough = _enough(middle, abs(difference) / sd)
        low, high = (low, middle) if enough else (middle + 1, high)
    return low if low <= most else None


def _enough(n: int, effect: float) -> bool:
    return bool(TTestPower().power(effect, n, 2 * (1 - LEVEL)) >= POWER)
