"""`seconds`: the time of each step of every expert, from the video's length."""

import torch
from torch import Tensor

from kb.datasets.corpus import Corpus
from kb.repro.views.view import STEPS, Fill, Source, Toy, View, to_device
from models.parts.batch import Clips


class Seconds(View):
    """The middle of each step, steps being equally long parts of the video."""

    name, side = "seconds", "clips"

    def lacks(self, corpus: Corpus, split: str) -> str | None:
        """Times of a video whose length is not known."""
        unknown = sum(video not in corpus.durations for video in corpus.splits[split].videos)
        return f"the length of {unknown} videos of {split} is not known" if unknown else None

    def load(self, source: Source) -> Fill:
        """(v, steps) for each expert that was filled in before."""
        lengths = [source.corpus.durations[video] for video in source.data.videos]
        length = torch.tensor(lengths, dtype=torch.float32)

        def fill(clips: Clips, rows: Tensor) -> None:
            duration = to_device(length[rows], source.device)[:, None]
            for name, mask in clips.mask.items():
                step = torch.arange(mask.shape[1], device=mask.device) + 0.5
                count = mask.sum(1, keepdim=True).clamp(min=1)
                clips.seconds[name] = step * duration / count * mask

        return fill

    def toy(self, toy: Toy) -> None:
        """One step per second."""
        for name in toy.sizes.dims:
            toy.clips.seconds[name] = (torch.arange(STEPS) + 0.5).expand(toy.n, STEPS).clone()
