"""Frames of real video files, as models with a visual tower read them.

One frame a second is decoded, and `COUNT` of those are kept, the middle ones of as many equal
parts, as most papers of the list do (Luo et al. 2021, section 4.1; Lei et al. CVPR 2021, section
3.2). What was decoded stays in the cache, until the file changes.
"""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb.datasets import cache
from kb.datasets.corpus import Corpus
from kb.datasets.features.extraction import prepare
from kb.datasets.features.videos import find_videos, frames_of
from kb.records.errors import Exit, KBError

SIDE = 224  # pixels: the shorter side is resized to it, the middle of the longer one is cut out
RATE = 1.0  # frames a second
COUNT = 12  # of a video; a shorter one has all of its seconds
_IN_MEMORY = 96  # seconds of a long video that are held at least, evenly spread


class VideoPixels:
    """Reads the frames of a video: (frames, SIDE, SIDE, 3). Safe to use from several processes."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.files = files

    @cached_property
    def fingerprint(self) -> str:
        """Over name, size and time of every file, and how frames are taken; hex."""
        keys = "".join(_key(video, path) for video, path in sorted(self.files.items()))
        return sha256(keys.encode()).hexdigest()

    def __contains__(self, video: str) -> bool:
        """Whether there was a file of this video."""
        return video in self.files

    def __call__(self, video: str) -> NDArray[np.uint8]:
        """KBError for a file that is gone or damaged, and for a cache that cannot be written."""
        path = self.files[video]
        if not path.is_file():
            raise KBError("is gone", where=path, hint="put it back, or run the command again")
        stored = cache.home() / "frames" / f"{_key(video, path)}.npy"
        try:
            known: NDArray[np.uint8] = np.load(stored, allow_pickle=False)
        except (OSError, ValueError, EOFError):  # not there, or damaged: decoded again
            known = _decoded(path)
            _store(stored, known)
        return known


def with_videos(corpus: Corpus, root: Path | None) -> Corpus:
    """The corpus of a real dataset with the frames of the video files under its folder, if any."""
    if root is None or corpus.size is not None or corpus.pixels is not None:
        return corpus
    every = {video for split in corpus.splits.values() for video in split.videos}
    files = {video: path for video, path in find_videos(root).items() if video in every}
    return replace(corpus, pixels=VideoPixels(files)) if files else corpus


def _key(video: str, path: Path) -> str:
    """Of a file's name, size and time, and of how its frames are taken."""
    stat = path.stat()
    what = f"{video}|{path.absolute()}|{stat.st_size}|{stat.st_mtime_ns}|{SIDE}|{RATE}|{COUNT}"
    return sha256(what.encode(errors="surrogateescape")).hexdigest()[:32]


def _decoded(path: Path) -> NDArray[np.uint8]:
    """The spread frames of a file."""
    kept: list[NDArray[np.uint8]] = []
    every = 1  # seconds between frames that are held
    for second, frame in enumerate(frames_of(path, RATE)):
        if second % every == 0:
            kept.append(prepare(frame, SIDE, 1.0, mode="bicubic"))
        if len(kept) == 2 * _IN_MEMORY:
            kept, every = kept[::2], 2 * every
    if len(kept) > COUNT:
        middles = (np.arange(COUNT) + 0.5) * len(kept) / COUNT
        kept = [kept[place] for place in middles.astype(int)]
    return np.stack(kept)


def _store(path: Path, frames: NDArray[np.uint8]) -> None:
    """Written beside its place and renamed, so that a reader sees all or nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=f".{path.stem}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                np.save(file, frames)
            Path(part).replace(path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        hint = "set KB_CACHE to a folder with room"
        raise KBError(what, where=path.parent, hint=hint, code=Exit.UNREACHABLE) from error
