"""`boxes`: what a detector sees in the frames, region by region, from the features `regions`.

A row of `regions` is a region: its features, then left, top, right, bottom as shares of the
picture, then its time as a share of the video (the layout that the synthetic benchmark writes).
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kb.datasets.corpus import Corpus
from kb.repro.views.view import STEPS, Fill, Source, Toy, View, to_device
from kb.repro.vocabulary import Vocabulary
from models.parts.batch import Clips, Regions

EXPERT, PLACE = "regions", 5
TOY_BOXES, TOY_WIDTH = 3, 9


class Boxes(View):
    """Regions grouped by the frame that they are in."""

    name, side = "boxes", "clips"

    def lacks(self, corpus: Corpus, split: str) -> str | None:  # noqa: ARG002
        """A dataset without region features."""
        return None if EXPERT in corpus.features else f"it has no features {EXPERT}"

    def load(self, source: Source) -> Fill:
        """(v, steps, boxes, ...) as wide as the batch needs."""
        features, videos = source.corpus.features[EXPERT], source.data.videos
        width = features.dim - PLACE

        def fill(clips: Clips, rows: Tensor) -> None:
            names = [videos[row] for row in rows.tolist()]
            groups = [by_step(features.read(v)) if v in features else [] for v in names]
            steps = max(1, *(len(group) for group in groups))
            most = max(1, *(len(frame) for group in groups for frame in group), 1)
            table = np.zeros((len(names), steps, most, features.dim), np.float32)
            mask = np.zeros((len(names), steps, most), np.bool_)
            for place, group in enumerate(groups):
                for step, frame in enumerate(group):
                    table[place, step, : len(frame)] = frame
                    mask[place, step, : len(frame)] = True
            values = to_device(torch.from_numpy(table), source.device)
            present = to_device(torch.from_numpy(mask), source.device)
            clips.regions = Regions(values[..., :width], values[..., width : width + 4], present)

        return fill

    def toy(self, toy: Toy) -> None:
        """Up to three boxes in each step; the second video has none."""
        shape = (toy.n, STEPS, TOY_BOXES)
        mask = toy.steps[..., None] & (toy.uniform(*shape) < 0.7)  # noqa: PLR2004  (most are there)
        mask[1:2] = False
        width = toy.sizes.dims.get(EXPERT, TOY_WIDTH) - PLACE
        features = toy.normal(*shape, width) * mask[..., None]
        corners = toy.uniform(*shape, 2, 2).sort(dim=-2).values.flatten(-2)
        toy.clips.regions = Regions(features, corners * mask[..., None], mask)

    def sizes(self, corpus: Corpus, vocabulary: Vocabulary) -> dict[str, Any]:  # noqa: ARG002
        """The width of the rows that regions are read from."""
        return {"dims": {EXPERT: corpus.features[EXPERT].dim}}


def by_step(rows: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The regions of each frame, in order of time."""
    times, first = np.unique(rows[:, -1], return_index=True)
    if not len(times):
        return []
    if np.all(np.diff(rows[:, -1]) >= 0):
        return np.split(rows, np.sort(first)[1:])
    return [rows[rows[:, -1] == time] for time in times]
