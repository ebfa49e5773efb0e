"""Walking on Stilts: an invented paper that keeps the whole contract.

van Heron, Egret. "Walking on Stilts through Video."
TPAMI 2020.                              Record: data/papers.yaml, heron2020stilts

Both sides are averaged and mapped to one space, where the hardest wrong partner is pushed away.

Symbols
    u      a caption's embedding                  x      a video's embedding

Equations (numbers of the text; a letter for a step that it describes without one)
    (1)    cosine                                         Stilts.similarity
    (2)    triplet loss, hardest wrong partner            Stilts.loss
    (a)    affine map of the mean over the words          Stilts.encode_text

Departures
    D1  word vectors start at random.

Claims and reported numbers: the record. What is tested: tests/models/test_stilts.py
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_mean
from models.parts.recipe import Optimiser, Recipe, Sampling, Schedule


@dataclass(frozen=True)
class Config:
    """What the paper sets, as published."""

    common: int = 1024  # of the shared space
    margin: float = 0.2
    hardest: bool = True

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(common=32)


class Stilts(RetrievalModel):
    """Two means, two affine maps, one space."""

    Config = Config
    views: ClassVar = frozenset({"words", "frames"})
    recipe = Recipe(Optimiser("adam", learning_rate=1e-4), Schedule(epochs=50), Sampling(128))
    small_recipe = recipe.but(learning_rate=1e-3, epochs=2)
    variants: ClassVar = {"full": {}, "all-negatives": {"hardest": False}}

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        self.words = nn.Embedding(data.vocabulary, config.common)  # D1
        self.text = nn.Linear(config.common, config.common)
        self.video = nn.Linear(data.dims["frames"], config.common)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t c"]:
        """u."""
        return self.text(masked_mean(self.words(captions.words), captions.mask))  # Eq. (a)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v c"]:
        """x."""
        return self.video(masked_mean(clips.features["frames"], clips.mask["frames"]))

    def similarity(
        self, text: Float[Tensor, "t c"], video: Float[Tensor, "v c"]
    ) -> Float[Tensor, "t v"]:
        """Cosines."""
        return normalize(text, dim=1) @ normalize(video, dim=1).mT  # Eq. (1)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Sum over both directions."""
        by_caption, by_video = hinge_terms(self(batch), self.config.margin)
        if self.config.hardest:
            return by_caption.amax(1).sum() + by_video.amax(0).sum()  # Eq. (2)
        return by_caption.sum() + by_video.sum()


Model = Stilts
