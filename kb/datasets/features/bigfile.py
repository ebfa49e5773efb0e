"""BigFile: the feature folders of the RUC and Zhejiang code bases, read through a memory map."""

import ast
import json
import os
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Table
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.features.arrays import Mapping
from kb.datasets.readers.textfiles import Digest
from kb.records.errors import KBError

FILES = ("shape.txt", "id.txt", "feature.bin")
_BLOCK = 1 << 16  # numbers
_BLOCKS = 512  # at most: 128 MiB of vectors are digested whole


class BigFile:
    """A folder of N named vectors: `shape.txt` (N D), `id.txt`, `feature.bin` (float32, row-major).

    The last row wins where an id is repeated. Raises KBError where the three files disagree.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count, self.dim = _shape(folder)
        self.names = _names(folder / "id.txt")
        if len(self.names) != self.count:
            raise KBError(
                f"names {len(self.names)} vectors, shape.txt says {self.count}",
                where=folder / "id.txt",
                hint="fetch or write the folder again",
            )
        self._mapping, self.vectors = _vectors(folder / "feature.bin", self.count, self.dim)
        self.row = {name: i for i, name in enumerate(self.names)}

    def __contains__(self, name: str) -> bool:
        return name in self.row

    def read(self, name: str) -> NDArray[np.float32]:
        """(dim,) vector of one id; KeyError if there is none."""
        return self.take(self.row[name])

    def take(self, rows: Any) -> NDArray[np.float32]:
        """Vectors of a row, of a slice of them, or of a list: views of the file where they can be."""
        vectors: NDArray[np.float32] = self.vectors[rows]
        if self._mapping:
            self._mapping.seen(vectors.nbytes)
        return vectors

    def read_many(self, names: Iterable[str]) -> tuple[list[str], NDArray[np.float32]]:
        """Known ids and their (ids, dim) vectors, each once, in the order of storage."""
        rows = sorted({self.row[name] for name in names if name in self.row})
        return [self.names[i] for i in rows], self.take(rows)

    def update(self, digest: Digest) -> None:
        """Take ids, shape and vectors into a digest; of a large file, blocks spread over it."""
        for name in FILES[:2]:
            digest.update((self.folder / name).read_bytes())
        numbers = self.count * self.dim
        step = max(1, -(-numbers // _BLOCK // _BLOCKS)) * _BLOCK
        with (self.folder / FILES[2]).open("rb") as file:  # not mapped: pages beside would be too
            for start in range(0, numbers, step):
                file.seek(4 * start)
                digest.update(file.read(4 * _BLOCK))


class VideoVectors:
    """Features of one vector per video: (1, dim) each."""

    def __init__(self, store: BigFile) -> None:
        self.store, self.dim = store, store.dim

    def __contains__(self, video: str) -> bool:
        return video in self.store

    def update(self, digest: Digest) -> None:
        """Take what was read into a digest."""
        self.store.update(digest)

    def read(self, video: str) -> NDArray[np.float32]:
        """(1, dim) features of one video."""
        return _finite(self.store.read(video)[None], video, self.store)


class FrameVectors:
    """Features of one vector per frame, `video_number` each, in the order of the numbers."""

    def __init__(self, store: BigFile, frames: Table[str, Sequence[str]]) -> None:
        self.store, self.dim = store, store.dim
        self._rows = {video: _rows(store, video, names) for video, names in frames.items()}

    def __contains__(self, video: str) -> bool:
        return video in self._rows

    def update(self, digest: Digest) -> None:
        """Take what was read into a digest."""
        self.store.update(digest)

    def read(self, video: str) -> NDArray[np.float32]:
        """(steps, dim) features of one video."""
        return _finite(self.store.take(self._rows[video]), video, self.store)


def _finite(vectors: NDArray[np.float32], video: str, store: BigFile) -> NDArray[np.float32]:
    if not np.isfinite(vectors).all():
        what = f"the features of {video} hold NaN or infinity"
        raise KBError(what, where=store.folder / "feature.bin", hint="extract them again")
    return vectors


def open_features(folder: Path) -> VideoVectors | FrameVectors:
    """The features of a folder: by frame if it has `video2frames.txt`, else by video."""
    store, companion = BigFile(folder), folder / "video2frames.txt"
    return (
        FrameVectors(store, read_frames(companion)) if companion.is_file() else VideoVectors(store)
    )


def frames_by_video(names: Iterable[str]) -> dict[str, list[str]]:
    """Frame ids by video: split at the last underscore, sorted by the number after it."""
    numbered: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        video, _, number = name.rpartition("_")
        numbered.setdefault(video, []).append((int(number), name))
    return {video: [name for _, name in sorted(frames)] for video, frames in numbered.items()}


def read_frames(path: Path) -> dict[str, list[str]]:
    """`video2frames.txt`: one Python dictionary, read as a literal and never evaluated."""
    try:
        frames = _literal(path.read_text(encoding="latin-1"))
    except (ValueError, SyntaxError, MemoryError, RecursionError, OSError) as error:
        raise KBError("is not a dictionary of frame ids", where=path, hint=_AGAIN) from error
    if not isinstance(frames, dict) or not all(isinstance(v, list) for v in frames.values()):
        raise KBError("is not a dictionary of lists of frame ids", where=path, hint=_AGAIN)
    return frames


_AGAIN = "fetch or write the folder again"


def _literal(text: str) -> Any:
    """A Python literal; where its quotes can be turned into JSON's, ten times as fast."""
    if '"' not in text and "\\" not in text:
        try:
            return json.loads(text.replace("'", '"'))
        except ValueError:
            pass
    return ast.literal_eval(text)


def _shape(folder: Path) -> tuple[int, int]:
    path = folder / "shape.txt"
    for name in FILES:
        if not (folder / name).is_file():
            raise KBError(f"has no {name}", where=folder, hint=f"a BigFile is {', '.join(FILES)}")
    first = path.read_text(encoding="latin-1").partition("\n")[0].split()
    if len(first) != 2 or not all(word.isdecimal() and len(word) < 16 for word in first):  # noqa: PLR2004  (N and D)
        raise KBError("is not two counts, vectors and dimension", where=path, hint=_AGAIN)
    return int(first[0]), int(first[1])


def _names(path: Path) -> list[str]:
    """Ids split on ASCII white space; Latin-1 never fails and keeps positions aligned."""
    return [word.decode("latin-1") for word in path.read_bytes().split()]


def _vectors(path: Path, count: int, dim: int) -> tuple[Mapping | None, NDArray[np.float32]]:
    size, wanted = path.stat().st_size, 4 * count * dim
    if size != wanted:
        raise KBError(
            f"holds {size:,} bytes, {count} vectors of {dim} take {wanted:,}",
            where=path,
            hint=_AGAIN,
        )
    if wanted == 0:
        return None, np.zeros((count, dim), np.float32)
    mapping = Mapping.of(path)
    return mapping, np.frombuffer(mapping.data, "<f4").reshape(count, dim)


def _rows(store: BigFile, video: str, names: Sequence[str]) -> Any:
    """Rows of a video's frames: a slice if they are contiguous, else a list."""
    try:
        rows = [store.row[name] for name in names]
    except (KeyError, TypeError) as error:
        what = f"frame {error} of {video} is not in id.txt"
        raise KBError(what, where=store.folder / "video2frames.txt", hint=_AGAIN) from error
    if rows == list(range(rows[0], rows[0] + len(rows))) if rows else False:
        return slice(rows[0], rows[0] + len(rows))
    return rows


class Writer:
    """Writes a BigFile: vectors as they come, the names and counts when closed.

    Given the names and the dimension of vectors that lie there already, it goes on after them.
    """

    def __init__(self, folder: Path, names: Sequence[str] = (), dim: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.names, self.dim = folder, list(names), dim
        self._vectors = (folder / "feature.bin").open("r+b" if names else "wb")
        self._vectors.truncate(4 * len(names) * dim)
        self._vectors.seek(0, os.SEEK_END)

    def add(self, names: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Append (n, dim) vectors under their n names."""
        self.dim = vectors.shape[1]
        self.names.extend(names)
        self._vectors.write(np.ascontiguousarray(vectors, dtype="<f4").tobytes())

    def sync(self) -> None:
        """Have the vectors so far outlast this process and the machine's next start."""
        self._vectors.flush()
        os.fsync(self._vectors.fileno())

    def leave(self) -> None:
        """Stop without names and counts: a later writer goes on."""
        self.sync()
        self._vectors.close()

    def close(self, *, by_frame: bool) -> None:
        """Write `id.txt` and `shape.txt`, and `video2frames.txt` for features by frame."""
        self.leave()
        (self.folder / "id.txt").write_text(" ".join(self.names), encoding="latin-1")
        (self.folder / "shape.txt").write_text(f"{len(self.names)} {self.dim}", encoding="ascii")
        if by_frame:
            frames = repr(frames_by_video(self.names))
            (self.folder / "video2frames.txt").write_text(frames, encoding="latin-1")
