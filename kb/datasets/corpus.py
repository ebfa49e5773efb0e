"""What every reader returns: captions, videos and features of one data set, by split."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Features(Protocol):
    """One expert's features of many videos, read lazily (memory-mapped)."""

    @property
    def dim(self) -> int:
        """Length of one feature vector."""
        ...

    def __contains__(self, video: str) -> bool:
        """Whether the expert has this video."""
        ...

    def read(self, video: str) -> NDArray[np.float32]:
        """(steps, dim) features of one video."""
        ...


@dataclass(frozen=True)
class Caption:
    """One sentence of one video."""

    id: str  # video0#3
    video: str
    text: str


@dataclass
class SplitData:
    """One split: its videos in gallery order and their captions in file order."""

    name: str  # train, val, test
    videos: list[str]
    captions: list[Caption]


@dataclass
class Corpus:
    """One data set as read from disk."""

    name: str  # diorama-msrvtt
    protocol: str  # full, 1k-A, ...
    fingerprint: str  # sha256 over annotation files and feature ids, hex
    splits: dict[str, SplitData]
    features: dict[str, Features]  # expert -> features; "frames" is the 2-D CNN over frames
    size: str | None = None
    facts: dict[str, object] = field(default_factory=dict)  # reference points the maker published
