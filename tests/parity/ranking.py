"""Ranks and metrics that an official evaluator gave for a recording's scores.

Evaluators rank by numpy's argsort, which orders equal scores as its algorithm happens to. Where ours
tie, a recorded number is compared with the interval that the tie leaves; without ties it is a point.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kb.retrieval import evaluate

TIE = 1e-6  # scores this near tie: float32 decides which is larger
CUTOFFS = (1, 5, 10)
Floats = NDArray[np.float64]


def intervals(
    scores: Tensor, owner: NDArray[np.int64] | None = None
) -> dict[str, tuple[Floats, Floats]]:
    """Direction -> lowest and highest ranks from 0 of scores (captions, videos)."""
    table = scores.detach().double().numpy()
    rows = np.arange(len(table))
    owner = rows if owner is None else owner
    right = np.zeros_like(table)
    right[rows, owner] = TIE
    pairs = np.stack([rows, owner], axis=1)
    low = evaluate(similarity=table + right, relevance=pairs, ties="optimistic")
    high = evaluate(similarity=table - right, relevance=pairs, ties="pessimistic")
    ends = {"t2v": (low.t2v, high.t2v), "v2t": (low.v2t, high.v2t)}
    return {way: (a.rank - 1.0, b.rank - 1.0) for way, (a, b) in ends.items()}


def metrics(ranks: Floats, *, floor: bool = True) -> Floats:
    """R@1, R@5, R@10 in percent, median and mean rank from 1; `floor`: of the median from 0."""
    median = np.median(ranks)
    recalls = [100 * np.mean(ranks < cutoff) for cutoff in CUTOFFS]
    return np.array([*recalls, (np.floor(median) if floor else median) + 1, ranks.mean() + 1])


def nearest(official: NDArray[np.generic], low: Floats, high: Floats) -> Floats:
    """The official number where it lies in ours' interval, else the interval's nearer end."""
    return np.clip(official.astype(np.float64), np.minimum(low, high), np.maximum(low, high))


def evaluated(
    expected: Mapping[str, NDArray[np.generic]],
    scores: Tensor,
    owner: NDArray[np.int64] | None = None,
    *,
    suffix: str = "",
    floor: bool = True,
) -> dict[str, Floats]:
    """The recorded arrays `out/{t2v,v2t}_{ranks,metrics}`, suffix after them, that are there."""
    arrays = {}
    for way, (low, high) in intervals(scores, owner).items():
        ends = {"metrics": [metrics(r, floor=floor) for r in (low, high)], "ranks": (low, high)}
        for kind, (a, b) in ends.items():
            name = f"out/{way}_{kind}{suffix}"
            if name in expected:
                arrays[name] = nearest(expected[name], a, b)
    return arrays
