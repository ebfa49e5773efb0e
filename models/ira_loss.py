"""Interclass-Relativity-Adaptive metric learning (IRA).

Chen, Shao, Zhang, Xu, Shen. "Interclass-Relativity-Adaptive Metric Learning for Cross-Modal
Matching and Beyond." IEEE TMM 23, 2021.         Record: data/papers.yaml, chen2020ira

A loss alone. A triplet is weighed as a whole, by how far its negative is from its positive: a wrong
order costs several times what the triplet loss takes; a right order within the margin costs more
too, but its slope is smaller.

Symbols
    s      scores                                  x      score of a negative less its positive's
    m      margin                                  w      weight of a triplet
    alpha, beta   constants of the weights

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   x > 0, the wrong order: w = exp(x) + alpha, m + x w          relative_cost
    (2?)   -m < x < 0, within the margin: w = exp(x) + beta, m + x / w  relative_cost
    (3?)   no cost where x <= -m                                        relative_cost
    (4?)   every wrong video of a caption, every wrong caption of a     IRALoss.terms
           video
    (5?)   the hardest of each, summed                                  IRALoss.loss

Departures
    D1  the encoders are a plain dual encoder's. The authors' models for video were not released;
        those for images attend across regions and words (models/official/ira_loss.py).
    D2  alpha is that for COCO; for Flickr30K it is 3, for video it could not be read.

The released code: models/official/ira_loss.py. Claims and reported numbers: the record.
What is tested: tests/models/test_ira_loss.py
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.dual import DualEncoder
from models.parts.losses import hinge_terms
from models.parts.recipe import recipe


@dataclass(frozen=True)
class Config:
    """Settings of the authors' commands."""

    word_dim: int = 300
    common: int = 1024
    margin: float = 0.1
    alpha: float = 4.0  # D2
    beta: float = 1.0
    relative: bool = True  # else the triplet loss
    hardest: bool = True  # else all negatives

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(word_dim=64, common=256)


class IRALoss(RetrievalModel):
    """A dual encoder trained with triplets weighed by their relative similarity."""

    Config = Config
    views = frozenset({"words", "frames"})
    recipe = recipe(
        optimiser="adam",
        learning_rate=5e-4,
        batch_size=128,
        epochs=20,
        clip_norm=2.0,
        lr_decay=0.1,
        decay_every=12,
    )
    small_recipe = recipe.but(learning_rate=1e-3, epochs=8, decay_every=5)
    variants: ClassVar = {
        "full": {},
        "triplet": {"relative": False},
        "all-negatives": {"hardest": False},
        "triplet-all-negatives": {"relative": False, "hardest": False},
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

    def terms(
        self, scores: Float[Tensor, "b b"]
    ) -> tuple[Float[Tensor, "b b"], Float[Tensor, "b b"]]:
        """Costs by caption and by video, laid out as the scores are, zero on the diagonal."""
        c, positive = self.config, scores.diagonal()
        if not c.relative:
            return hinge_terms(scores, c.margin)
        wrong = ~torch.eye(len(scores), dtype=torch.bool, device=scores.device)
        x = (scores - positive[:, None], scores - positive[None, :])
        by_caption, by_video = (relative_cost(one, c.margin, c.alpha, c.beta) for one in x)
        return by_caption * wrong, by_video * wrong  # Eq. (4?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Sum over the batch; another caption of the same video counts as a negative."""
        by_caption, by_video = self.terms(self(batch))
        if not self.config.hardest:
            return by_caption.sum() + by_video.sum()
        return by_caption.max(1).values.sum() + by_video.max(0).values.sum()  # Eq. (5?)


def relative_cost(
    x: Float[Tensor, "*shape"], margin: float, alpha: float, beta: float
) -> Float[Tensor, "*shape"]:
    """Cost of triplets. The weight depends on x, so that its derivative counts in the gradient."""
    wrong_order = x * (x.exp() + alpha)  # Eq. (1?)
    within = x / (x.exp() + beta)  # Eq. (2?)
    weighed = torch.where(x > 0, wrong_order, torch.where(x < 0, within, x))
    return (margin + weighed).clamp(min=0) * (margin + x > 0)  # Eq. (3?)


Model = IRALoss
