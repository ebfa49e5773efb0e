"""Support-set bottlenecks.

Patrick, Huang, Asano, Metze, Hauptmann, Henriques, Vedaldi. "Support-set Bottlenecks for Video-text
Representation Learning." ICLR 2021, arXiv:2010.02824.
                                                 Record: data/papers.yaml, patrick2021support

A contrastive loss pushes apart videos that show the same. A second loss pulls them together: each
caption is decoded from a mixture of other videos, weighted by how near they are to the caption. The
decoder is dropped after training.

Symbols
    c_t, c_v   vectors of text and video in the joint space    s     cosine of two of them
    e_v        video vector that is mixed for the decoder      S_i   support set of caption i
    w_ij       weight of video j for caption i                 T     temperature of the weights
    L_c, L_g   contrastive and generative loss                 lambda   weight of L_g

Equations (read: abstract and the authors' poster, media/SSB_poster.pdf of mandelapatrick.github.io;
the paper was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   c_v: transformer over the frames, mean, affine map    SupportSet.encode_video
    (2?)   c_t: transformer over the words, mean, affine map     SupportSet.encode_text
    (3?)   L_c: noise contrastive estimation, both directions    SupportSet.contrastive
    (4?)   S_i: all of the batch but i (cross), all of it        SupportSet.weights
           (full), i alone (identity)
    (5?)   w: softmax of s / T over S_i                          SupportSet.weights
    (6?)   hybrid: mean of the weights of identity and full      SupportSet.weights
    (7?)   e_i: sum of w_ij e_v over the support set             SupportSet.generative
    (8?)   L_g: cross-entropy of caption i decoded from e_i      SupportSet.generative
    (9?)   L_c + lambda L_g                                      SupportSet.loss

The poster shows S_i of (4?), what is decoded (7?) and that cross works best; the abstract states
the idea. The forms of (3?), (5?), (6?) and (9?) were not read there: they are ours.

Departures
    D1  the text encoder is a small transformer with learnt positions, trained from nothing, and so
        is the decoder, which shares its words; the authors start from a pre-trained language model.
    D2  a video is one stream of frame features; the authors' features and their aggregation were
        not read.
    D3  e_v is the mean state before the last affine map; the poster calls it a video embedding.
    D4  T, m, lambda, every width and the recipe are ours. lambda is set for both losses to start
        within a factor of two of each other.
    D5  (3?) has the temperature T. Abstract and poster speak of noise contrastive estimation; a
        summary by others names a triplet loss, which is the variant `triplet`, hardest negatives.
    D6  other captions of the same video are no negatives, and their clips no support of a caption:
        cross would be identity. A caption without any support is decoded from zeros.
    D7  the support set is the batch; its size was studied, and a memory bank is not built here.

No public code was found. Claims and reported numbers: the record.
What is tested: tests/models/test_support_set.py
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import hardest, hinge_terms, info_nce_terms
from models.parts.masked import TiedDecoder
from models.parts.pooling import masked_mean, masked_softmax
from models.parts.recipe import recipe
from models.parts.spaces import affine_space
from models.parts.temporal import trim_padding
from models.parts.transformer import Bert, encoder_layers

Ints: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Config:
    """Ours, D1 to D5: the sizes could not be read."""

    text: Ints = (512, 8, 2048, 4)  # width, heads, feed-forward width, blocks
    video_blocks: int = 2
    decoder_blocks: int = 2
    common: int = 512
    max_words: int = 48
    max_frames: int = 64
    dropout: float = 0.1
    contrast: str = "nce"  # triplet
    support: str = "cross"  # identity, full, hybrid
    margin: float = 0.2  # of triplets
    temperature: float = 0.1
    generative_weight: float = 1.0  # lambda; 0: no decoder

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark. So narrow, it needs no dropout."""
        blocks = {"video_blocks": 1, "decoder_blocks": 1}
        return cls((64, 4, 128, 1), common=256, max_words=24, max_frames=24, dropout=0.0, **blocks)


class SupportSet(RetrievalModel):
    """Two transformers into one space, and a decoder that reads a mixture of videos."""

    Config = Config
    views = frozenset({"words", "frames", "video-index"})
    recipe = recipe(
        optimiser="adam", learning_rate=1e-4, batch_size=128, epochs=50, clip_norm=1.0
    )  # D4
    small_recipe = recipe.but(learning_rate=1e-3, epochs=12)
    variants: ClassVar = {
        "full": {},
        "contrastive": {"generative_weight": 0.0},
        "identity": {"support": "identity"},
        "all": {"support": "full"},
        "hybrid": {"support": "hybrid"},
        "triplet": {"contrast": "triplet"},
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c, frame = config, data.dims["frames"]
        width, heads, inner, blocks = c.text
        words, frames = (
            encoder_layers(width, heads, inner, count, c.dropout)
            for count in (blocks, c.video_blocks)
        )
        self.text = Bert(data.vocabulary, c.max_words, words, segments=0)  # D1
        self.video = Bert(nn.Linear(frame, width), c.max_frames, frames, segments=0)  # D2
        self.text_space, self.video_space = (affine_space(width, c.common) for _ in range(2))
        if c.generative_weight:
            self.decoder = TiedDecoder(self.text, heads, inner, c.decoder_blocks, c.dropout)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t d"]:
        """c_t, of unit length."""
        words, mask = trim_padding(captions.words, captions.mask, self.config.max_words)
        state = masked_mean(self.text(words, mask), mask)
        return F.normalize(self.text_space(state), dim=1)  # Eq. (2?)

    def video_states(self, clips: Clips) -> Float[Tensor, "v width"]:
        """e_v."""
        x, mask = clips.features["frames"], clips.mask["frames"]
        x, mask = trim_padding(x, mask, self.config.max_frames)
        return masked_mean(self.video(x, mask), mask)  # D3

    def joint(self, states: Float[Tensor, "v width"]) -> Float[Tensor, "v d"]:
        """c_v from e_v, of unit length."""
        return F.normalize(self.video_space(states), dim=1)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v d"]:
        """c_v, of unit length."""
        return self.joint(self.video_states(clips))  # Eq. (1?)

    def similarity(
        self, text: Float[Tensor, "t d"], video: Float[Tensor, "v d"]
    ) -> Float[Tensor, "t v"]:
        """s."""
        return text @ video.mT

    def contrastive(
        self, s: Float[Tensor, "b b"], others: Bool[Tensor, "b b"]
    ) -> Float[Tensor, ""]:
        """L_c, a mean over the batch; `others` tells clips of other videos."""
        own = torch.eye(len(s), dtype=torch.bool, device=s.device)
        s = s.masked_fill(~(others | own), float("-inf"))  # D6
        if self.config.contrast == "triplet":
            by_caption, by_video = hardest(*hinge_terms(s, self.config.margin))
        else:
            by_caption, by_video = info_nce_terms(s, self.config.temperature)  # D5
        return by_caption.mean() + by_video.mean()  # Eq. (3?)

    def weights(self, s: Float[Tensor, "b b"], others: Bool[Tensor, "b b"]) -> Float[Tensor, "b b"]:
        """w, a row per caption."""
        own = torch.eye(len(s), dtype=torch.bool, device=s.device)
        sets = {"cross": others, "full": others | own, "identity": own}  # Eq. (4?), D6, D7
        w = {
            name: masked_softmax(s / self.config.temperature, members)  # Eq. (5?)
            for name, members in sets.items()
        }
        w["hybrid"] = (w["identity"] + w["full"]) / 2  # Eq. (6?)
        return w[self.config.support]

    def generative(
        self, captions: Captions, w: Float[Tensor, "b b"], states: Float[Tensor, "b width"]
    ) -> Float[Tensor, ""]:
        """L_g, a mean over the words of each caption, then over captions."""
        words, mask = trim_padding(captions.words, captions.mask, self.config.max_words)
        mixture = (w @ states)[:, None]  # Eq. (7?)
        seen = torch.ones_like(mixture[..., 0], dtype=torch.bool)
        logits = self.decoder(self.text, words[:, :-1], mask[:, 1:], mixture, seen)
        cost = F.cross_entropy(logits.mT, words[:, 1:], reduction="none")[..., None]
        return masked_mean(cost, mask[:, 1:]).mean()  # Eq. (8?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Both losses."""
        c, index = self.config, batch.clips.index
        assert index is not None
        others = index[:, None] != index
        text, states = self.encode_text(batch.captions), self.video_states(batch.clips)
        s = self.similarity(text, self.joint(states))
        loss = self.contrastive(s, others)
        if c.generative_weight:
            w = self.weights(s, others)
            loss = loss + c.generative_weight * self.generative(batch.captions, w, states)
        return loss  # Eq. (9?), D4


Model = SupportSet
