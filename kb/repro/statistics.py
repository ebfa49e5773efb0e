"""Inference on paired differences: Student's t."""

import math
from statistics import fmean, stdev

from scipy import stats

LEVEL = 0.975  # two-sided 95 %


def paired_t(differences: list[float]) -> tuple[float, float, float]:
    """Mean difference and its 95 % interval (paired t); two differences at least."""
    mean = fmean(differences)
    half = t_quantile(len(differences) - 1) * stdev(differences) / math.sqrt(len(differences))
    return mean, mean - half, mean + half


def t_quantile(df: int, level: float = LEVEL) -> float:
    """Quantile of Student's t."""
    return float(stats.t.ppf(level, df))
