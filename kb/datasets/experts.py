"""Features found under a data set's folder, by expert."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb.datasets.bigfile import FrameVectors, VideoVectors, open_features
from kb.datasets.corpus import Features, SplitData
from kb.datasets.textfiles import Digest
from kb.records.errors import Exit, KBError

Stored = FrameVectors | VideoVectors


class Joined:
    """One expert whose videos lie in several folders, a folder per split as the field keeps them."""

    def __init__(self, parts: list[Stored], where: Path) -> None:
        self.parts, self.dim = parts, parts[0].dim
        if any(part.dim != self.dim for part in parts):
            dims = ", ".join(str(part.dim) for part in parts)
            raise KBError(f"is of several dimensions over the splits: {dims}", where=where)

    def __contains__(self, video: str) -> bool:
        return any(video in part for part in self.parts)

    def read(self, video: str) -> NDArray[np.float32]:
        """(steps, dim) features of one video; KeyError if there are none."""
        for part in self.parts:
            if video in part:
                return part.read(video)
        raise KeyError(video)

    def update(self, digest: Digest) -> None:
        """Take what was read into a digest."""
        for part in self.parts:
            part.update(digest)


def find_experts(root: Path) -> dict[str, Stored | Joined]:
    """Experts by name: each BigFile in `FeatureData/` or `*/FeatureData/` of the root.

    Folders of one name are one expert. The first by frame is called "frames".
    """
    found: dict[str, list[Stored]] = {}
    for folder in sorted({*root.glob("FeatureData"), *root.glob("*/FeatureData")}):
        for shape in sorted(folder.glob("*/shape.txt")):
            found.setdefault(shape.parent.name, []).append(open_features(shape.parent))
    experts: dict[str, Stored | Joined] = {}
    for name, parts in sorted(found.items()):
        by_frame = isinstance(parts[0], FrameVectors) and "frames" not in experts
        expert = parts[0] if len(parts) == 1 else Joined(parts, root)
        experts["frames" if by_frame else name] = expert
    return experts


def require(features: Mapping[str, Features], expert: str, splits: Mapping[str, SplitData]) -> None:
    """KBError if the expert is there and lacks a video of a split."""
    if expert not in features:
        return
    for name, split in splits.items():
        lacking = [video for video in split.videos if video not in features[expert]]
        if lacking:
            what = (
                f"{expert} features of {len(lacking):,} of {len(split.videos):,} {name} videos "
                f"are missing, {lacking[0]} first"
            )
            mend = "the ids of id.txt must be those of the annotations"
            raise KBError(what, mend=mend, code=Exit.UNREACHABLE)
