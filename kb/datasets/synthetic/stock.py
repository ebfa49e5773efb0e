"""Features written video by video, with a journal: an interrupted run resumes from it."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.features.bigfile import Writer
from kb.records.errors import Exit, KBError

JOURNAL = ".journal"  # whose features are whole: a line a video, after a line of the world's key
FEATURES = "FeatureData"
EVERY = 64  # videos between two entries: what a run that is killed has to repeat
_MARGIN = 1.1  # of the bytes that are foreseen: annotations come on top

Floats = NDArray[np.float32]
Shapes = dict[str, list[int]]  # expert -> (steps, dim) of a video's features


class Stock(AbstractContextManager["Stock"]):
    """`FeatureData/<folder>` of each expert under `root`, for `videos` in their order.

    Opened on what an earlier run left there, it keeps the features of the first `done` videos, and
    removes all else; of another world, it removes all. KBError where the disk cannot hold the rest.
    """

    def __init__(
        self, root: Path, folders: Mapping[str, str], key: str, videos: Sequence[str]
    ) -> None:
        self.root, self.videos = root, videos
        completed = _completed(root, folders, key, videos)
        _clear(root, keep=bool(completed))
        self.done = len(completed)
        self._writers = {
            name: _writer(root / FEATURES / folder, name, completed)
            for name, folder in folders.items()
        }
        _begin(root / JOURNAL, "".join(_line(entry) for entry in [key, *completed]))
        self._journal = (root / JOURNAL).open("a", encoding="utf-8")
        self._noted, self._waiting = self.done, list[Any]()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Update the journal, however the run ended; close the BigFiles if all videos are done."""
        self._note()
        self._journal.close()
        whole = self.done == len(self.videos)
        for writer in self._writers.values():
            writer.close(by_frame=True) if whole else writer.leave()

    def add(self, features: Mapping[str, Floats]) -> None:
        """The next video's features; experts that it lacks are left out."""
        video = self.videos[self.done]
        for name, vectors in features.items():
            self._writers[name].add([f"{video}_{t}" for t in range(len(vectors))], vectors)
        shapes = {name: list(vectors.shape) for name, vectors in features.items()}
        self._waiting.append([video, shapes])
        self.done += 1
        if self.done - self._noted >= EVERY:
            self._note()
            self._foresee()

    def _note(self) -> None:
        """Flush the features, then the journal."""
        for writer in self._writers.values():
            writer.sync()
        self._journal.write("".join(_line(entry) for entry in self._waiting))
        self._journal.flush()
        os.fsync(self._journal.fileno())
        self._noted = self.done
        self._waiting.clear()

    def _foresee(self) -> None:
        there = sum(4 * len(w.names) * w.dim for w in self._writers.values())
        more = int(_MARGIN * there / self.done * (len(self.videos) - self.done))
        free = shutil.disk_usage(self.root).free
        if more > free:
            what = f"needs about {more >> 20:,} MiB more for its features, {free >> 20:,} are free"
            hint = "set KB_CACHE or --out to a disk with room"
            raise KBError(what, where=self.root, hint=hint, code=Exit.UNREACHABLE)


def standing(root: Path) -> int:
    """Number of videos with features from an interrupted run under a folder."""
    try:
        return max(0, (root / JOURNAL).read_bytes().count(b"\n") - 1)
    except OSError:
        return 0


def finish(root: Path) -> None:
    """Remove the journal: the dataset is complete."""
    (root / JOURNAL).unlink(missing_ok=True)


def _line(entry: Any) -> str:
    return json.dumps(entry, separators=(",", ":")) + "\n"


def _begin(journal: Path, text: str) -> None:
    """Replace the journal atomically."""
    fresh = journal.with_name(f"{journal.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(journal)


def _completed(
    root: Path, folders: Mapping[str, str], key: str, videos: Sequence[str]
) -> list[tuple[str, Shapes]]:
    """Journal entries of these videos whose bytes exist, in order."""
    try:
        lines = (root / JOURNAL).read_text(encoding="utf-8").splitlines(keepends=True)
        entries = [json.loads(line) for line in lines if line.endswith("\n")]
        completed = [(str(video), _shapes(shapes)) for video, shapes in entries[1:]]
    except (OSError, ValueError, TypeError, AttributeError):
        return []
    same = [video for video, _ in completed] == list(videos[: len(completed)])
    if not same or entries[:1] != [key]:
        return []
    for name, folder in folders.items():
        path = root / FEATURES / folder / "feature.bin"
        size = path.stat().st_size if path.is_file() else -1
        if size < sum(4 * np.prod(shapes[name]) for _, shapes in completed if name in shapes):
            return []
    return completed


def _shapes(entry: Any) -> Shapes:
    """The shapes of an entry; ValueError or TypeError for a damaged one."""
    return {str(name): [int(steps), int(dim)] for name, (steps, dim) in entry.items()}


def _clear(root: Path, *, keep: bool) -> None:
    """Remove leftovers of an earlier run, except features to keep."""
    for path in root.iterdir():
        if path.is_dir() and not (keep and path.name == FEATURES):
            shutil.rmtree(path)
        elif path.is_file() and not (keep and path.name == JOURNAL):
            path.unlink()


def _writer(folder: Path, name: str, completed: Sequence[tuple[str, Shapes]]) -> Writer:
    """A BigFile writer that continues after the completed features."""
    own = [(video, shapes[name]) for video, shapes in completed if name in shapes]
    names = [f"{video}_{t}" for video, (steps, _) in own for t in range(steps)]
    return Writer(folder, names, own[0][1][1] if own else 0)
