"""The multi-level encoders as Dong et al. released them: their sizes, and the padding they read."""

import re
from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from models.official._loading import matrix_shape
from models.parts.multilevel import LevelSizes, MultiLevel, TextLevels, VideoLevels


class PaddedLevels(MultiLevel):
    """Level 3, and level 2 where it is a maximum, over every step that the batch has."""

    def window_mask(self, mask: Bool[Tensor, "b n"]) -> Bool[Tensor, "b n"]:
        """Windows that lie wholly in the padding take part."""
        return torch.ones_like(mask)

    def pooled(
        self, H: Float[Tensor, "b n states"], mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b states"]:
        """The zeros of the padding take part in a maximum."""
        return H.amax(1) if self.pool == "max" else super().pooled(H, mask)


class PaddedText(PaddedLevels, TextLevels):
    """The text side, whose GRU is packed."""


class PaddedVideo(PaddedLevels, VideoLevels):
    """The video side, whose GRU is not: its backward direction begins in the padding."""

    def states(
        self, x: Float[Tensor, "b n step"], mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b n states"]:
        """H over the padding too, set to zero there afterwards."""
        return self.gru(x * mask[..., None])[0] * mask[..., None]


def side_sizes(state: Mapping[str, Tensor], encoder: str, affine: str) -> LevelSizes:
    """Widths of one side: `encoder` begins the names of its weights, `affine` reads its levels.

    Level 1 is 0 wide where the side was released without it. Raises ValueError for a weight that
    is missing.
    """
    name = re.compile(rf"{re.escape(encoder)}convs1\.\d+\.weight")
    convs = [weight.shape for key, weight in sorted(state.items()) if name.fullmatch(key)]
    _, hidden = matrix_shape(state, f"{encoder}rnn.weight_hh_l0")
    _, step = matrix_shape(state, f"{encoder}rnn.weight_ih_l0")
    _, width = matrix_shape(state, affine)
    whole = width - 2 * hidden - sum(filters for filters, *_ in convs)
    kernels = tuple(shape[2] for shape in convs if len(shape) == 4)  # noqa: PLR2004  (1 channel)
    return LevelSizes(max(whole, 0), step, hidden, convs[0][0] if convs else 0, kernels)
