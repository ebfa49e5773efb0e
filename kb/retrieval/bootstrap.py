"""Bootstrap intervals over clusters of queries: percentile method, seeded.

Captions of one video hit or miss together, and so do videos of one family, so what is drawn is a
cluster with all its queries; clusters of one query each give the plain bootstrap. Both directions
share a draw. `scipy.stats.bootstrap` hands a statistic whole tables of drawn observations; here a
draw is a count per cluster, which gives means and medians of both directions in the memory of one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Indices = NDArray[np.int64]
Bounds = dict[str, tuple[float, float]]  # metric -> low, high
RECALLS = ("R@1", "R@5", "R@10")  # that SumR adds


@dataclass(frozen=True)
class Sample:
    """The queries of one direction."""

    per_query: Mapping[str, Values]  # metrics that are means: (queries,)
    rank: Values  # (queries,)
    cluster: Indices  # (queries,) from 0, numbered alike in all directions


@dataclass(frozen=True)
class Resamples:
    """One direction's metrics in each resample."""

    means: dict[str, Values]  # metric -> (samples,)
    medians: Values  # (samples,) of the ranks

    @property
    def bounds(self) -> Bounds:
        """Interval of every mean, and of MedR."""
        return {name: percentiles(of) for name, of in {**self.means, "MedR": self.medians}.items()}


def intervals(
    directions: Mapping[str, Sample], *, samples: int = 1000, seed: int = 0
) -> dict[str, Bounds]:
    """95 % intervals by direction and metric; SumR's under `both`, where there are two directions."""
    drawn = resampled(list(directions.values()), samples=samples, seed=seed)
    bounds = {name: of.bounds for name, of in zip(directions, drawn, strict=True)}
    if len(drawn) > 1:
        sum_r = np.sum([of.means[recall] for of in drawn for recall in RECALLS], axis=0)
        bounds["both"] = {"SumR": percentiles(sum_r)}
    return bounds


def resampled(directions: Sequence[Sample], *, samples: int, seed: int) -> list[Resamples]:
    """Means and medians of every direction in each of `samples` draws of all clusters.

    Every cluster has a query in every direction. Sums run over the clusters in their order, without
    BLAS: the same bytes on any machine.
    """
    rng = np.random.default_rng(seed)
    clusters = int(directions[0].cluster.max()) + 1
    totals = [_totals(one, clusters) for one in directions]  # (clusters, metrics + 1)
    orders = [np.argsort(one.rank, kind="stable") for one in directions]
    ranks = [one.rank[order] for one, order in zip(directions, orders, strict=True)]
    owners = [one.cluster[order] for one, order in zip(directions, orders, strict=True)]
    means = [np.empty((samples, table.shape[1] - 1)) for table in totals]
    medians = np.empty((len(directions), samples))
    for i in range(samples):
        drawn = np.bincount(rng.integers(clusters, size=clusters), minlength=clusters)
        for j, table in enumerate(totals):
            sums = np.add.reduce(drawn[:, None] * table, axis=0)
            means[j][i] = sums[:-1] / sums[-1]
            medians[j, i] = _median(ranks[j], drawn[owners[j]])
    return [
        Resamples(dict(zip(one.per_query, means[j].T, strict=True)), medians[j])
        for j, one in enumerate(directions)
    ]


def percentiles(samples: Values, level: float = 0.95) -> tuple[float, float]:
    """The interval that holds the middle `level` of the resamples."""
    tail = (1 - level) / 2
    low, high = np.quantile(samples, [tail, 1 - tail])
    return float(low), float(high)


def _totals(sample: Sample, clusters: int) -> Values:
    """(clusters, metrics + 1) sum of each metric over the queries of a cluster, and their number."""
    columns = [*sample.per_query.values(), np.ones(len(sample.cluster))]
    return np.stack([np.bincount(sample.cluster, of, clusters) for of in columns], axis=1)


def _median(rank: Values, weight: Indices) -> float:
    """Plain median of the sorted ranks, each as often as its weight says."""
    reached = np.cumsum(weight)
    low, high = np.searchsorted(reached, [(reached[-1] - 1) // 2, reached[-1] // 2], side="right")
    return float(rank[low] + rank[high]) / 2
