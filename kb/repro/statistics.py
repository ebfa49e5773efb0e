"""Inference on paired differences: Student's t."""

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import fmean, stdev

from scipy import stats

LEVEL = 0.975  # two-sided 95 %


def paired_t(differences: Sequence[float], level: float = LEVEL) -> tuple[float, float, float]:
    """Mean difference and its interval (paired t), 95 % by default; two differences at least."""
    mean, n = fmean(differences), len(differences)
    half = t_quantile(n - 1, level) * stdev(differences) / math.sqrt(n)
    return mean, mean - half, mean + half


@lru_cache(maxsize=256)
def t_quantile(df: int, level: float = LEVEL) -> float:
    """Quantile of Student's t."""
    return float(stats.t.ppf(level, df))
