"""Sentence Encoder Assembly (SEA).

Li, Zhou, Xu, Ji, Yang. "SEA: Sentence Encoder Assembly for Video Retrieval by Textual Queries."
IEEE TMM 2020, arXiv:2011.12091.                 Record: data/papers.yaml, li2020sea

Each sentence encoder gets a common space of its own, with its own loss; the scores of the spaces
are added up. Concatenated in one space, a strong encoder would outweigh the others.

Symbols
    s_i    sentence by encoder i, of k             x    the video's feature
    t_i, v_i   both sides in space i               S    scores

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   s_i: bag, word vectors, mean GRU states, BERT       SEA.encoding
    (2?)   t_i, v_i: affine map and tanh, per space            SEA.common_space
    (3?)   cosine per space                                    SEA.per_space
    (4?)   scores: sum over the spaces                         SEA.similarity
    (5?)   triplet loss per space, added up                    SEA.loss

Departures
    D1  the word vectors that the GRU reads start at random; the authors start them from word2vec
        trained on Flickr tags. Sentence vectors of word2vec and BERT are made outside
        (`captions.vectors`), as the authors' are.
    D2  the authors leave 153 stop words out of the bag and of word2vec.
    D3  where a side gives the zero vector its cosines are 0; the authors' are NaN.

The released code: models/official/sea.py. Claims and reported numbers: the record.
What is tested: tests/models/test_sea.py
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_mean
from models.parts.recipe import recipe
from models.parts.spaces import affine_space
from models.parts.temporal import gru_states, trim_padding

Encoders: TypeAlias = tuple[str, ...]
WORD2VEC = 500  # width of the authors' word vectors


@dataclass(frozen=True)
class Config:
    """The authors' script."""

    encoders: Encoders = ("bow", "w2v", "bigru", "bert")  # also gru
    spaces: str = "multi"  # multi: one per encoder; concat: one for all of them
    losses: str = "each"  # each space has its own; summed: one on the sum of the scores
    word_dim: int = WORD2VEC  # of what the GRU reads
    text_rnn: int = 1024  # states of one direction
    common: int = 2048  # of every space
    dropout: float = 0.2
    margin: float = 0.2

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(word_dim=64, text_rnn=64, common=256)


class SEA(RetrievalModel):
    """k sentence encoders, k common spaces, one video feature."""

    version = 2
    Config = Config
    views = frozenset({"words", "frames"})
    recipe = recipe(
        optimiser="rmsprop",
        learning_rate=1e-4,
        batch_size=128,
        epochs=80,
        clip_norm=2.0,
        lr_decay=0.99,
        lr_patience=2,
        early_stopping_patience=10,
        select="t2v MRR",
    )
    small_recipe = recipe.but(learning_rate=3e-4, epochs=12, early_stopping_patience=4)
    # Fewer captions: as many steps as the twelve epochs take elsewhere, patience as published.
    recipe_by_dataset: ClassVar = {"diorama-avs": {"epochs": 62, "early_stopping_patience": 10}}
    variants: ClassVar = {
        "full": {},
        "bow": {"encoders": ("bow",)},
        "bow-w2v": {"encoders": ("bow", "w2v")},
        "bow-w2v-gru": {"encoders": ("bow", "w2v", "gru")},
        "bow-w2v-bigru": {"encoders": ("bow", "w2v", "bigru")},
        "concat": {"spaces": "concat"},
        "single-loss": {"losses": "summed"},
    }

    @classmethod
    def needs(cls, config: Config) -> frozenset[str]:
        """Bag and sentence vectors where they are read."""
        return cls.views | ({"bow", "w2v", "bert"} & set(config.encoders))

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c, width = config, {"bow": data.bow, **data.vectors}
        width |= {"gru": c.text_rnn, "bigru": 2 * c.text_rnn}
        for name in {"gru", "bigru"} & set(c.encoders):
            self.words = nn.Embedding(data.vocabulary, c.word_dim)  # D1
            if (
                c.word_dim == WORD2VEC
            ):  # as words that word2vec lacks; at other sizes torch's N(0, 1)
                nn.init.uniform_(self.words.weight, -1.0, 1.0)
            both = name == "bigru"
            self.gru = nn.GRU(c.word_dim, c.text_rnn, batch_first=True, bidirectional=both)
        self.groups = (c.encoders,) if c.spaces == "concat" else tuple((e,) for e in c.encoders)
        widths = [sum(width[name] for name in group) for group in self.groups]
        self.text_space = nn.ModuleList(map(self.common_space, widths))
        self.video_space = nn.ModuleList(self.common_space(data.dims["frames"]) for _ in widths)

    def common_space(self, width: int) -> nn.Sequential:
        """One side's layer into one space."""
        c = self.config
        return affine_space(width, c.common, nn.Tanh(), nn.Dropout(c.dropout))  # Eq. (2?)

    def encoding(self, encoder: str, captions: Captions) -> Float[Tensor, "t size"]:
        """s_i."""
        if encoder == "bow":
            assert captions.bow is not None
            return captions.bow  # Eq. (1?), D2
        if encoder in {"w2v", "bert"}:
            return captions.vectors[encoder]  # Eq. (1?), D1, D2
        words, mask = trim_padding(captions.words, captions.mask)
        return masked_mean(gru_states(self.gru, self.words(words), mask), mask)  # Eq. (1?)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t k c"]:
        """t_i of the captions, not of unit length."""
        s = [torch.cat([self.encoding(e, captions) for e in group], 1) for group in self.groups]
        spaces = zip(self.text_space, s, strict=True)
        return torch.stack([space(s_i) for space, s_i in spaces], dim=1)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v k c"]:
        """v_i of the videos, all from x, the mean of the frames."""
        x = masked_mean(clips.features["frames"], clips.mask["frames"])
        return torch.stack([space(x) for space in self.video_space], dim=1)

    def per_space(
        self, text: Float[Tensor, "t k c"], video: Float[Tensor, "v k c"]
    ) -> Float[Tensor, "k t v"]:
        """Cosines."""
        t, v = F.normalize(text, dim=2), F.normalize(video, dim=2)  # D3
        return torch.einsum("tkc,vkc->ktv", t, v)  # Eq. (3?)

    def similarity(
        self, text: Float[Tensor, "t k c"], video: Float[Tensor, "v k c"]
    ) -> Float[Tensor, "t v"]:
        """S."""
        return self.per_space(text, video).sum(0)  # Eq. (4?)

    def triplet(self, scores: Float[Tensor, "b b"]) -> Float[Tensor, ""]:
        """Loss of one space: the hardest wrong video of each caption."""
        by_caption, _ = hinge_terms(scores, self.config.margin)
        return by_caption.amax(1).sum()

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """The hardest wrong video is chosen in each space by itself."""
        text, video = self.encode_text(batch.captions), self.encode_video(batch.clips)
        scores = self.per_space(text, video)
        if self.config.losses == "summed":
            scores = scores.sum(0, keepdim=True)
        return torch.stack([self.triplet(s) for s in scores]).sum()  # Eq. (5?)


Model = SEA
