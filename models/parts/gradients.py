"""Functions whose gradient is not their derivative.

Reversal: Ganin, Lempitsky. "Unsupervised Domain Adaptation by Backpropagation." ICML 2015,
arXiv:1409.7495. Straight-through: Bengio, Léonard, Courville, arXiv:1308.3432; for a choice among
several, torch has `gumbel_softmax(hard=True)`.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


class _Reversal(torch.autograd.Function):
    """Identity; its gradient is turned round and scaled."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float) -> Tensor:
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return -ctx.scale * grad, None


class _Sign(torch.autograd.Function):
    """-1 or 1; its gradient is that of the identity."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004  (torch calls it so)
        return torch.where(x < 0, -1.0, 1.0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # noqa: ARG004
        return grad


def reverse_gradient(x: Float[Tensor, "*shape"], scale: float = 1.0) -> Float[Tensor, "*shape"]:
    """x; what comes before it learns to raise a loss that what comes after it lowers."""
    return _Reversal.apply(x, scale)


def binary_code(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Sign of x, 1 at zero; the gradient goes straight through."""
    return _Sign.apply(x)
