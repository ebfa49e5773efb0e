"""Batch normalisation: of a network called several times in one step, and without a gain."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class CallwiseBatchNorm(nn.BatchNorm1d):
    """Batch norm of several calls in one pass, each over its own rows.

    Output, gradients and running statistics are those of the calls one after the other: a call k of
    n moves the running statistics towards its own, which then decay by (1 - momentum)^(n - 1 - k).
    """

    running_mean: Tensor
    running_var: Tensor
    momentum: float

    def forward(self, x: Float[Tensor, "rows calls dim"]) -> Float[Tensor, "rows calls dim"]:
        """Normalised over the rows, apart for each call and dimension."""
        if not x.numel():
            return x
        if not self.training:
            return super().forward(x.flatten(0, 1)).view_as(x)
        calls, dim = x.shape[1:]
        mean, var = self.running_mean.new_zeros(2, calls * dim)  # replaced: the momentum is 1
        scale = self.weight.repeat(calls) if self.affine else None
        shift = self.bias.repeat(calls) if self.affine else None
        y = F.batch_norm(x.flatten(1), mean, var, scale, shift, True, 1.0, self.eps)
        self._update(mean.view(calls, dim), var.view(calls, dim))
        return y.view_as(x)

    @torch.no_grad()
    def _update(self, mean: Float[Tensor, "calls dim"], var: Float[Tensor, "calls dim"]) -> None:
        """Running statistics after the calls, first to last."""
        kept = 1 - self.momentum
        ages = torch.arange(len(mean) - 1, -1, -1, device=mean.device)
        weight = self.momentum * kept**ages
        for running, calls in ((self.running_mean, mean), (self.running_var, var)):
            running.mul_(kept ** len(calls)).add_(weight @ calls)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked += len(mean)


class ShiftNorm(nn.BatchNorm1d):
    """Batch norm with a shift and no gain, as TensorFlow's slim has it. It takes no rows, too."""

    def __init__(self, dim: int, eps: float, momentum: float) -> None:
        super().__init__(dim, eps, momentum, affine=False)
        self.num_batches_tracked = None  # which TensorFlow has not, and nothing reads
        self.shift = nn.Parameter(torch.zeros(dim))

    def _load_from_state_dict(
        self, state: dict[str, Any], prefix: str, metadata: dict[str, Any], *rest: Any
    ) -> None:
        """As it is: PyTorch would add the counter to weights that do not say their version."""
        super()._load_from_state_dict(state, prefix, metadata | {"version": self._version}, *rest)

    def forward(self, x: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows dim"]:
        """Normalised over the rows, then shifted."""
        return (super().forward(x) if len(x) else x) + self.shift
