"""Features in the field's file formats, each video read lazily.

A folder of `<video>.npy` or `<video>.npz`; pickles and .pth of arrays
(`kb.datasets.features.tensorfiles`); HDF5 (`kb.datasets.features.hdf5`). What a file announces is
held against its bytes before it is read: no array over a gibibyte, no bomb, no object, no NaN.
"""

import mmap
import os
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Sequence
from math import prod
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from kb.datasets.features.arrays import NUMBERS, Mapping, Stored
from kb.datasets.features.tensorfiles import Table
from kb.datasets.features.videos import EXTENSIONS
from kb.datasets.readers.textfiles import Digest
from kb.records.errors import KBError

MOST = 1 << 30  # bytes of one video's features
_RATIO, _ALWAYS = 200, 16 << 20  # bytes unpacked for one packed, and what any file may unpack to
_BLOCK, _BLOCKS = 1 << 16, 512  # of a file that goes into a digest
_OF_MANY = 2  # blocks of each file where there are more files than _BLOCKS
_ASKED = 64  # videos that are asked for the form of all
_KEYS = ("frame_scores", "features", "feature", "feat", "arr_0", "x")  # of arrays in an npz
_AGAIN = "extract or fetch them again"
_BROKEN = (  # what numpy and zipfile raise for bytes that are no array
    ValueError, OSError, EOFError, KeyError, IndexError, SyntaxError, TypeError, MemoryError,
    RecursionError, NotImplementedError, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
_READ = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_Order = Literal["C", "F"]


class Storage:
    """Features of many videos, one lookup a video."""

    def __init__(
        self,
        where: Path,
        videos: Iterable[str],
        find: Callable[[str], Any],
        files: Sequence[Path] | None = None,
    ) -> None:
        self.where, self._find, self._files = where, find, files
        self.videos = dict.fromkeys(videos)
        first = next(iter(self.videos), None)
        self.dim = 0 if first is None else _steps(find(first), first, where).shape[1]

    @property
    def by_frame(self) -> bool:
        """Whether a video has several vectors: one of the first 64, as some are of one frame."""
        sample = list(self.videos)[:_ASKED]
        return any(len(_steps(self._find(video), video, self.where)) > 1 for video in sample)

    def __contains__(self, video: str) -> bool:
        return video in self.videos

    def read(self, video: str) -> NDArray[np.float32]:
        """(steps, dim) features of one video; KeyError if there are none."""
        if video not in self.videos:
            raise KeyError(video)
        array = _steps(self._find(video), video, self.where)
        if array.shape[1] != self.dim:
            what = f"{video} has {array.shape[1]} dimensions, others have {self.dim}"
            raise KBError(what, where=self.where, hint=_AGAIN)
        if not len(array):
            raise KBError(f"{video} has no frame", where=self.where, hint=_AGAIN)
        with np.errstate(over="ignore"):  # what is too large for float32 is refused below
            numbers = np.asarray(array, np.float32)
        if not np.isfinite(numbers).all():
            what = f"the features of {video} hold NaN or infinity"
            raise KBError(what, where=self.where, hint=_AGAIN)
        return numbers

    def update(self, digest: Digest) -> None:
        """Take the videos' ids and every file into a digest; of large files, blocks spread."""
        digest.update("\0".join(self.videos).encode())
        files = self._files
        if files is None:
            files = [self.where] if self.where.is_file() else sorted(self.where.iterdir())
        blocks = _BLOCKS if len(files) <= _BLOCKS else _OF_MANY
        for path in files:
            if path.is_file():
                _digest_file(path, digest, blocks)


def _digest_file(path: Path, digest: Digest, blocks: int) -> None:
    size = path.stat().st_size
    digest.update(f"{path.name} {size}".encode())
    step = max(1, -(-size // _BLOCK // blocks)) * _BLOCK
    with path.open("rb") as file:
        for start in range(0, size, step):
            file.seek(start)
            digest.update(file.read(_BLOCK))


def inflates(unpacked: int, packed: int) -> bool:
    """Whether the decompressed size is implausible for the compressed one."""
    return unpacked > max(_ALWAYS, _RATIO * packed)


def _steps(array: Any, video: str, where: Path) -> NDArray[Any]:
    """(steps, dim): a vector is one step; axes of length one around the two are dropped."""
    shape = array.shape
    if len(shape) == 1:
        return np.asarray(array)[None]
    while len(shape) > 2 and shape[0] == 1:  # noqa: PLR2004  (I3D's (1, T, D))
        array, shape = array[0], shape[1:]
    while len(shape) > 2 and shape[-1] == 1:  # noqa: PLR2004  (pooled (T, D, 1, 1))
        array, shape = array[..., 0], shape[:-1]
    if len(shape) != 2:  # noqa: PLR2004
        raise KBError(f"features of {video} are of shape {shape}", where=where, hint=_AGAIN)
    return np.asarray(array)


def from_table(path: Path, table: Table) -> Storage:
    """Features of one expert in a pickle or a .pth; arrays of NaN alone mark what is missing."""
    arrays = {video: stored for video, stored in table.items() if stored and _has_seen(stored)}
    data = next((stored.data for stored in arrays.values()), None)
    mapping = Mapping(data) if isinstance(data, mmap.mmap) else None

    def find(video: str) -> NDArray[Any]:
        array = arrays[video].read()
        if mapping:
            mapping.seen(array.nbytes)
        return array

    return Storage(path, arrays, find)


def _has_seen(stored: Stored) -> bool:
    """Whether the expert saw something in the video: CE and MMT write NaN where it did not."""
    if 0 in stored.shape:
        return False
    array = stored.read()
    return not (np.isnan(array.flat[0]) and np.isnan(array).all())


def from_folder(folder: Path, videos: Collection[str] | None = None) -> tuple[Storage, list[str]]:
    """A folder of `<video>.npy` or `<video>.npz`, `<video>.mp4.npy` too; and arrays of no video.

    Without `videos` every array is of one.
    """
    with os.scandir(folder) as entries:
        names = sorted(e.name for e in entries if is_array(e.name) and e.is_file())
    files, strays = {}, []
    for name in names:
        video = next((v for v in (name[:-4], _video_of(name[:-4])) if videos and v in videos), None)
        if videos is None:
            files[_video_of(name[:-4])] = folder / name
        elif video is not None:
            files[video] = folder / name
        else:
            strays.append(name)
    return Storage(folder, files, lambda video: _load(files[video]), list(files.values())), strays


def is_array(name: str) -> bool:
    """Whether a file's name is that of an array, and not one that macOS puts beside it."""
    return name.endswith((".npy", ".npz")) and not name.startswith(".")


def _video_of(name: str) -> str:
    stem, extension = os.path.splitext(name)  # noqa: PTH122  (a name, no path)
    return stem if extension.lower() in EXTENSIONS else name


def _load(path: Path) -> NDArray[Any]:
    """An array, mapped; of an archive, the only one or the one of a known name."""
    try:
        return _member(path) if path.suffix == ".npz" else _mapped(path)
    except _BROKEN as error:
        hint = "arrays of objects are not executed"
        raise KBError(f"is no array of numbers ({error})", where=path, hint=hint) from error


def _mapped(path: Path) -> NDArray[Any]:
    with path.open("rb") as file:
        shape, order, dtype = _header(file, path.stat().st_size)
        if not prod(shape):
            return np.empty(shape, dtype)
        return np.memmap(file, dtype, "r", file.tell(), shape, order)


def _member(path: Path) -> NDArray[Any]:
    with zipfile.ZipFile(path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        if len(members) < len(archive.infolist()):
            raise KBError("has two members of one name", where=path, hint=_AGAIN)
        only = next(iter(members)) if len(members) == 1 else None
        key = next((key for key in _KEYS if key in members), only)
        if key is None:
            what = f"holds {', '.join(sorted(members)[:6]) or 'nothing'}: which are the features?"
            raise KBError(what, where=path, hint=f"known are {', '.join(_KEYS)}")
        info = members[key]
        if info.file_size > MOST or inflates(info.file_size, info.compress_size):
            what = f"announces {info.file_size:,} bytes for one video"
            raise KBError(what, where=path, hint="it is not unpacked")
        with archive.open(info) as file:
            return _array(file, info.file_size)


def _array(file: IO[bytes], size: int) -> NDArray[Any]:
    shape, order, dtype = _header(file, size)
    flat = np.frombuffer(file.read(prod(shape) * dtype.itemsize), dtype)
    return flat.reshape(shape, order=order)


def _header(file: IO[bytes], size: int) -> tuple[tuple[int, ...], _Order, np.dtype[Any]]:
    """Shape, order and type of an npy of so many bytes; ValueError where it has fewer than its array."""
    version = np.lib.format.read_magic(file)
    if version not in _READ:
        raise ValueError(f"version {version} of npy")
    shape, fortran, dtype = _READ[version](file)
    if dtype.kind not in NUMBERS or any(n < 0 for n in shape):
        raise ValueError(f"it is of {dtype} in the shape {shape}")
    if file.tell() + prod(shape) * dtype.itemsize > size:
        raise ValueError(f"an array of {shape} has more bytes than the file")
    return shape, "F" if fortran else "C", dtype
