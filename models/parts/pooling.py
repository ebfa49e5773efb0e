"""Masked pooling over the steps of a sequence: mean, maximum, softmax, log-sum-exp."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def masked_mean(
    x: Float[Tensor, "b steps dim"], mask: Bool[Tensor, "b steps"]
) -> Float[Tensor, "b dim"]:
    """Mean of the steps the mask keeps; zeros where it keeps none."""
    total = x.masked_fill(~mask[..., None], 0.0).sum(1)
    return total / mask.sum(1, keepdim=True).clamp(min=1)


def masked_max(
    x: Float[Tensor, "b steps dim"], mask: Bool[Tensor, "b steps"]
) -> Float[Tensor, "b dim"]:
    """Elementwise maximum of the steps the mask keeps; zeros where it keeps none."""
    top = x.masked_fill(~mask[..., None], float("-inf")).amax(1)
    return top.masked_fill(~mask.any(1, keepdim=True), 0.0)


def segment_max(
    x: Float[Tensor, "b steps dim"], groups: Bool[Tensor, "b groups steps"]
) -> Float[Tensor, "b groups dim"]:
    """Elementwise maximum of the steps of each group; zeros where a group has none."""
    row, group, step = groups.nonzero(as_tuple=True)
    top = x.new_zeros(groups.shape[:2].numel(), x.shape[2])
    index = (row * groups.shape[1] + group)[:, None].expand(-1, x.shape[2])
    top = top.scatter_reduce(0, index, x[row, step], "amax", include_self=False)
    return top.view(*groups.shape[:2], x.shape[2])


def masked_softmax(
    x: Float[Tensor, "*shape"], mask: Bool[Tensor, "*#shape"], dim: int = -1
) -> Float[Tensor, "*shape"]:
    """Softmax over what the mask keeps; zeros where it keeps nothing."""
    return x.masked_fill(~mask, torch.finfo(x.dtype).min).softmax(dim) * mask


def masked_logsumexp(
    x: Float[Tensor, "*shape"], mask: Bool[Tensor, "*#shape"], dim: int
) -> Float[Tensor, "..."]:
    """Log of the sum of exp over what the mask keeps; minus infinity where it keeps nothing."""
    return x.masked_fill(~mask, float("-inf")).logsumexp(dim)
