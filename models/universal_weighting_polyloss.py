"""Universal weighting: a polynomial loss of pairs.

Wei, Xu, Yang, Ji, Wang, Shen. "Universal Weighting Metric Learning for Cross-Modal Matching."
CVPR 2020, arXiv:2010.03403.                     Record: data/papers.yaml, wei2020universal

A loss alone. Each pair is weighed by its own similarity: a weight is the slope of a polynomial in
it, one for positives and one for negatives, and the loss is the polynomials' sum.

Symbols
    s      scores                                  p      score of an anchor's positive
    N      an anchor's negatives that are kept     q      score of the hardest of them
    m      margin of what is kept                  P, Q   polynomials of positives, of negatives

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   N: s + m > p                             PolyLoss.direction
    (2?)   P(p) and Q(q), nothing below zero        polynomial
    (3?)   P(p) + Q(q) of each anchor with an N     PolyLoss.direction
    (4?)   both directions, over the batch's size   PolyLoss.loss

Departures
    D1  the encoders are a plain dual encoder's. The authors' models for video were not released;
        those for images attend across regions and words
        (models/official/universal_weighting_polyloss.py).
    D2  the coefficients are those of the released code, made for images; those for video could not
        be read.
    D3  `average`, the mean of Q over N, is our reading of the paper's second form: it was not
        released.

The released code: models/official/universal_weighting_polyloss.py. Claims and reported numbers: the
record. What is tested: tests/models/test_universal_weighting_polyloss.py
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.dual import DualEncoder
from models.parts.losses import hinge_terms
from models.parts.recipe import recipe


@dataclass(frozen=True)
class Config:
    """Defaults of the released code."""

    word_dim: int = 300
    common: int = 1024
    margin: float = 0.2
    positive: tuple[float, ...] = (0.5, -0.7, 0.2)  # P, the constant first; D2
    negative: tuple[float, ...] = (0.03, -0.4, 0.9)  # Q
    average: bool = False  # over the negatives kept; else the hardest; D3
    weighted: bool = True  # else the triplet loss with the hardest negatives

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(word_dim=64, common=256)


class PolyLoss(RetrievalModel):
    """A dual encoder trained with polynomials of the similarity of pairs."""

    Config = Config
    views = frozenset({"words", "frames"})
    recipe = recipe(
        optimiser="adam",
        learning_rate=2e-4,
        batch_size=128,
        epochs=30,
        clip_norm=2.0,
        lr_decay=0.1,
        decay_every=15,
    )
    small_recipe = recipe.but(learning_rate=1e-3, epochs=8, decay_every=5)
    variants: ClassVar = {
        "full": {},
        "triplet": {"weighted": False},
        "average": {"average": True},
        "every-negative": {"margin": 2.0},  # of cosines: none is left out
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        self.encoder = self.host()

    def host(self) -> nn.Module:
        """The model that the loss trains."""
        c, data = self.config, self.data
        return DualEncoder(data.vocabulary, c.word_dim, data.dims["frames"], c.common)  # D1

    def encode_text(self, captions: Captions) -> Float[Tensor, "t c"]:
        """Unit vectors of the captions."""
        return self.encoder.encode_text(captions.words, captions.mask)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v c"]:
        """Unit vectors of the clips."""
        return self.encoder.encode_video(clips.features["frames"], clips.mask["frames"])

    def similarity(
        self, text: Float[Tensor, "t c"], video: Float[Tensor, "v c"]
    ) -> Float[Tensor, "t v"]:
        """s, cosines."""
        return self.encoder.similarity(text, video)

    def kept(self, scores: Float[Tensor, "b b"]) -> Bool[Tensor, "b b"]:
        """N of the anchors in the rows."""
        wrong = ~torch.eye(len(scores), dtype=torch.bool, device=scores.device)
        return (scores + self.config.margin > scores.diagonal()[:, None]) & wrong

    def direction(self, scores: Float[Tensor, "b b"]) -> Float[Tensor, ""]:
        """Sum over the anchors in the rows; one that keeps no negative has no cost."""
        kept = self.kept(scores)  # Eq. (1?)
        anchors = kept.any(1)
        p, s, kept = scores.diagonal()[anchors], scores[anchors], kept[anchors]
        if self.config.average:
            each = polynomial(s, self.config.negative).masked_fill(~kept, 0.0)
            by_negative = each.sum(1) / kept.sum(1)  # D3
        else:
            q = s.masked_fill(~kept, float("-inf")).max(1).values
            by_negative = polynomial(q, self.config.negative)
        return (polynomial(p, self.config.positive) + by_negative).sum()  # Eq. (3?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Another caption of the same video in the batch counts as a negative."""
        scores = self(batch)
        if not self.config.weighted:
            by_caption, by_video = hinge_terms(scores, self.config.margin)
            return by_caption.amax(1).sum() + by_video.amax(0).sum()
        return (self.direction(scores) + self.direction(scores.mT)) / len(scores)  # Eq. (4?)


def polynomial(
    x: Float[Tensor, "*shape"], coefficients: tuple[float, ...]
) -> Float[Tensor, "*shape"]:
    """Sum of c_k x^k, zero where that is negative."""
    total = torch.zeros_like(x)
    for c in reversed(coefficients):
        total = total * x + c
    return total.clamp(min=0)  # Eq. (2?)


Model = PolyLoss
