"""HowTo100M's joint embedding.

Miech, Zhukov, Alayrac, Tapaswi, Laptev, Sivic. "HowTo100M: Learning a Text-Video Embedding by
Watching Hundred Million Narrated Video Clips." ICCV 2019, arXiv:1906.03327.
                                                 Record: data/datasets.yaml, howto100m
A clip and the narration heard beside it are mapped to one space by a gated unit each; learnt from
much noisy narration, the space is then fine-tuned. Half of what a clip is held against comes from
its own video, so that the subject of a video is not enough to tell its clips apart.

Symbols
    x, z   a gated unit's input, its affine map      s    cosines, captions x clips
    h      hinge terms of a pair of pairs            m    margin
    p      a sentence before its gated unit          hnr  share of negatives of the same video

Equations (numbers of the arXiv text; a letter: a step that it tells without one)
    (1)      cosine                                                     HowTo100M.similarity
    (2) (3)  gated unit of a clip, of a sentence: z sigmoid(W z + b)    HowTo100M.__init__
    (4)      max-margin loss of both directions                         HowTo100M.max_margin
    (5)      negatives of the same video have hnr of a row's weight     pair_weights
    (a)      p, layer and ReLU of each word, maximum over words (§4)    HowTo100M.pooled
    (b)      x, largest values over time, 2-D and 3-D (§5.1)            HowTo100M.clip_vector

Departures
    D1  word vectors are learnt, from a random start; the authors' are word2vec of Google News and
        stay as they are. Words it does not know they drop; here those too rare for the vocabulary.
    D2  the authors' pre-training data are not had: in the synthetic benchmark its staging of narration
        stands for them; for real data their released weights are the pre-training.
    D3  hinge terms of a caption and its own clip, a constant 2m, are left out of the mean: Q2.
    D4  the authors leave stop words out of the narration; here they are read.

Quirks of the released code (github.com/antoine77340/howto100m, Apache-2.0): `as_released`
    Q1  the zeros that fill a sentence up to `max_words` take part in the maximum: a floor of
        relu(b) under every sentence that is shorter.
    Q2  the constant 2m of a caption and its own clip is part of the mean.

Claims and reported numbers: the record. What is tested: tests/models/test_howto100m.py
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from models.parts.batch import Captions, Clips
from models.parts.contract import Pretraining, Recipe, RetrievalModel
from models.parts.gating import GatedUnit, official_unit
from models.parts.losses import hinge_terms
from models.parts.official import load_renamed, matrix_shape
from models.parts.pooling import masked_max
from models.parts.words import SPECIAL

STREAMS = ("frames", "motion")  # 2-D and 3-D, in the order of the released weights


@dataclass(frozen=True)
class Config:
    """Sizes of the paper; `vocabulary` and `experts` are the data's."""

    vocabulary: int = 10_000  # word ids, the four special ones included
    experts: tuple[tuple[str, int], ...] = (("frames", 2048), ("motion", 2048))  # ResNet, ResNeXt
    word_dim: int = 300
    max_words: int = 20  # the first of a sentence
    common: int = 4096  # 6144 in the released weights
    margin: float = 0.1
    hard_negative_rate: float = 0.5  # hnr; counts where clips were cut from the same video
    negative_weighting: bool = True  # False: every pair weighs the same
    as_released: bool = False  # Q1, Q2

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(word_dim=64, common=512)


class HowTo100M(RetrievalModel):
    """A bag of words and the largest features of a clip, a gated unit each."""

    Config = Config
    needs = frozenset({"words", *STREAMS})
    recipe = Recipe("adam", 1e-4, 256, 50)  # D2
    small_recipe = Recipe(
        "adam", 1e-3, 256, 10, pretraining=Pretraining("diorama-howto100m", 15, together=4)
    )
    variants: ClassVar = {
        "full": {},
        "scratch": {},
        "any-negatives": {},
        "as-released": {"as_released": True},
    }
    recipes: ClassVar = {
        "scratch": {"pretraining": None},
        "any-negatives": {"pretraining": replace(small_recipe.pretraining, together=None)},
    }

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = c = config or Config()
        self.words = nn.Embedding(c.vocabulary, c.word_dim)  # D1
        self.word = nn.Linear(c.word_dim, c.common)
        width = sum(dict(c.experts)[name] for name in STREAMS)
        self.text = GatedUnit(c.common, c.common, norm=False)  # Eq. (3)
        self.video = GatedUnit(width, c.common, norm=False)  # Eq. (2)

    def pooled(self, captions: Captions) -> Float[Tensor, "t c"]:
        """P of the sentences."""
        kept = captions.mask & (captions.words >= SPECIAL)  # D1, D4
        kept &= kept.cumsum(1) <= self.config.max_words
        read = kept.any(0)
        read[0] = True  # a batch without a word still has a shape
        each = self.word(self.words(captions.words[:, read])).relu()
        p = masked_max(each, kept[:, read])  # Eq. (a)
        if self.config.as_released:
            short = kept.sum(1, keepdim=True) < self.config.max_words
            p = torch.where(short, torch.maximum(p, self.word.bias.relu()), p)  # Q1
        return p

    def clip_vector(self, clips: Clips) -> Float[Tensor, "v in"]:
        """X of the clips; zeros where a feature is missing."""
        top = [masked_max(clips.features[name], clips.mask[name]) for name in STREAMS]
        return torch.cat([F.normalize(one, dim=1) for one in top], dim=1)  # Eq. (b)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t c"]:
        """Unit vectors of the sentences."""
        return self.text(self.pooled(captions))

    def encode_video(self, clips: Clips) -> Float[Tensor, "v c"]:
        """Unit vectors of the clips."""
        return self.video(self.clip_vector(clips))

    def similarity(
        self, text: Float[Tensor, "t c"], video: Float[Tensor, "v c"]
    ) -> Float[Tensor, "t v"]:
        """Cosines, which decide the ranks."""
        return text @ video.mT  # Eq. (1)

    def loss(self, captions: Captions, clips: Clips) -> Float[Tensor, ""]:
        """Clips that were cut from one video know each other by `clips.video`."""
        return self.max_margin(self(captions, clips), clips.video)

    def max_margin(
        self, scores: Float[Tensor, "b b"], video: Int[Tensor, " b"] | None
    ) -> Float[Tensor, ""]:
        """Loss of these scores; `video` says of which video each clip is, None: each of its own."""
        by_caption, by_video = hinge_terms(scores, self.config.margin)
        h = by_caption + by_video  # D3
        if self.config.as_released:
            h = h + torch.eye(len(h), device=h.device) * 2 * self.config.margin  # Q2
        if video is not None and self.config.negative_weighting:
            h = h * pair_weights(video, self.config.hard_negative_rate)
        return h.mean()  # Eq. (4)

    @classmethod
    def from_official(
        cls, state: Mapping[str, Tensor], config: Config | None = None
    ) -> "HowTo100M":
        """The released code's weights; its batch norms, which nothing runs through, are left out.

        Word2vec is not among them: load its table into `words`. Without a config the sizes are the
        weights', the features of equal length. Raises ValueError, one line, where weights and model
        do not fit.
        """
        official = {key: w for key, w in state.items() if ".batch_norm." not in key}
        return load_renamed(cls(config or sizes(official)), official, OFFICIAL)


def pair_weights(video: Int[Tensor, " b"], hnr: float) -> Float[Tensor, "b b"]:
    """Mean 1 a row: clips of the same video have hnr of it, the clip itself among them."""
    same = video[:, None] == video
    inside = same.sum(1, keepdim=True)
    outside = (len(video) - inside).clamp(min=1)
    return torch.where(same, hnr / inside, (1 - hnr) / outside) * len(video)  # Eq. (5)


OFFICIAL = {  # beginnings of the released code's names -> of ours
    "text_pooling.fc.": "word.",
    **official_unit("GU_text.", "text."),
    **official_unit("GU_video.", "video."),
}


def sizes(official: Mapping[str, Tensor]) -> Config:
    """The released configuration, as far as its weights tell."""
    common, word_dim = matrix_shape(official, "text_pooling.fc.weight")
    _, width = matrix_shape(official, "GU_video.fc.weight")
    experts = (("frames", width - width // 2), ("motion", width // 2))
    return Config(experts=experts, word_dim=word_dim, common=common, as_released=True)


Model = HowTo100M
