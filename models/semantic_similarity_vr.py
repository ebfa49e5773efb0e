"""Semantic similarity video retrieval.

Wray, Doughty, Damen. "On Semantic Similarity in Video Retrieval." CVPR 2021, arXiv:2103.10095.
                                                 Record: data/papers.yaml, wray2021semantic

Many captions fit a video, each to a degree. The relevance of a caption to a video is computed from
the caption and the video's own; it is what retrieval is scored by (nDCG), and what tells the wrong
videos of a triplet from those that are right too. The network is a small one, MEE.

Symbols
    S      relevance, from 0 to 1                  T      threshold of what is right
    a, p, n  anchor, positive, negative            d      squared distance of unit vectors

Equations (numbers are ours and stand for the steps of the method)
    (1?)   S by bags: words in both over words in either       word_overlap
    (2?)   S by parts of speech: mean of verbs and of nouns    SemanticSimilarity.relevance
    (3?)   a side: unit length, affine map, gate, unit length  SemanticSimilarity.embed
    (4?)   scores: cosines                                     SemanticSimilarity.similarity
    (5?)   S >= T: positive; S < T: negative                   SemanticSimilarity.positives
    (6?)   hinge of triplets, m + d(a, p) - d(a, n)            parts.losses.expected_triplets (1)
    (7?)   both directions, each the mean of its anchors       SemanticSimilarity.loss

Departures
    D1  the authors published the measure, not the training: layers, sizes and recipe are those of
        the one-space network of JPoSE, their earlier code; T is ours.
    D2  an anchor has the mean over all triplets of its batch; the authors draw some.
    D3  words that are no stop words are those of open classes; the authors have a list of stop
        words, and two more measures, synsets and METEOR (`kb eval` has all four).
    D4  steps have no momentum; in JPoSE's code it is 0.9.
    D5  word vectors are `captions.vectors["w2v"]`, made outside; the authors' table is not known.

The released code: models/official/semantic_similarity_vr.py. Claims and reported numbers: the
record. What is tested: tests/models/test_semantic_similarity_vr.py
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.parts.batch import TAGS, WORD_CLASSES, Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.gating import GatedUnit
from models.parts.losses import expected_triplets
from models.parts.pooling import masked_mean
from models.parts.recipe import recipe
from models.parts.similarity import jaccard

OPEN_CLASSES = ("ADJ", "ADV", "INTJ", "NOUN", "NUM", "PROPN", "VERB")  # D3
ROUNDING = 1e-6  # of S: halves and thirds add up to T


@dataclass(frozen=True)
class Config:
    """Settings of the authors' earlier code, and a threshold."""

    size: int = 256
    relevance: str | None = "pos"  # bow; None: a video's own caption alone is right
    threshold: float = 0.75  # D1: one verb, half of the nouns
    margin: float = 1.0

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(size=128)


class SemanticSimilarity(RetrievalModel):
    """One gated unit per side, trained on triplets by relevance."""

    Config = Config
    views = frozenset({"words", "w2v", "frames"})
    recipe = recipe(
        optimiser="sgd",  # D4
        learning_rate=0.01,
        batch_size=64,
        epochs=100,
        select="last",
    )
    small_recipe = recipe.but(optimiser="adam", learning_rate=1e-3, batch_size=128, epochs=12)
    variants: ClassVar = {
        "full": {},
        "instance": {"relevance": None},
        "lax": {"threshold": 0.5},
        "strict": {"threshold": 1.0},
        "bow": {"relevance": "bow"},
    }

    @classmethod
    def needs(cls, config: Config) -> frozenset[str]:
        """Parts of speech where relevance is computed."""
        return cls.views | ({"tags"} if config.relevance is not None else set())

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        self.text = self.encoder(data.vectors["w2v"])
        self.video = self.encoder(data.dims["frames"])

    def encoder(self, in_dim: int) -> nn.Module:
        """One side."""
        return GatedUnit(in_dim, self.config.size, norm=False)

    def embed(self, unit: nn.Module, x: Float[Tensor, "b in"]) -> Float[Tensor, "b d"]:
        """Rows of unit length."""
        return unit(F.normalize(x, dim=1))  # Eq. (3?), D1

    def encode_text(self, captions: Captions) -> Float[Tensor, "t d"]:
        """From the mean of the word vectors."""
        return self.embed(self.text, captions.vectors["w2v"])  # D5

    def encode_video(self, clips: Clips) -> Float[Tensor, "v d"]:
        """From the mean of the frames."""
        x = masked_mean(clips.features["frames"], clips.mask["frames"])
        return self.embed(self.video, x)

    def similarity(
        self, text: Float[Tensor, "t d"], video: Float[Tensor, "v d"]
    ) -> Float[Tensor, "t v"]:
        """Cosines."""
        return text @ video.mT  # Eq. (4?)

    def relevance(self, captions: Captions, of_videos: Captions) -> Float[Tensor, "t v"]:
        """S of captions to videos, from these and from the videos' own captions."""
        if self.config.relevance == "bow":
            return word_overlap(captions, of_videos, OPEN_CLASSES, self.data.vocabulary)
        parts = [
            word_overlap(captions, of_videos, WORD_CLASSES[part], self.data.vocabulary)
            for part in ("verb", "noun")
        ]
        return (parts[0] + parts[1]) / 2  # Eq. (2?)

    def positives(self, captions: Captions) -> Bool[Tensor, "b b"]:
        """Which videos of the batch are right for each of its captions, its own among them."""
        own = torch.eye(len(captions.words), dtype=torch.bool, device=captions.words.device)
        if self.config.relevance is None:
            return own
        relevance = self.relevance(captions, captions)
        return own | (relevance > self.config.threshold - ROUNDING)  # Eq. (5?)

    def direction(
        self, scores: Float[Tensor, "b b"], positive: Bool[Tensor, "b b"]
    ) -> Float[Tensor, ""]:
        """Mean over the anchors, one a row, that have a negative."""
        right = positive.to(scores.dtype)
        terms = expected_triplets(2 - 2 * scores, right, 1 - right, self.config.margin)  # D2
        return terms.sum() / (~positive).any(1).sum().clamp(min=1)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Both directions. A video's own caption is the one beside it in the batch."""
        scores, positive = self(batch), self.positives(batch.captions)
        return self.direction(scores, positive) + self.direction(scores.mT, positive.mT)  # Eq. (7?)


def word_overlap(
    captions: Captions, others: Captions, tags: tuple[str, ...], vocabulary: int
) -> Float[Tensor, "t v"]:
    """Shared words of these parts of speech over all of either caption; 0 where neither has any."""
    numbers = torch.tensor([TAGS.index(tag) for tag in tags])
    sets = []
    for side in (captions, others):
        assert side.tags is not None
        chosen = side.mask & torch.isin(side.tags, numbers.to(side.tags.device))
        present = torch.zeros(len(side.words), vocabulary, device=side.words.device)
        sets.append(present.scatter_reduce(1, side.words * chosen, chosen.float(), "amax"))
    return jaccard(*sets)  # Eq. (1?)


Model = SemanticSimilarity
