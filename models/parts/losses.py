"""What ranking losses share: the hinge terms. How they are reduced is each paper's own line."""

import torch
from jaxtyping import Float
from torch import Tensor


def hinge_terms(
    scores: Float[Tensor, "b b"], margin: float
) -> tuple[Float[Tensor, "b b"], Float[Tensor, "b b"]]:
    """Hinge terms max(0, margin + negative - positive), their diagonal set to zero.

    Returns (by caption, by video), both laid out as the scores are, captions x videos: row i of
    the first holds caption i against wrong videos, column j of the second video j against wrong
    captions.
    """
    positive = scores.diagonal()
    wrong = ~torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    by_caption = (margin + scores - positive[:, None]).clamp(min=0) * wrong
    by_video = (margin + scores - positive[None, :]).clamp(min=0) * wrong
    return by_caption, by_video
