"""Features found under a dataset's folder, by expert."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kb.datasets.corpus import Features, SplitData
from kb.datasets.features import hdf5
from kb.datasets.features.bigfile import FILES, FrameVectors, VideoVectors, open_features
from kb.datasets.features.hdf5 import from_hdf5
from kb.datasets.features.storages import Storage, from_folder, from_table, is_array
from kb.datasets.features.tensorfiles import NoFeaturesError, read_tables
from kb.datasets.readers.textfiles import Digest
from kb.records.errors import Exit, KBError

Stored = FrameVectors | VideoVectors | Storage
ROLES = {"motion", "audio", "regions", "speech", "ocr"}  # folders called after what they hold
_PASSED_OVER = (".", "__MACOSX", hdf5.NAME)  # beginnings of folders
_DEPTH = 3  # folders below the root in which files of features are looked for
_CAPTIONS = {"raw-captions.pkl", "caption.pickle", "jsfusion_val_caption_idx.pkl"}  # pickles too
_WEIGHTS = ("model", "checkpoint")  # beginnings of files that are no features


class Expert(Features, Protocol):
    """Features that can be fingerprinted."""

    def update(self, digest: Digest, /) -> None:
        """Take what was read into a digest."""
        ...


class Joined:
    """One expert with videos in several folders, usually one folder per split."""

    def __init__(self, parts: Sequence[Stored], where: Path) -> None:
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


@dataclass(frozen=True)
class Found:
    """Experts by name, and notes on skipped files."""

    experts: dict[str, Expert]
    notes: list[str]


def find_experts(root: Path, videos: Collection[str] = ()) -> Found:
    """The experts under a root, at most three folders below.

    Every BigFile in a `FeatureData/`; and, where a video of `videos` is in it, each BigFile, HDF5
    file, pickle, .pth, folder of arrays and `mult_h5` of a file a video. Parts of one name are one
    expert. The first by frame that is none of ROLES is called "frames".
    """
    parts_of: dict[str, list[Stored]] = {}
    notes: list[str] = []
    places = ("FeatureData", "*/FeatureData", "*/*/FeatureData")
    for folder in sorted(folder for place in places for folder in root.glob(place)):
        for shape in sorted(folder.glob("*/shape.txt")):
            parts_of.setdefault(shape.parent.name, []).append(open_features(shape.parent))
    for name, storage in _storages(root, notes) if videos else ():
        if any(video in storage for video in videos):
            parts_of.setdefault(name, []).append(storage)
    for folder in hdf5.folders(root) if videos else ():
        for name, storage in hdf5.experts(folder, videos):
            parts_of.setdefault(name, []).append(storage)
    experts: dict[str, Expert] = {}
    for name, parts in sorted(parts_of.items()):
        by_frame = _by_frame(parts[0]) and not {"frames", name} & {*experts, *ROLES}
        expert = parts[0] if len(parts) == 1 else Joined(parts, root)
        experts["frames" if by_frame else name] = expert
        if by_frame and name != "frames":
            notes.append(f"features of frames are those of {name}")
    return Found(experts, notes)


def _by_frame(part: Stored) -> bool:
    return part.by_frame if isinstance(part, Storage) else isinstance(part, FrameVectors)


def _storages(root: Path, notes: list[str]) -> Iterator[tuple[str, Stored]]:
    """(name, features) of each file or folder of arrays, and of each BigFile."""
    for place, below, files in os.walk(root, followlinks=True):  # CE's folders are links
        folder = Path(place)
        below[:] = sorted(name for name in below if not name.startswith(_PASSED_OVER))
        if len(folder.relative_to(root).parts) >= _DEPTH:
            below.clear()
        if _is_bigfile(folder, files) and folder.parent.name != "FeatureData":
            yield folder.name, open_features(folder)
        if any(map(is_array, files)) and not any(name.endswith("_names.npy") for name in files):
            yield folder.name, from_folder(folder)
        for name in sorted(files):
            if (folder / name).is_file() and not name.startswith("."):
                yield from _of_file(folder / name, notes)


def _is_bigfile(folder: Path, files: list[str]) -> bool:
    return set(FILES) <= set(files) and all((folder / name).is_file() for name in FILES)


def _of_file(path: Path, notes: list[str]) -> Iterator[tuple[str, Stored]]:
    if path.suffix in {".h5", ".hdf5"}:
        yield from _named(path, from_hdf5(path).items())
    is_table = path.suffix in {".pkl", ".pickle", ".pth", ".pt"} and path.name not in _CAPTIONS
    if is_table and not path.name.startswith(_WEIGHTS):
        try:
            tables = read_tables(path).items()
        except NoFeaturesError as error:
            notes.append(f"{path.name} {error.what}: passed over")
            return
        yield from _named(path, ((expert, from_table(path, t)) for expert, t in tables))


def _named(path: Path, storages: Iterable[tuple[str, Storage]]) -> Iterator[tuple[str, Stored]]:
    """Name of an expert: from inside the file, or from its name (`features.audio.pkl`: audio)."""
    for expert, storage in storages:
        yield expert or path.stem.removeprefix("features."), storage


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
            hint = "the ids of id.txt must be those of the annotations"
            raise KBError(what, hint=hint, code=Exit.UNREACHABLE)
