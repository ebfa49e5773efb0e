"""Features found under a dataset's folder, by expert."""

import mmap
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
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
AVERAGE = "mean_"  # beginning of a name: one vector per video, the mean of its frames
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".7z", ".rar")
_ASKED = 512  # videos whose ids are looked for in a file that is no table of features
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
class ExpertSet:
    """Experts by name, where each was found, and notes on what was passed over."""

    experts: dict[str, Expert]
    notes: list[str]
    own_names: dict[str, str] = field(default_factory=dict)  # expert -> name of its folder or file
    places: dict[str, list[str]] = field(default_factory=dict)  # expert -> folders or files
    by_video: frozenset[str] = frozenset()  # experts with one vector per video


@dataclass
class _Part:
    """Features of one name in one place."""

    name: str
    stored: Stored
    place: Path


def find_experts(root: Path, videos: Collection[str] = ()) -> ExpertSet:
    """The experts under a root, at most three folders below.

    Every BigFile in a `FeatureData/`; and, where a video of `videos` is in it, each BigFile, HDF5
    file, pickle, .pth, folder of arrays and `mult_h5` of a file per video. Parts of one name are
    one expert. `assign` says which one is called "frames".
    """
    search = _Search(root, dict.fromkeys(videos))
    parts_of: dict[str, list[_Part]] = {}
    for part in search.parts():
        parts_of.setdefault(part.name, []).append(part)
    experts: dict[str, Expert] = {
        name: parts[0].stored if len(parts) == 1 else Joined([p.stored for p in parts], root)
        for name, parts in sorted(parts_of.items())
    }
    by_frame = {name for name, parts in parts_of.items() if _by_frame(parts[0].stored)}
    places = {name: [_shown(p.place, root) for p in parts] for name, parts in parts_of.items()}
    return assign(
        ExpertSet(experts, search.notes, {}, places, frozenset(experts.keys() - by_frame))
    )


def assign(expert_set: ExpertSet, chosen: Mapping[str, str] | None = None) -> ExpertSet:
    """The experts under the names that models read.

    `chosen` names a folder or file for an expert: {"frames": "resnet"}. Otherwise "frames" is, of
    those that are none of ROLES, the first by frame in alphabetical order, else the first of one
    vector per video. `mean_x` beside x by frame is its average and no expert of its own.
    """
    own = {expert_set.own_names.get(name, name): name for name in expert_set.experts}
    by_video = {own_name for own_name, name in own.items() if name in expert_set.by_video}
    notes = list(expert_set.notes)
    named = {}
    for expert, folder in (chosen or {}).items():
        if folder not in own:
            known = ", ".join(sorted(own)) or "none"
            raise KBError(f"there are no features {folder!r}", hint=f"found: {known}")
        named[expert] = folder
    averages = {n for n in own if n in by_video and _average_of(n) in own.keys() - by_video}
    averages -= set(named.values())
    if averages and chosen is None:
        notes.append(f"{', '.join(sorted(averages))}: averages of features by frame, passed over")
    rest = sorted(own.keys() - averages - set(named.values()))
    if "frames" not in named:
        if "frames" in rest:
            named["frames"] = "frames"
        else:
            candidates = [n for n in rest if n not in ROLES]
            candidates.sort(key=lambda n: (n in by_video, not n.startswith(AVERAGE), n))
            if candidates:
                named["frames"] = candidates[0]
                notes.append(_why(candidates, by_video))
    named = {n: n for n in rest if n not in named.values()} | named
    return ExpertSet(
        {n: expert_set.experts[own[f]] for n, f in sorted(named.items())},
        notes,
        dict(sorted(named.items())),
        {n: expert_set.places.get(own[f], []) for n, f in named.items()},
        frozenset(n for n, f in named.items() if f in by_video),
    )


def _average_of(name: str) -> str | None:
    return name.removeprefix(AVERAGE) if name.startswith(AVERAGE) else None


def _why(candidates: list[str], by_video: Collection[str]) -> str:
    """Which features are called "frames", and which others there were to choose from."""
    first, *others = candidates
    why = f"features of frames are those of {first}"
    if first in by_video:
        why += ", one vector per video: models that average frames can read them"
    if not others:
        return why
    return f"{why}, the first by name; not {', '.join(others)} (--features frames={others[0]})"


def _shown(place: Path, root: Path) -> str:
    return str(place.relative_to(root)) if place.is_relative_to(root) else place.name


def _by_frame(part: Stored) -> bool:
    return part.by_frame if isinstance(part, Storage) else isinstance(part, FrameVectors)


class _Search:
    """Features under a root that are of known videos, and notes on what was passed over."""

    def __init__(self, root: Path, videos: Collection[str]) -> None:
        self.root, self.videos = root, videos
        self.notes: list[str] = []

    def parts(self) -> Iterator[_Part]:
        """Every part, those in `FeatureData/` first."""
        places = ("FeatureData", "*/FeatureData", "*/*/FeatureData")
        for folder in sorted(folder for place in places for folder in self.root.glob(place)):
            for shape in sorted(folder.glob("*/shape.txt")):
                yield _Part(shape.parent.name, open_features(shape.parent), shape.parent)
        if not self.videos:
            return
        for name, stored, place in self._walk():
            if any(video in stored for video in self.videos):
                yield _Part(name, stored, place)
            else:
                self._note(place, "has features of other videos only")
        for folder in hdf5.folders(self.root):
            for name, stored in hdf5.experts(folder, self.videos):
                yield _Part(name, stored, folder)

    def _note(self, place: Path, why: str) -> None:
        self.notes.append(f"{_shown(place, self.root)} {why}: passed over")

    def _walk(self) -> Iterator[tuple[str, Stored, Path]]:
        """(name, features, place) of each file or folder of arrays, and of each BigFile."""
        for place, below, files in os.walk(self.root, followlinks=True):  # CE's folders are links
            folder = Path(place)
            below[:] = sorted(name for name in below if not name.startswith(_PASSED_OVER))
            if len(folder.relative_to(self.root).parts) >= _DEPTH:
                below.clear()
            if _is_bigfile(folder, files) and folder.parent.name != "FeatureData":
                yield folder.name, open_features(folder), folder
            if any(map(is_array, files)) and not any(name.endswith("_names.npy") for name in files):
                yield from self._arrays(folder)
            for name in sorted(files):
                path = folder / name
                if name.endswith(ARCHIVES) and not name.startswith("."):
                    self._note(path, "is not unpacked")
                elif path.is_file() and not name.startswith("."):
                    for expert, storage in self._of_file(path):
                        yield expert, storage, path

    def _arrays(self, folder: Path) -> Iterator[tuple[str, Stored, Path]]:
        storage, strays = from_folder(folder, self.videos)
        if strays:
            others = f" and {len(strays) - 1:,} more arrays" if len(strays) > 1 else ""
            self._note(folder, f"has {strays[0]}{others} of no video of the dataset")
        if storage.videos:
            yield folder.name, storage, folder

    def _of_file(self, path: Path) -> Iterator[tuple[str, Storage]]:
        if path.suffix in {".h5", ".hdf5"}:
            storages, keys = from_hdf5(path, self.videos)
            if not storages:
                self._note(path, f"has the keys {keys}, none of which is a video")
            yield from _named(path, storages.items())
        is_table = path.suffix in {".pkl", ".pickle", ".pth", ".pt"} and path.name not in _CAPTIONS
        if not is_table or path.name.startswith(_WEIGHTS):
            return
        try:
            tables = read_tables(path)
        except KBError as error:
            if not isinstance(error, NoFeaturesError) and names_any(path, self.videos):
                raise
            self._note(path, error.what)
            return
        for expert, table in tables.items():
            own = {video: stored for video, stored in table.items() if video in self.videos}
            if any(own.values()):
                yield from _named(path, [(expert, from_table(path, own))])


def _is_bigfile(folder: Path, files: list[str]) -> bool:
    return set(FILES) <= set(files) and all((folder / name).is_file() for name in FILES)


def _named(path: Path, storages: Iterable[tuple[str, Storage]]) -> Iterator[tuple[str, Storage]]:
    """Name of an expert: from inside the file, or from its name (`features.audio.pkl`: audio)."""
    for expert, storage in storages:
        yield expert or path.stem.removeprefix("features."), storage


def names_any(path: Path, videos: Iterable[str]) -> bool:
    """Whether a file's bytes hold the id of one of the first videos."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return any(data.find(video.encode()) >= 0 for video in islice(videos, _ASKED))


def require(
    features: Features,
    splits: Mapping[str, SplitData],
    *,
    every: bool,
) -> None:
    """KBError if features have no video of any split; with `every`, none of one of the splits."""
    lacking = {
        name: split
        for name, split in splits.items()
        if split.videos and not any(video in features for video in split.videos)
    }
    if lacking and (every or len(lacking) == sum(bool(s.videos) for s in splits.values())):
        name, split = next(iter(lacking.items()))
        count = len(split.videos)
        what = (
            f"frames features of {count:,} of {count:,} {name} videos are missing,"
            f" {split.videos[0]} first"
        )
        hint = "the names of the features must be the ids of the annotations"
        raise KBError(what, hint=hint, code=Exit.UNREACHABLE)
