"""Bootstrap intervals over queries: percentile method, seeded."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
_CHUNK = 1 << 23  # weights held at a time


def resampled(values: Values, rank: Values, *, samples: int, seed: int) -> tuple[Values, Values]:
    """Means (samples, columns) of `values` (queries, columns) and medians (samples,) of `rank`.

    A resample of the queries is a row of counts; its mean is one product, its median one search.
    """
    rng = np.random.default_rng(seed)
    queries = len(values)
    order = np.argsort(rank, kind="stable")
    means, medians = np.empty((samples, values.shape[1])), np.empty(samples)
    step = max(1, _CHUNK // max(queries, 1))
    for start in range(0, samples, step):
        stop = min(start + step, samples)
        weights = np.stack(
            [
                np.bincount(rng.integers(queries, size=queries), minlength=queries)
                for _ in range(start, stop)
            ]
        )
        means[start:stop] = weights @ values / queries
        medians[start:stop] = _medians(rank[order], weights[:, order])
    return means, medians


def _medians(rank: Values, weights: NDArray[np.int64]) -> Values:
    """Plain median of each resample of the sorted ranks."""
    reached = np.cumsum(weights, axis=1)
    queries = len(rank)
    low = (reached > (queries - 1) // 2).argmax(axis=1)
    high = (reached > queries // 2).argmax(axis=1)
    return np.asarray((rank[low] + rank[high]) / 2)


def percentiles(samples: Values, level: float = 0.95) -> tuple[float, float]:
    """The interval that holds the middle `level` of the resamples."""
    tail = (1 - level) / 2
    low, high = np.quantile(samples, [tail, 1 - tail])
    return float(low), float(high)
