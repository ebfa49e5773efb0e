"""A plain dual encoder, for papers that are only a loss.

A GRU over the words, the mean of the frames, an affine map on each side to unit length, cosines: the
model of VSE++ (Faghri, Fleet, Kiros, Fidler, BMVC 2018, arXiv:1707.05612) with frames in the
image's place.
"""

from typing import Any

import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.pooling import masked_mean
from models.parts.sentences import SentenceGRU
from models.parts.spaces import affine_space


class DualEncoder(nn.Module):
    """Captions and videos in a space of `dim` numbers; `sentence` goes to `SentenceGRU`."""

    def __init__(
        self, vocabulary: int, word_dim: int, frame_dim: int, dim: int, **sentence: Any
    ) -> None:
        super().__init__()
        self.sentence = SentenceGRU(vocabulary, word_dim, dim, **sentence)
        self.text_space = affine_space(self.sentence.out, dim)
        self.video_space = affine_space(frame_dim, dim)

    def encode_text(
        self, words: Int[Tensor, "t n"], mask: Bool[Tensor, "t n"]
    ) -> Float[Tensor, "t dim"]:
        """Unit length."""
        return F.normalize(self.text_space(self.sentence(words, mask)), dim=1)

    def encode_video(
        self, frames: Float[Tensor, "v n frame"], mask: Bool[Tensor, "v n"]
    ) -> Float[Tensor, "v dim"]:
        """Unit length."""
        return F.normalize(self.video_space(masked_mean(frames, mask)), dim=1)

    def similarity(
        self, text: Float[Tensor, "t dim"], video: Float[Tensor, "v dim"]
    ) -> Float[Tensor, "t v"]:
        """Cosines."""
        return text @ video.mT
