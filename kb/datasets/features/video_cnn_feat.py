"""Features as the toolkit video-cnn-feat makes them: `kb features --like video-cnn-feat`.

xuchaoxi/video-cnn-feat at 4e657d4, which made the frame features of W2VV++, Dual Encoding and SEA:
two frames a second by their numbers, ten crops, pooling over frames, concatenation. Differences:
frames do not pass through JPEG files, and the network is one of ours, read with the normalisation
that it was trained with (the toolkit's own networks, in MXNet, read grey levels from 0 to 255).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.features import bigfile, extraction, videos
from kb.datasets.features.backbones import Backbone
from kb.records.errors import KBError

NAME = "video-cnn-feat"
POOLINGS = ("mean", "max", "gauss")
RESIZED, CROP = 256, 224  # the toolkit's sides; those of another network keep this proportion
OVERSAMPLED = ",os"  # end of the name of features of ten crops
Frames = NDArray[np.uint8]
Vectors = NDArray[np.float32]


def kept(number: int, rate: int) -> bool:
    """Whether the frame of this number is taken: about two of each second."""
    return number % rate in (0, rate // 2)


def frames_of(path: Path) -> Iterator[tuple[int, Frames]]:
    """Number and (height, width, 3) RGB of the frames that are taken, as the file stores them.

    Raises KBError where the file cannot be decoded, or has less than one frame a second.
    """
    rate: int | None = None
    for number, (frame, exact) in enumerate(videos.stored_frames(path)):
        rate = rate or _whole(exact, path)
        if kept(number, rate):
            yield number, frame


def _whole(rate: Fraction, path: Path) -> int:
    """The whole part of a frame rate."""
    if rate < 1:
        what = f"has {float(rate):.2g} frames a second, {NAME} needs one at least"
        raise KBError(what, where=path, hint="leave out --like and give --fps")
    return int(rate)


def resized(frame: Frames, side: int) -> Frames:
    """(side, side, 3): bilinear, whatever the shape was; grey levels are rounded."""
    if frame.shape[:2] == (side, side):
        return frame
    import torch  # noqa: PLC0415  (slow to load)

    pixels = torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1)[None].float()
    scaled = torch.nn.functional.interpolate(
        pixels, (side, side), mode="bilinear", align_corners=False
    )
    image: Frames = scaled[0].round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    return image


def crops(frames: NDArray[Any], side: int, *, oversample: bool = True) -> NDArray[Any]:
    """(n, crops, side, side, 3) of frames (n, height, width, 3).

    Centre, top left, bottom left, top right, bottom right, then the same of the mirrored frame; or
    the centre alone.
    """
    down, across = (size - side for size in frames.shape[1:3])
    if min(down, across) < 0:
        raise ValueError(f"frames of {frames.shape[1:3]} have no crop of {side}")
    corners = [(down // 2, across // 2), (0, 0), (down, 0), (0, across), (down, across)]
    views = [frames, frames[:, :, ::-1]] if oversample else [frames]
    chosen = corners if oversample else corners[:1]
    cut = [view[:, y : y + side, x : x + side] for view in views for y, x in chosen]
    return np.stack(cut, axis=1)


def averaged(vectors: NDArray[Any], count: int) -> Vectors:
    """(n, dim) means of n x count vectors: over the crops of each frame."""
    means: Vectors = vectors.reshape(-1, count, vectors.shape[1]).mean(1, dtype=np.float32)
    return means


def rounded(vectors: NDArray[Any]) -> Vectors:
    """Numbers of six significant digits, as text files between the toolkit's steps keep them."""
    return np.char.mod("%g", vectors.astype(np.float64)).astype(np.float32)


def pooled(vectors: Vectors, pooling: str) -> Vectors:
    """(dim,) of the (frames, dim) of one video in the order of time; computed in float64.

    gauss: weights exp(-|x - n // 2| / 4), which sum to 1. Raises KBError for another name.
    """
    exact = vectors.astype(np.float64)
    if pooling == "mean":
        return np.asarray(exact.mean(0), np.float32)
    if pooling == "max":
        return np.asarray(exact.max(0), np.float32)
    if pooling != "gauss":
        hint = f"choose {', '.join(POOLINGS)}"
        raise KBError(f"no pooling is called {pooling!r}", hint=hint)
    weights = np.exp(-0.25 * np.abs(np.arange(len(exact)) - len(exact) // 2))
    return np.asarray(weights @ exact / weights.sum(), np.float32)


def by_video(ids: Sequence[str], vectors: Vectors) -> dict[str, Vectors]:
    """Vectors of each video's frames in the order of time, from rows in any order."""
    row = {name: place for place, name in enumerate(ids)}
    frames = bigfile.frames_by_video(ids)
    return {video: vectors[[row[name] for name in names]] for video, names in frames.items()}


def concatenated(features: Sequence[Mapping[str, Vectors]]) -> dict[str, Vectors]:
    """Vectors of several features side by side, in the order of the first one's ids.

    Raises KBError where they are not of the same ids.
    """
    first, *rest = features
    for number, other in enumerate(rest, start=2):
        if lacking := first.keys() ^ other.keys():
            what = f"features 1 and {number} are not of the same ids: {min(lacking)} is in one only"
            raise KBError(what, hint="extract both from the same videos")
    return {name: np.concatenate([one[name] for one in features]) for name in first}


@dataclass(frozen=True)
class Cropping:
    """A network on ten crops, or the centre, of resized frames: a Backbone of larger frames."""

    network: Backbone
    oversample: bool = True

    @property
    def name(self) -> str:
        """The network's, and `,os` for ten crops."""
        return self.network.name + OVERSAMPLED * self.oversample

    @property
    def side(self) -> int:
        """Of the frames, before the crop."""
        return self.network.side * RESIZED // CROP

    @property
    def crop(self) -> float:
        """Nothing is left to cut off."""
        return 1.0

    def __call__(self, frames: Frames) -> Vectors:
        """(n, side, side, 3) RGB -> (n, dim), rounded as the toolkit's."""
        cut = crops(frames, self.network.side, oversample=self.oversample)
        flat = cut.reshape(-1, *cut.shape[2:])
        return rounded(averaged(self.network(flat), cut.shape[1]))


def write_pooled(frames: Path, out: Path, pooling: str) -> Path:
    """A BigFile of one vector per video, from one of frames; the folder `<pooling>_<feature>`."""
    store = bigfile.BigFile(frames)
    folder = out / f"{pooling}_{frames.name}"
    names = bigfile.read_frames(frames / "video2frames.txt")
    rows = [
        pooled(np.stack([store.read(one) for one in steps]), pooling) for steps in names.values()
    ]
    _write(folder, list(names), rows)
    return folder


def write_concatenated(folders: Sequence[Path], out: Path) -> Path:
    """A BigFile of several BigFiles of the same ids; the folder of their names joined by `+`."""
    features = []
    for folder in folders:
        store = bigfile.BigFile(folder)
        features.append({name: store.read(name) for name in store.names})
    joined = concatenated(features)
    folder = out / "+".join(one.name for one in folders)
    _write(folder, list(joined), list(joined.values()))
    return folder


def _write(folder: Path, names: list[str], rows: list[Vectors]) -> None:
    writer = bigfile.Writer(folder)
    writer.add(names, np.stack(rows))
    writer.close(by_frame=False)


@dataclass(frozen=True)
class Options:
    """What may be chosen of the toolkit's steps."""

    poolings: tuple[str, ...] = ("mean",)
    oversample: bool = True
    batch: int = 64  # frames; ten times as many crops


@dataclass
class Made:
    """What was made: a report per network, and the folders of one vector per video."""

    reports: list[extraction.Report] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)


def make(
    paths: dict[str, Path],
    networks: Sequence[Backbone],
    out: Path,
    options: Options,
    *,
    progress: extraction.Progress = lambda *_: None,
) -> Made:
    """Features of videos by each network in a folder of `out`, pooled, and joined where several.

    Raises KBError for a pooling that is not known, before anything is decoded.
    """
    for pooling in options.poolings:
        pooled(np.zeros((1, 1), np.float32), pooling)
    made, folders = Made(), []
    for network in networks:
        cropping = Cropping(network, options.oversample)
        rule = extraction.FrameRule({"like": NAME}, frames_of, partial(resized, side=cropping.side))
        folder = out / cropping.name
        made.reports.append(
            extraction.extract(
                paths, cropping, folder, rule=rule, batch=options.batch, progress=progress
            )
        )
        folders.append(folder)
    if not made.reports[0].dim:
        return made
    for pooling in options.poolings:
        parts = [write_pooled(folder, out, pooling) for folder in folders]
        made.folders += parts
        if len(parts) > 1:
            made.folders.append(write_concatenated(parts, out))
    return made
