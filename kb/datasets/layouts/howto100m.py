"""Tables and tensors as the HowTo100M code base reads its MSR-VTT.

`MSRVTT_data.json`, `MSRVTT_train.csv`, `MSRVTT_JSFUSION_test.csv`; `MSRVTT_train.pth` and
`MSRVTT_JSFUSION_test.pth`: {"2d": {video: (dim,) tensor}, "3d": ...}. As in the paper (section 4.1)
a video's vectors are the largest values over its steps: "2d" of the frames, "3d" of the motion
expert; where there is none, "3d" is the mean of the frames, so that the loader finds its key.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.corpus import Corpus
from kb.datasets.features.choice import with_features
from kb.datasets.layouts.clip4clip import write_tables
from kb.datasets.layouts.layout import Pixels, Progress
from kb.datasets.readers import msrvtt
from kb.records.errors import KBError

TRAIN = "MSRVTT_train.csv"
TENSORS = {"train": "MSRVTT_train.pth", "test": "MSRVTT_JSFUSION_test.pth"}

Pool = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def write(corpus: Corpus, folder: Path, pixels: Pixels | None, progress: Progress) -> None:
    """Tables, and two files of pooled features: train (with validation) and test."""
    del pixels
    import torch  # noqa: PLC0415  (slow to load; only this layout is torch's)

    write_tables(corpus, folder, "howto100m", TRAIN)
    if "frames" not in corpus.features:
        what = f"{corpus.name} has no frame features, which the layout howto100m needs"
        raise KBError(what, hint="`kb features` extracts them from video files")
    motion = "motion" if "motion" in corpus.features else "frames"
    experts: dict[str, tuple[str, Pool]] = {
        "2d": ("frames", lambda steps: steps.max(0)),
        "3d": (motion, lambda steps: steps.max(0) if motion == "motion" else steps.mean(0)),
    }
    for part, splits in (("train", ("train", "val")), ("test", ("test",))):
        videos = [
            v for split in splits if split in corpus.splits for v in corpus.splits[split].videos
        ]
        table: dict[str, dict[str, Any]] = {"2d": {}, "3d": {}}
        for done, video in enumerate(videos, start=1):
            for key, (expert, pool) in experts.items():
                features = corpus.features[expert]
                if video in features:
                    table[key][video] = torch.tensor(pool(features.read(video)))
            progress(part, done, len(videos))
        torch.save(table, folder / TENSORS[part])


def read(root: Path, name: str) -> Corpus:
    """The corpus; "2d" are its frames and "3d" its motion, one vector per video."""
    return with_features(msrvtt.read(root, name=name), {"frames": "2d", "motion": "3d"})
