"""The baseline: bag of words and mean of frames, one layer on each side.

It knows neither order nor time: what a model gains over it, it gains by reading the sequence.
Like W2VV++ (Li et al. ACM MM 2019) without its word vectors and GRU.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from jaxtyping import Float
from torch import Tensor, nn

from models.parts.batch import Captions, Clips
from models.parts.contract import Recipe, RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_mean

NAME = "bow-mean"


@dataclass(frozen=True)
class BowMeanConfig:
    """Sizes; the first three are the data's."""

    vocabulary: int = 10_000
    bow_size: int = 10_000
    frame_dim: int = 2048
    common: int = 2048
    dropout: float = 0.2
    margin: float = 0.2

    @classmethod
    def small(cls) -> "BowMeanConfig":
        """Sizes for the synthetic benchmark."""
        return cls(vocabulary=400, bow_size=400, frame_dim=128, common=256)


class BowMean(RetrievalModel):
    """Two affine maps with tanh, cosine, hardest wrong video of each caption."""

    Config: ClassVar[type] = BowMeanConfig
    needs = frozenset({"words", "bow", "frames"})
    recipe = Recipe(
        batch_size=128, epochs=50, clip_norm=2.0, decay=0.99, halve_after=3, stop_after=10
    )
    small_recipe = Recipe(
        learning_rate=1e-3,
        batch_size=128,
        epochs=20,
        clip_norm=2.0,
        decay=0.99,
        halve_after=3,
        stop_after=5,
    )
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {"full": {}}

    def __init__(self, config: BowMeanConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or BowMeanConfig()
        self.text = nn.Linear(c.bow_size, c.common)
        self.video = nn.Linear(c.frame_dim, c.common)
        self.dropout = nn.Dropout(c.dropout)
        for layer in (self.text, self.video):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t c"]:
        """Unit vectors of the bags."""
        assert captions.bow is not None
        return F.normalize(self.dropout(torch.tanh(self.text(captions.bow))), dim=1)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v c"]:
        """Unit vectors of the mean frames."""
        mean = masked_mean(clips.features["frames"], clips.mask["frames"])
        return F.normalize(self.dropout(torch.tanh(self.video(mean))), dim=1)

    def similarity(
        self, text: Float[Tensor, "t c"], video: Float[Tensor, "v c"]
    ) -> Float[Tensor, "t v"]:
        """Cosines."""
        return text @ video.T

    def loss(self, captions: Captions, clips: Clips) -> Float[Tensor, ""]:
        """Triplet loss of each caption against the hardest wrong video of the batch."""
        by_caption, _ = hinge_terms(self(captions, clips), self.config.margin)
        return by_caption.amax(1).sum()

    @classmethod
    def from_official(
        cls, state: Mapping[str, Tensor], config: BowMeanConfig | None = None
    ) -> "BowMean":
        """There is no official code; a state of this class is taken as it is."""
        model = cls(config)
        model.load_state_dict(dict(state))
        return model
