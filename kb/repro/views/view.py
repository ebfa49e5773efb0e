"""The interface of a view: availability in a dataset, loading, filling a batch."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kb.datasets.corpus import Caption, Corpus, SplitData
from kb.repro.vocabulary import Vocabulary
from models.parts.batch import Captions, Clips
from models.parts.contract import DataSizes

Fill = Callable[[Any, Tensor], None]  # (captions or clips of a batch, their rows)
WORDS, STEPS = 7, 8  # of the longest caption and the longest clip of a toy batch


@dataclass(frozen=True)
class Source:
    """One split of a dataset, as views load it."""

    corpus: Corpus
    split: str
    vocabulary: Vocabulary
    device: torch.device  # of the batches

    @property
    def data(self) -> SplitData:
        """Videos and captions of the split."""
        return self.corpus.splits[self.split]

    @property
    def by_topics(self) -> bool:
        """Whether the queries are topics, which have text only."""
        return self.split == "test" and bool(self.corpus.topics)

    @property
    def owners(self) -> NDArray[np.int64]:
        """(captions,) row of each caption's video."""
        return owners(self.data)

    @property
    def captions(self) -> Sequence[Caption]:
        """The queries: captions, or the topics of a test that has them as captions of no video."""
        if self.by_topics:
            return [Caption(topic.id, "", topic.text) for topic in self.corpus.topics]
        return self.data.captions


def owners(data: SplitData) -> NDArray[np.int64]:
    """(captions,) row of each caption's video."""
    row = {video: number for number, video in enumerate(data.videos)}
    return np.array([row[caption.video] for caption in data.captions], dtype=np.int64)


@dataclass
class Toy:
    """A ragged batch for tests, filled view by view. The first row of each side is the longest."""

    n: int
    generator: torch.Generator
    sizes: DataSizes
    captions: Captions = field(init=False)
    clips: Clips = field(default_factory=Clips)

    def __post_init__(self) -> None:
        lengths = self.integers(3, WORDS, (self.n,)).index_fill(0, torch.tensor([0]), WORDS)
        mask = torch.arange(WORDS) < lengths[:, None]
        words = self.integers(1, max(self.sizes.vocabulary, 2), (self.n, WORDS))
        self.captions = Captions(words * mask, mask)
        steps = self.integers(2, STEPS, (self.n,)).index_fill(0, torch.tensor([0]), STEPS)
        self.steps = torch.arange(STEPS) < steps[:, None]

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> Tensor:
        """Integers from `low` up to but without `high`."""
        return torch.randint(low, high, shape, generator=self.generator)

    def permutation(self, size: int) -> Tensor:
        """The numbers below `size` in random order."""
        return torch.randperm(size, generator=self.generator)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers."""
        return torch.randn(*shape, generator=self.generator)

    def uniform(self, *shape: int) -> Tensor:
        """Numbers between 0 and 1."""
        return torch.rand(*shape, generator=self.generator)


class View(ABC):
    """One kind of data in a batch. Stateless: `load` gives what fills the batches of one split."""

    name: str  # what a model's `needs` calls it
    side: str  # captions or clips: which rows `Fill` receives
    training_only: bool = False  # targets and memory banks: nothing of a test

    @abstractmethod
    def lacks(self, corpus: Corpus, split: str) -> str | None:
        """Why a split of a dataset does not have this view; None where it does."""

    @abstractmethod
    def load(self, source: Source) -> Fill:
        """A function that fills rows of the split into the captions or clips of a batch.

        Tensors that only index others stay on the CPU. KBError where files are damaged.
        """

    @abstractmethod
    def toy(self, toy: Toy) -> None:
        """Put random data of this view into a toy batch."""

    def sizes(self, corpus: Corpus, vocabulary: Vocabulary) -> dict[str, Any]:  # noqa: ARG002
        """What the view adds to DataSizes: field -> value; mappings are merged."""
        return {}


def to_device(x: Tensor, device: torch.device) -> Tensor:
    """Move to the device; a copy to a GPU is asynchronous, from pinned memory."""
    return x.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else x.to(device)
