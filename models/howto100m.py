"""HowTo100M's joint embedding.

Miech, Zhukov, Alayrac, Tapaswi, Laptev, Sivic. "HowTo100M: Learning a Text-Video Embedding by
Watching Hundred Million Narrated Video Clips." ICCV 2019, arXiv:1906.03327.
                                                 Record: data/datasets.yaml, howto100m

One gated unit maps a clip and one maps its narration to a common space. The space is learnt from
many noisy narrated clips and then fine-tuned. Half of the negatives of a clip come from its own
video, so that the topic of a video is not enough to tell its clips apart.

Symbols
    x, z   a gated unit's input, its affine map      s    cosines, captions x clips
    h      hinge terms of both directions            m    margin
    p      a sentence before its gated unit          hnr  weight of negatives of the same video

Equations (numbers of the arXiv text; a letter: a step without a number there)
    (1)      cosine                                                     HowTo100M.similarity
    (2) (3)  gated unit of a clip, of a sentence: z sigmoid(W z + b)    HowTo100M.__init__
    (4)      max-margin loss of both directions                         HowTo100M.loss
    (5)      negatives of the same video get the share hnr of a row     pair_weights
    (a)      p, affine map and ReLU of each word, maximum (§4)          HowTo100M.pooled
    (b)      x, maximum over time, 2-D and 3-D (§5.1)                   HowTo100M.clip_vector

Departures
    D1  word vectors start at random and are learnt; the authors' are word2vec of Google News,
        fixed. The authors drop the words it lacks, this model those outside the vocabulary.
    D2  the synthetic benchmark's narrated videos stand for the pre-training data; for real data the
        released weights are the pre-training. The benchmark's rate is constant while pre-training;
        the authors' falls by a tenth an epoch.
    D3  the constant 2m of a caption with its own clip is not part of the mean.
    D4  stop words of the narration are kept; the authors remove them.

The released code: models/official/howto100m.py. Claims and reported numbers: the record.
What is tested: tests/models/test_howto100m.py
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.gating import GatedUnit
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_max
from models.parts.recipe import PretrainingStage, recipe
from models.parts.words import SPECIAL

STREAMS = ("frames", "motion")  # 2-D and 3-D, in the order of x


@dataclass(frozen=True)
class Config:
    """Sizes of the paper."""

    word_dim: int = 300
    max_words: int = 20  # the first of a sentence
    common: int = 4096
    margin: float = 0.1
    hard_negative_rate: float = 0.5  # hnr; read where clips were cut from the same video

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(word_dim=64, common=512)


class HowTo100M(RetrievalModel):
    """Maximum over words and maximum over time, a gated unit each."""

    version = 2  # fine-tunes with one caption per video and epoch, keeps the last epoch
    Config = Config
    views = frozenset({"words", *STREAMS})
    recipe = recipe(
        optimiser="adam",
        learning_rate=1e-4,
        batch_size=256,
        epochs=50,
        captions_per_video=1,
        drop_last=True,
        select="last",
    )
    narration = PretrainingStage("diorama-howto100m", epochs=15, clips_per_video=4)  # D2
    small_recipe = recipe.but(learning_rate=1e-3, epochs=100, stages=(narration,))
    variants: ClassVar = {"full": {}, "scratch": {}, "any-negatives": {}}
    recipe_by_variant: ClassVar = {
        "scratch": {"stages": ()},
        "any-negatives": {"stages": (replace(narration, clips_per_video=None),)},
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        self.words = nn.Embedding(data.vocabulary, config.word_dim)  # D1
        self.word = nn.Linear(config.word_dim, config.common)
        width = sum(data.dims[name] for name in STREAMS)
        self.text = GatedUnit(config.common, config.common, norm=False)  # Eq. (3)
        self.video = GatedUnit(width, config.common, norm=False)  # Eq. (2)

    def known_words(self, captions: Captions) -> Bool[Tensor, "t words"]:
        """The first `max_words` words of each sentence, without the special ids."""
        known = captions.mask & (captions.words >= SPECIAL)  # D1, D4
        return known & (known.cumsum(1) <= self.config.max_words)

    def pooled(self, captions: Captions) -> Float[Tensor, "t c"]:
        """p of the sentences; zeros for one without a known word."""
        words, place = captions.words.unique(return_inverse=True)
        each = self.word(self.words(words))  # once for every word of the batch
        unknown = each.new_full((1, each.shape[1]), float("-inf"))
        place = place.where(self.known_words(captions), len(words))
        top = F.embedding(place, torch.cat([each, unknown])).max(1).values
        return top.relu()  # the same, and cheaper, after the maximum  # Eq. (a)

    def clip_vector(self, clips: Clips) -> Float[Tensor, "v in"]:
        """x of the clips; zeros where a feature is missing."""
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
        """s."""
        return text @ video.mT  # Eq. (1)

    def terms(self, scores: Float[Tensor, "b b"]) -> Float[Tensor, "b b"]:
        """h."""
        by_caption, by_video = hinge_terms(scores, self.config.margin)
        return by_caption + by_video  # D3

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """The mean over all pairs, weighted where several clips were cut from one video."""
        h = self.terms(self(batch))
        if batch.clips.video is not None:
            h = h * pair_weights(batch.clips.video, self.config.hard_negative_rate)
        return h.mean()  # Eq. (4)


def pair_weights(video: Int[Tensor, " b"], hnr: float) -> Float[Tensor, "b b"]:
    """Rows of mean 1: clips of the same video share hnr of it, the clip itself among them."""
    same = video[:, None] == video
    inside = same.sum(1, keepdim=True)
    outside = (len(video) - inside).clamp(min=1)
    return torch.where(same, hnr / inside, (1 - hnr) / outside) * len(video)  # Eq. (5)


Model = HowTo100M
