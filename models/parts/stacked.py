"""Stacked cross attention: words that look for their frames, frames that look for their words.

Lee, Chen, Hua, Hu, He. "Stacked Cross Attention for Image-Text Matching" (SCAN). ECCV 2018,
arXiv:1803.08024, with frames or regions of a video in the place of an image's regions. In the form
its followers run: products below zero are damped, not cut.
"""

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from models.parts.pooling import masked_logsumexp, masked_softmax

EPSILON = 1e-8
SLOPE = 0.1  # of a product below zero


def to_unit(x: Float[Tensor, "*shape"], dim: int = -1) -> Float[Tensor, "*shape"]:
    """SCAN's way to unit length, x / (|x| + 1e-8), of vectors and of products."""
    return x / (x.norm(dim=dim, keepdim=True) + EPSILON)


def attended_cosines(
    query: Float[Tensor, "q n d"],
    query_mask: Bool[Tensor, "q n"],
    context: Float[Tensor, "c m d"],
    context_mask: Bool[Tensor, "c m"],
    sharpness: float,
) -> Float[Tensor, "q c n"]:
    """Cosine of each query step with its mixture of context steps, for every pair of rows.

    Each context step's products are scaled to unit length over the query's steps; a softmax of
    `sharpness` times that over the context mixes its steps. Zeros where a step is padding or the
    context is empty.
    """
    query = query.masked_fill(~query_mask[..., None], 0.0)
    context = context.masked_fill(~context_mask[..., None], 0.0)
    product = (query.flatten(0, 1) @ context.flatten(0, 1).mT).view(
        *query.shape[:2], *context.shape[:2]
    )
    product = product.transpose(1, 2)  # (q, c, n, m)
    scaled = to_unit(F.leaky_relu(product, SLOPE), dim=2)
    weight = masked_softmax(sharpness * scaled, context_mask[None, :, None])
    # The mixture itself would be (q, c, n, d); its products follow from those of the steps.
    gram = context @ context.mT
    length = ((weight @ gram) * weight).sum(3).clamp(min=EPSILON**2).sqrt()
    norms = (query.norm(dim=2)[:, None] * length).clamp(min=EPSILON)
    return (weight * product).sum(3) / norms


def text_to_video(
    words: Float[Tensor, "t n d"],
    word_mask: Bool[Tensor, "t n"],
    steps: Float[Tensor, "v m d"],
    step_mask: Bool[Tensor, "v m"],
    sharpness: float = 9.0,
) -> Float[Tensor, "t v n"]:
    """Cosine of each word with the steps it attends to."""
    return attended_cosines(words, word_mask, steps, step_mask, sharpness)


def video_to_text(
    words: Float[Tensor, "t n d"],
    word_mask: Bool[Tensor, "t n"],
    steps: Float[Tensor, "v m d"],
    step_mask: Bool[Tensor, "v m"],
    sharpness: float = 4.0,
) -> Float[Tensor, "t v m"]:
    """Cosine of each step with the words it attends to."""
    cosines = attended_cosines(steps, step_mask, words, word_mask, sharpness)
    return cosines.transpose(0, 1)


def mean_cosine(
    cosines: Float[Tensor, "t v n"], mask: Bool[Tensor, "#t #v n"]
) -> Float[Tensor, "t v"]:
    """Mean over the steps the mask keeps; zero where it keeps none."""
    return (cosines * mask).sum(2) / mask.sum(2).clamp(min=1)


def soft_maximum(
    cosines: Float[Tensor, "t v n"], mask: Bool[Tensor, "#t #v n"], sharpness: float = 6.0
) -> Float[Tensor, "t v"]:
    """log(sum exp(sharpness cosine)) / sharpness over the steps the mask keeps; zero without any."""
    top = masked_logsumexp(sharpness * cosines, mask, 2) / sharpness
    return top.masked_fill(~mask.any(2), 0.0)
