"""The interface all papers share. Score matrices are (captions, videos), always."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from models.parts.batch import Captions, Clips


@dataclass(frozen=True)
class Pretraining:
    """What a model is trained on first. What is not said here is as in the recipe it belongs to."""

    data: str  # its captions with a span are clips of their own, cut from their videos
    epochs: int  # all of them; the last weights are kept
    learning_rate: float | None = None
    together: int | None = None  # clips of one video side by side in a batch, at most


@dataclass(frozen=True)
class Recipe:
    """How a paper trains: read by the one training loop of kb.repro. None: the paper does not."""

    optimiser: str = "adam"  # adam, adamw, amsgrad, ranger, rmsprop, rmsprop-keras, sgd
    learning_rate: float = 1e-4
    batch_size: int = 128  # captions
    epochs: int = 50  # at most
    clip_norm: float | None = None  # total gradient norm
    decay: float = 1.0  # learning rate times this after every epoch
    decay_every: int | None = None  # epochs between two such decays; None: one
    halve_after: int | None = None  # epochs without a best before the rate is halved
    stop_after: int | None = None  # epochs without a best before training stops
    weight_decay: float | None = None
    warmup: float | None = None  # share of all steps in which the rate rises from zero
    schedule: str | None = None  # cosine, linear: to zero at the last step of the last epoch
    rates: tuple[tuple[str, float], ...] | None = None  # (beginning of weights' names, factor)
    easy_epochs: int | None = None  # first epochs, in which hard negatives do not count
    per_video: int | None = None  # captions drawn of each video an epoch; None: each caption once
    precision: str | None = None  # bf16, fp16: autocast while training; None: float32
    pretraining: Pretraining | None = None


class RetrievalModel(nn.Module, ABC):
    """Two encoders, a similarity, a loss: the four methods a reader compares across papers."""

    Config: ClassVar[type]  # frozen dataclass; defaults are the paper's; Config.small() the world's
    recipe: ClassVar[Recipe]  # as published
    small_recipe: ClassVar[Recipe]  # for the synthetic benchmark's small size
    needs: ClassVar[frozenset[str]]  # views of a batch: words, bow, frames, ...
    optional: ClassVar[frozenset[str]] = frozenset()  # experts it reads where the data have them
    variants: ClassVar[Mapping[str, Mapping[str, Any]]]  # name -> changes to Config; "full" is {}
    recipes: ClassVar[Mapping[str, Mapping[str, Any]]] = {}  # variant -> changes to its recipe
    staged: ClassVar[Mapping[str, Mapping[str, Any]]] = {}  # staging -> changes to small_recipe
    easy: bool = False  # the loop's word that hard negatives do not count yet (Recipe.easy_epochs)

    @abstractmethod
    def encode_text(self, captions: Captions) -> Any:
        """Whatever `similarity` needs of the captions; first axis of every tensor: captions."""

    @abstractmethod
    def encode_video(self, clips: Clips) -> Any:
        """Whatever `similarity` needs of the clips; first axis of every tensor: videos."""

    @abstractmethod
    def similarity(self, text: Any, video: Any) -> Float[Tensor, "t v"]:
        """Scores of every caption with every video; larger is closer."""

    @abstractmethod
    def loss(self, captions: Captions, clips: Clips) -> Float[Tensor, ""]:
        """Training loss of a batch in which caption i describes clip i."""

    @classmethod
    @abstractmethod
    def from_official(
        cls, state: Mapping[str, Tensor], config: Any | None = None
    ) -> "RetrievalModel":
        """The model with the official code's weights, read by the official code's own keys."""

    def forward(self, captions: Captions, clips: Clips) -> Float[Tensor, "t v"]:
        """Scores of a batch."""
        return self.similarity(self.encode_text(captions), self.encode_video(clips))
