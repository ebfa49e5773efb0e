"""A memory bank: one vector per item of a dataset, as it was when last seen.

Wu, Xiong, Yu, Lin. "Unsupervised Feature Learning via Non-Parametric Instance Discrimination." CVPR
2018, arXiv:1805.01978. Negatives come from the bank instead of from the batch.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn


class MemoryBank(nn.Module):
    """`rows` vectors of size `dim`, a buffer: saved with the weights, changed by `update` alone.

    Rows start uniform within the root of 3 / dim, so that their squared length is 1 on average.
    """

    bank: Float[Tensor, "rows dim"]

    def __init__(self, rows: int, dim: int, momentum: float = 0.5) -> None:
        super().__init__()
        self.momentum = momentum
        bound = (3 / dim) ** 0.5
        self.register_buffer("bank", torch.empty(rows, dim).uniform_(-bound, bound))

    def forward(self, index: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape dim"]:
        """Rows of the bank; no gradient flows into them, and a later update leaves them alone."""
        return self.bank[index]

    @torch.no_grad()
    def update(self, index: Int[Tensor, " b"], x: Float[Tensor, "b dim"]) -> None:
        """A row becomes momentum row + (1 - momentum) x, at unit length.

        An item that occurs twice in a batch is updated once, with the mean of its vectors.
        """
        rows, place, count = index.unique(return_inverse=True, return_counts=True)
        mean = self.bank.new_zeros(len(rows), x.shape[1])
        mean = mean.index_add(0, place, x.to(mean.dtype)) / count[:, None]
        mixed = self.momentum * self.bank[rows] + (1 - self.momentum) * mean
        self.bank[rows] = F.normalize(mixed, dim=1)
