"""The baseline: bag of words and mean of frames, one layer on each side.

It ignores word order and time: a model's gain over it comes from reading the sequence.
Like W2VV++ (Li et al. ACM MM 2019) without its word vectors and GRU.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from jaxtyping import Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_mean
from models.parts.recipe import recipe
from models.parts.spaces import affine_space

NAME = "bow-mean"


@dataclass(frozen=True)
class BowMeanConfig:
    """Settings of the baseline."""

    common: int = 2048
    dropout: float = 0.2
    margin: float = 0.2

    @classmethod
    def small(cls) -> "BowMeanConfig":
        """Sizes for the synthetic benchmark."""
        return cls(common=256)


class BowMean(RetrievalModel):
    """Two affine maps with tanh, cosine similarity, hardest-negative triplet loss."""

    Config: ClassVar[type] = BowMeanConfig
    views = frozenset({"words", "bow", "frames"})
    recipe = recipe(
        batch_size=128,
        epochs=50,
        clip_norm=2.0,
        lr_decay=0.99,
        lr_patience=3,
        lr_rule="since-change",
        early_stopping_patience=10,
    )
    small_recipe = recipe.but(learning_rate=1e-3, epochs=20, early_stopping_patience=5)
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {"full": {}}

    def __init__(self, config: BowMeanConfig, data: DataSizes) -> None:
        super().__init__(config, data)
        dropout = nn.Dropout(config.dropout)
        self.text = affine_space(data.bow, config.common, nn.Tanh(), dropout)
        self.video = affine_space(data.dims["frames"], config.common, nn.Tanh(), dropout)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t c"]:
        """Unit vectors of the bags of words."""
        assert captions.bow is not None
        return F.normalize(self.text(captions.bow), dim=1)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v c"]:
        """Unit vectors of the mean frames."""
        mean = masked_mean(clips.features["frames"], clips.mask["frames"])
        return F.normalize(self.video(mean), dim=1)

    def similarity(
        self, text: Float[Tensor, "t c"], video: Float[Tensor, "v c"]
    ) -> Float[Tensor, "t v"]:
        """Cosines."""
        return text @ video.T

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Triplet loss of each caption against the hardest wrong video of the batch."""
        by_caption, _ = hinge_terms(self(batch), self.config.margin)
        return by_caption.amax(1).sum()
