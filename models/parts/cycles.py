"""Cycles between two sequences: from a step to its soft nearest neighbour, and back.

Dwibedi, Aytar, Tompson, Sermanet, Zisserman. "Temporal Cycle-Consistency Learning." CVPR 2019,
arXiv:1904.07846. A cycle that ends where it began makes the pair of its steps consistent.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from models.parts.pooling import masked_softmax


def neighbour_weights(
    a: Float[Tensor, "b n d"], b: Float[Tensor, "b m d"], mask: Bool[Tensor, "b m"]
) -> Float[Tensor, "b n m"]:
    """Softmax, for each a, over the b of its row, of minus their mean squared distance.

    `mask`: which b there are.
    """
    distance = (a[:, :, None] - b[:, None]).square().mean(3)
    return masked_softmax(-distance, mask[:, None])


def cycle_errors(
    a: Float[Tensor, "b n d"],
    a_mask: Bool[Tensor, "b n"],
    b: Float[Tensor, "b m d"],
    b_mask: Bool[Tensor, "b m"],
) -> Float[Tensor, "b n"]:
    """Squared distance, in steps, from each a to where its cycle ends; 0 at the padding.

    The cycle goes to a mixture of the b of its row and from there to a mean place among the a.
    """
    z = neighbour_weights(a, b, b_mask) @ b
    place = torch.arange(a.shape[1], device=a.device).to(a.dtype)
    end = neighbour_weights(z, a, a_mask) @ place
    return (place - end).square() * a_mask  # Eq. (1)
