"""An expert's feature sequences: `frames`, `motion`, `audio`, ... : whatever the data have."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kb.datasets.corpus import Corpus, Features
from kb.repro.views.view import STEPS, Fill, Source, Toy, View, to_device
from kb.repro.vocabulary import Vocabulary
from models.parts.batch import Clips

FITS = 8 << 30  # bytes of features that are held in memory, per expert


@dataclass
class Steps:
    """Feature sequences of many videos, end to end: no padding is stored.

    `start` and `count` stay on the CPU: a batch is laid out there, and no step waits for a device
    to say how long its longest video is.
    """

    flat: Tensor  # (steps of all videos + 1, dim), the last row zeros: what the padding points at
    start: Tensor  # (videos,)
    count: Tensor  # (videos,) 0: the expert does not have this video

    @classmethod
    def of(cls, parts: list[NDArray[np.float32]], dim: int) -> "Steps":
        """From the (steps, dim) features of each video."""
        count = np.array([len(part) for part in parts], dtype=np.int64)
        flat = np.concatenate([*parts, np.zeros((1, dim), np.float32)]).astype(np.float32)
        start = np.cumsum(count) - count
        return cls(torch.from_numpy(flat), torch.from_numpy(start), torch.from_numpy(count))

    def collate(self, rows: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
        """(v, steps, dim) features, zero at the padding, and their (v, steps) mask."""
        count = self.count[rows]
        step = torch.arange(max(int(count.max()), 1))
        mask = step < count[:, None]
        row = torch.where(mask, self.start[rows][:, None] + step, len(self.flat) - 1)
        flat = self.flat[to_device(row, self.flat.device)]
        return to_device(flat, device), to_device(mask, device)


class Expert(View):
    """One expert's features: in memory where they fit, else read batch by batch."""

    side = "clips"

    def __init__(self, name: str) -> None:
        self.name = name

    def lacks(self, corpus: Corpus, split: str) -> str | None:  # noqa: ARG002
        """Whether the data have features of this name."""
        if self.name in corpus.features:
            return None
        return f"it has no features {self.name} (it has {', '.join(sorted(corpus.features))})"

    def load(self, source: Source) -> Fill:
        """Features and mask under the expert's name."""
        features, videos = source.corpus.features[self.name], source.data.videos
        stored = _in_memory(features, videos, source.device)

        def fill(clips: Clips, rows: Tensor) -> None:
            steps, wanted = stored, rows
            if steps is None:
                parts = list(_each(features, [videos[row] for row in rows.tolist()]))
                steps, wanted = Steps.of(parts, features.dim), torch.arange(len(rows))
            collated = steps.collate(wanted, source.device)
            clips.features[self.name], clips.mask[self.name] = collated

        return fill

    def toy(self, toy: Toy) -> None:
        """Each expert but the first lacks one clip, never clip 0."""
        place = sorted(toy.sizes.dims).index(self.name)
        mask = toy.steps.clone()
        if place and toy.n > 1:
            mask[1 + place % (toy.n - 1)] = False
        x = toy.normal(toy.n, STEPS, toy.sizes.dims[self.name])
        toy.clips.features[self.name], toy.clips.mask[self.name] = x * mask[..., None], mask

    def sizes(self, corpus: Corpus, vocabulary: Vocabulary) -> dict[str, Any]:  # noqa: ARG002
        """The width of its features."""
        return {"dims": {self.name: corpus.features[self.name].dim}}


def _in_memory(features: Features, videos: list[str], device: torch.device) -> Steps | None:
    parts, size = [], 0
    for part in _each(features, videos):
        parts.append(part)
        size += part.nbytes
        if size > FITS:
            return None
    steps = Steps.of(parts, features.dim)
    return Steps(steps.flat.to(device), steps.start, steps.count)


def _each(features: Features, videos: Iterable[str]) -> Iterator[NDArray[np.float32]]:
    """(steps, dim) features of each video; no step where the expert lacks it."""
    nothing = np.zeros((0, features.dim), np.float32)
    return (features.read(video) if video in features else nothing for video in videos)
