"""`pixels`: video frames, for models with a visual tower."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kb.datasets.corpus import Corpus, ReadPixels
from kb.repro.views.view import STEPS, Fill, Source, Toy, View, to_device
from models.parts.batch import Clips

FRAMES = 12  # of a video: evenly spread, one in the middle of each part
TOY_SIDE = 32
STORED = 2**29  # bytes of a split's frames that stay in memory; beyond, they are read again


class StoredFrames:
    """The spread frames of videos; those read first stay in memory, up to `limit` bytes."""

    def __init__(self, read: ReadPixels, videos: Sequence[str], limit: int = STORED) -> None:
        self.read, self.videos, self.free = read, videos, limit
        self.stored: dict[int, NDArray[np.uint8]] = {}

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        if row in self.stored:
            return self.stored[row]
        frames = spread(self.read(self.videos[row])).copy()
        if frames.nbytes <= self.free:
            self.free -= frames.nbytes
            self.stored[row] = frames
        return frames


class Pixels(View):
    """(v, frames, 3, h, w) uint8; read or rendered when a batch first needs them."""

    name, side = "pixels", "clips"

    def lacks(self, corpus: Corpus, split: str) -> str | None:  # noqa: ARG002
        """A dataset of features alone."""
        return None if corpus.pixels is not None else "it has no video files under its folder"

    def load(self, source: Source) -> Fill:
        """Frames evenly spread over each video; a shorter one has all it has."""
        assert source.corpus.pixels is not None
        of_row = StoredFrames(source.corpus.pixels, source.data.videos)

        def fill(clips: Clips, rows: Tensor) -> None:
            frames = [of_row[row] for row in rows.tolist()]
            width = max(1, *(len(one) for one in frames))
            shape = next((one.shape[1:] for one in frames if len(one)), (1, 1, 3))
            table = np.zeros((len(frames), width, *shape), np.uint8)
            mask = torch.zeros(len(frames), width, dtype=torch.bool)
            for place, one in enumerate(frames):
                table[place, : len(one)] = one
                mask[place, : len(one)] = True
            pixels = torch.from_numpy(table).permute(0, 1, 4, 2, 3)
            clips.pixels = to_device(pixels, source.device)
            clips.pixels_mask = to_device(mask, source.device)

        return fill

    def toy(self, toy: Toy) -> None:
        """Noise of 32 by 32."""
        shape = (toy.n, STEPS, 3, TOY_SIDE, TOY_SIDE)
        toy.clips.pixels = toy.integers(0, 256, shape).to(torch.uint8)
        toy.clips.pixels_mask = toy.steps.clone()


def spread(frames: NDArray[np.uint8], count: int = FRAMES) -> NDArray[np.uint8]:
    """`count` frames, the middle one of each of as many equal parts; all where there are fewer."""
    if len(frames) <= count:
        return frames
    chosen: NDArray[np.uint8] = frames[((np.arange(count) + 0.5) * len(frames) / count).astype(int)]
    return chosen
