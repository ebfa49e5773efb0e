"""Attention across regions and words, on which two losses were released.

Lee, Chen, Hua, Hu, He. "Stacked Cross Attention for Image-Text Matching." ECCV 2018,
arXiv:1803.08024. A frame stands in a region's place.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.official._loading import flatten_checkpoint, matrix_shape
from models.parts.batch import Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.pooling import masked_logsumexp, masked_softmax
from models.parts.sentences import SentenceGRU
from models.parts.spaces import affine_space

Direction: TypeAlias = Literal["t2i", "i2t"]  # words attend to regions, regions to words
Aggregation: TypeAlias = Literal["Mean", "LogSumExp"]  # of what attends
Words: TypeAlias = tuple[Float[Tensor, "t n c"], Bool[Tensor, "t n"]]  # and their mask
Regions: TypeAlias = tuple[Float[Tensor, "v m c"], Bool[Tensor, "v m"]]
SLOPE = 0.1  # of negative cosines
SHARPNESS = 6.0  # of LogSumExp
TINY = 1e-8
PARTS = ("img_enc.", "txt_enc.")
KEYS = {  # prefixes of the released code's names -> of ours
    "img_enc.fc.": "encoder.regions.0.",
    "txt_enc.embed.": "encoder.sentence.words.",
    "txt_enc.rnn.": "encoder.sentence.gru.",
}


class Attention(NamedTuple):
    """Who attends to whom, how sharply, and how the results become a score."""

    direction: Direction
    sharpness: float
    aggregation: Aggregation = "Mean"


class CrossAttentionEncoder(nn.Module):
    """Regions and words of unit length; every pair of sides is compared by attention."""

    def __init__(
        self, vocabulary: int, word_dim: int, frame_dim: int, dim: int, attention: Attention
    ) -> None:
        super().__init__()
        self.attention = attention
        self.sentence = SentenceGRU(vocabulary, word_dim, dim, bidirectional="mean")
        self.regions = affine_space(frame_dim, dim)

    def encode_text(self, words: Int[Tensor, "t n"], mask: Bool[Tensor, "t n"]) -> Words:
        """States of a bidirectional GRU, averaged over its directions."""
        return F.normalize(self.sentence.states(words, mask), dim=2, eps=TINY), mask

    def encode_video(self, frames: Float[Tensor, "v n in"], mask: Bool[Tensor, "v n"]) -> Regions:
        """Each region through an affine map."""
        regions = self.regions(frames.masked_fill(~mask[..., None], 0.0))
        return F.normalize(regions, dim=2, eps=TINY), mask

    def similarity(self, text: Words, video: Regions) -> Float[Tensor, "t v"]:
        """Mean or LogSumExp, over one side's parts, of each one's cosine with what it attends to."""
        (words, word_mask), (regions, region_mask) = text, video
        if self.attention.direction == "t2i":
            return self._aggregated(words, word_mask, regions, region_mask)
        return self._aggregated(regions, region_mask, words, word_mask).mT

    def _aggregated(
        self,
        asking: Float[Tensor, "a q c"],
        asking_mask: Bool[Tensor, "a q"],
        asked: Float[Tensor, "b k c"],
        asked_mask: Bool[Tensor, "b k"],
    ) -> Float[Tensor, "a b"]:
        """Scores of every row that asks with every row that is asked.

        Norms of attended vectors come from the products of the asked parts with each other, so
        that no vector is kept for every part of every pair.
        """
        dot = torch.einsum("aqc,bkc->abqk", asking, asked)
        asks = asking_mask[:, None]
        cosines = F.leaky_relu(dot, SLOPE) * asks[..., None]
        among_asking = F.normalize(cosines, dim=2, eps=TINY)
        weight = masked_softmax(self.attention.sharpness * among_asking, asked_mask[None, :, None])
        gram = asked @ asked.mT
        squared = (torch.einsum("abqk,bkl->abql", weight, gram) * weight).sum(3)
        length = squared.clamp(min=TINY**2).sqrt()
        relevance = (weight * dot).sum(3) / length
        if self.attention.aggregation == "Mean":
            return (relevance * asks).sum(2) / asks.sum(2).clamp(min=1)
        top = masked_logsumexp(SHARPNESS * relevance, asks, 2) / SHARPNESS
        return top.masked_fill(~asks.any(2), 0.0)


class CrossAttentionHost(RetrievalModel):
    """The released host of a loss: `direction`, `sharpness`, `aggregation` are in its config."""

    encoder: nn.Module

    def host(self) -> nn.Module:
        """The model that the loss trains."""
        c, data = self.config, self.data
        attention = Attention(c.direction, c.sharpness, c.aggregation)
        sizes = (data.vocabulary, c.word_dim, data.dims["frames"], c.common)
        return CrossAttentionEncoder(*sizes, attention)

    def encode_text(self, captions: Captions) -> Any:
        """Words and their mask."""
        return self.encoder.encode_text(captions.words, captions.mask)

    def encode_video(self, clips: Clips) -> Any:
        """Regions and their mask."""
        return self.encoder.encode_video(clips.features["frames"], clips.mask["frames"])

    def similarity(self, text: Any, video: Any) -> Float[Tensor, "t v"]:
        """Every caption with every clip."""
        return self.encoder.similarity(text, video)


def host_settings(
    state: Mapping[str, Tensor], options: Mapping[str, Any]
) -> tuple[dict[str, Any], DataSizes]:
    """Settings of the host: sizes from the weights, attention from the recorded options.

    Raises ValueError for weights that are missing and for an attention that is none.
    """
    vocabulary, word_dim = matrix_shape(state, "txt_enc.embed.weight")
    common, frames = matrix_shape(state, "img_enc.fc.weight")
    settings: dict[str, Any] = {"word_dim": word_dim, "common": common}
    known: tuple[tuple[str, str, Sequence[str]], ...] = (
        ("direction", "cross_attn", ("t2i", "i2t")),
        ("aggregation", "agg_func", ("Mean", "LogSumExp")),
    )
    for ours, theirs, values in known:
        if theirs in options:
            settings[ours] = str(options[theirs])
            if settings[ours] not in values:
                raise ValueError(f"{theirs} {options[theirs]!r} is none of {', '.join(values)}")
    if "lambda_softmax" in options:
        settings["sharpness"] = float(options["lambda_softmax"])
    return settings, DataSizes(vocabulary, dims={"frames": frames})


def checkpoint_weights(state: Mapping[str, Any]) -> Mapping[str, Tensor]:
    """The weights of both sides, which a checkpoint has as a list."""
    return flatten_checkpoint(state, PARTS)
