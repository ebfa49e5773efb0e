"""Masked pooling over the steps of a sequence."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def masked_mean(
    x: Float[Tensor, "b steps dim"], mask: Bool[Tensor, "b steps"]
) -> Float[Tensor, "b dim"]:
    """Mean of the steps the mask keeps; zeros where it keeps none."""
    kept = x.masked_fill(~mask[..., None], 0.0)
    return kept.sum(1) / mask.sum(1, keepdim=True).clamp(min=1)


def masked_max(
    x: Float[Tensor, "b steps dim"], mask: Bool[Tensor, "b steps"]
) -> Float[Tensor, "b dim"]:
    """Elementwise maximum of the steps the mask keeps; zeros where it keeps none."""
    top = x.masked_fill(~mask[..., None], float("-inf")).amax(1)
    return top.masked_fill(~mask.any(1, keepdim=True), 0.0)


def masked_softmax(
    x: Float[Tensor, "*rows n"], mask: Bool[Tensor, "*#rows n"]
) -> Float[Tensor, "*rows n"]:
    """Softmax over what the mask keeps; zeros where it keeps nothing."""
    return x.masked_fill(~mask, torch.finfo(x.dtype).min).softmax(-1) * mask
