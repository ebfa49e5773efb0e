"""Measures of likeness between two sets of rows, every row with every row."""

import torch
from jaxtyping import Float
from torch import Tensor


def jaccard(p: Float[Tensor, "t k"], q: Float[Tensor, "v k"]) -> Float[Tensor, "t v"]:
    """Generalised Jaccard index of rows that are not negative: sum of minima over sum of maxima.

    Both sums follow from the rows' own and their L1 distance; 0 where both rows are zero.
    """
    total, apart = p.sum(1)[:, None] + q.sum(1), torch.cdist(p, q, p=1)
    return (total - apart) / (total + apart).clamp(min=1e-12)
