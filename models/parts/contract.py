"""The interface that all papers share. Score matrices are (captions, videos), always."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.recipe import Recipe


@dataclass(frozen=True)
class DataSizes:
    """What the data decide and the paper does not. A size that no view needs stays 0 or empty."""

    vocabulary: int = 0  # word ids, the four special ones included
    bow: int = 0  # words of the bag
    dims: Mapping[str, int] = field(default_factory=dict)  # feature width per expert
    vectors: Mapping[str, int] = field(default_factory=dict)  # width of Captions.vectors, by name
    classes: Mapping[str, int] = field(default_factory=dict)  # verb, noun, adverb, ...: how many
    captions: int = 0  # of the training split: rows of a memory bank
    videos: int = 0


class RetrievalModel(nn.Module, ABC):
    """Two encoders, a similarity, a loss: the four methods a reader compares across papers."""

    version: ClassVar[int] = 1  # raised when a change of the code changes what is measured
    Config: ClassVar[
        type
    ]  # frozen dataclass; defaults are the paper's; Config.small() the benchmark's
    recipe: ClassVar[Recipe]  # as published
    small_recipe: ClassVar[Recipe]  # for the synthetic benchmark's small size
    views: ClassVar[frozenset[str]]  # what every configuration reads: words, bow, frames, ...
    optional: ClassVar[frozenset[str]] = frozenset()  # experts it reads where the data have them
    variants: ClassVar[Mapping[str, Mapping[str, Any]]]  # name -> changes to Config; "full" is {}
    recipe_by_variant: ClassVar[Mapping[str, Mapping[str, Any]]] = {}  # changes to the recipe
    ranks_videos: ClassVar[bool] = (
        True  # False: its loss never compares a caption's video to others
    )
    recipe_by_dataset: ClassVar[Mapping[str, Mapping[str, Any]]] = {}  # changes to small_recipe
    config: Any
    data: DataSizes

    def __init__(self, config: Any, data: DataSizes) -> None:
        super().__init__()
        self.config, self.data = config, data

    @classmethod
    def needs(cls, config: Any) -> frozenset[str]:  # noqa: ARG003  (others depend on it)
        """Views of a batch that this configuration reads."""
        return cls.views

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
    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Training loss of a batch in which caption i describes clip i unless `owner` says other."""

    def on_epoch(self, epoch: int) -> None:
        """Called before each epoch of training, counted from 0."""

    def after_step(self) -> None:
        """Called after each step of the optimiser."""

    def forward(self, batch: Batch) -> Float[Tensor, "t v"]:
        """Scores of a batch."""
        return self.similarity(self.encode_text(batch.captions), self.encode_video(batch.clips))

    @classmethod
    def from_official(cls, state: Mapping[str, Any], config: Any | None = None) -> "RetrievalModel":
        """The model with the authors' weights, read by the official code's own keys.

        It behaves as the released code does (models/official/<key>.py says how that differs from
        the paper). Without a config the sizes are those of the weights. Raises ValueError, one
        line, where weights and model do not fit, NotImplementedError where none were released.
        """
        key = cls.__module__.rpartition(".")[2]
        try:
            release = importlib.import_module(f"models.official.{key}")
        except ModuleNotFoundError as error:
            if error.name != f"models.official.{key}":
                raise
            raise NotImplementedError("the authors released no weights") from error
        loaded: RetrievalModel = release.load(state, config)
        return loaded
