"""Features in the forms the field keeps them, each video read when it is asked for.

HDF5 with a dataset (or a group of one) a video; a folder of `<video>.npy` or `<video>.npz`; and
pickles and .pth of arrays (`kb.datasets.features.tensorfiles`). What a file announces is checked before it
is read: no link to another file, no array over a gibibyte, no object, no NaN.
"""

import mmap
import os
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.features.arrays import Stored
from kb.datasets.features.mapping import Mapping
from kb.datasets.features.tensorfiles import Table
from kb.datasets.readers.textfiles import Digest
from kb.records.errors import Exit, KBError

_MOST = 1 << 30  # bytes of one video's features
_BLOCK, _BLOCKS = 1 << 16, 512  # of a file that goes into a digest
_KEYS = ("frame_scores", "features", "feature", "feat", "arr_0", "x")  # of arrays in an npz
_AGAIN = "extract or fetch them again"


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
        self.first = None if first is None else _steps(find(first), first, where)
        self.dim = 0 if self.first is None else self.first.shape[1]

    @property
    def by_frame(self) -> bool:
        """Whether a video has several vectors, as far as the first one tells."""
        return self.first is not None and len(self.first) > 1

    def __contains__(self, video: str) -> bool:
        return video in self.videos

    def read(self, video: str) -> NDArray[np.float32]:
        """(steps, dim) features of one video; KeyError if there are none."""
        if video not in self.videos:
            raise KeyError(video)
        found = _steps(self._find(video), video, self.where)
        if found.shape[1] != self.dim:
            what = f"{video} has {found.shape[1]} dimensions, others have {self.dim}"
            raise KBError(what, where=self.where, hint=_AGAIN)
        numbers = np.asarray(found, np.float32)
        if not np.isfinite(numbers).all():
            what = f"the features of {video} hold NaN or infinity"
            raise KBError(what, where=self.where, hint=_AGAIN)
        return numbers

    def update(self, digest: Digest) -> None:
        """Take the videos' ids and the files into a digest; of large files, blocks spread."""
        digest.update("\0".join(self.videos).encode())
        files = self._files
        if files is None:
            files = [self.where] if self.where.is_file() else sorted(self.where.iterdir())
        for path in files[:: max(1, len(files) // _BLOCKS)]:
            if path.is_file():
                _digest_file(path, digest)


def _digest_file(path: Path, digest: Digest) -> None:
    size = path.stat().st_size
    digest.update(f"{path.name} {size}".encode())
    step = max(1, -(-size // _BLOCK // _BLOCKS)) * _BLOCK
    with path.open("rb") as file:
        for start in range(0, size, step):
            file.seek(start)
            digest.update(file.read(_BLOCK))


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
    arrays = {video: stored for video, stored in table.items() if stored and _there(stored)}
    data = next((stored.data for stored in arrays.values()), None)
    mapping = Mapping(data) if isinstance(data, mmap.mmap) else None

    def find(video: str) -> NDArray[Any]:
        found = arrays[video].read()
        if mapping:
            mapping.seen(found.nbytes)
        return found

    return Storage(path, arrays, find)


def _there(stored: Stored) -> bool:
    """CE and MMT write NaN where an expert saw nothing."""
    if 0 in stored.shape:
        return False
    array = stored.read()
    return not (np.isnan(array.flat[0]) and np.isnan(array).all())


def from_folder(folder: Path) -> Storage:
    """A folder of `<video>.npy` or `<video>.npz`."""
    with os.scandir(folder) as entries:
        names = sorted(e.name for e in entries if e.name.endswith((".npy", ".npz")))
    files = {name[:-4]: folder / name for name in names}
    return Storage(folder, files, lambda video: _load(files[video]))


def _load(path: Path) -> NDArray[Any]:
    """An array, mapped; of an archive, the only one or the one of a known name."""
    try:
        if path.suffix == ".npz":
            return _member(path)
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        hint = "arrays of objects are not executed"
        raise KBError(f"is no array of numbers ({error})", where=path, hint=hint) from error
    return _numbers(array, path)


def _member(path: Path) -> NDArray[Any]:
    with zipfile.ZipFile(path) as archive:
        sizes = {info.filename.removesuffix(".npy"): info.file_size for info in archive.infolist()}
    key = next((k for k in _KEYS if k in sizes), next(iter(sizes)) if len(sizes) == 1 else None)
    if key is None:
        what = f"holds {', '.join(sorted(sizes)[:6])}: which are the features?"
        raise KBError(what, where=path, hint=f"known are {', '.join(_KEYS)}")
    if sizes[key] > _MOST:
        what = f"announces {sizes[key]:,} bytes for one video"
        raise KBError(what, where=path, hint="it is not unpacked")
    with np.load(path, allow_pickle=False) as arrays:
        return _numbers(arrays[key], path)


def _numbers(array: NDArray[Any], path: Path) -> NDArray[Any]:
    if array.dtype.kind not in "fiub":
        raise KBError(f"is an array of {array.dtype}", where=path, hint=_AGAIN)
    return array


def from_hdf5(path: Path) -> dict[str, Storage]:
    """Experts of an HDF5 file: {video: dataset}, {video: group of one}, or {expert: {video: ..}}."""
    file = open_hdf5(path)
    names = sorted(file)
    nested = [n for n in names if _is_group(file, n) and len(file[n]) > 1]
    if names and len(nested) == len(names):
        groups: dict[str, Any] = {name: file[name] for name in names}
    else:
        groups = {"": file}

    def of(group: Any) -> Storage:
        return Storage(path, sorted(group), lambda video: dataset(group, video, path))

    return {name: of(group) for name, group in groups.items() if len(group)}


def open_hdf5(path: Path) -> Any:
    """An HDF5 file, open for reading. KBError where h5py is missing, or the file is none."""
    try:
        import h5py  # noqa: PLC0415  (only who reads such files needs it)
    except ImportError as error:
        hint = "pip install h5py (extra `features`)"
        raise KBError("needs h5py", where=path, hint=hint, code=Exit.UNREACHABLE) from error
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise KBError(f"is no HDF5 file ({error})", where=path, hint="fetch it again") from error


def _is_group(parent: Any, name: str) -> bool:
    import h5py  # noqa: PLC0415

    return isinstance(parent.get(name, getlink=True), h5py.HardLink) and isinstance(
        parent[name], h5py.Group
    )


def dataset(group: Any, video: str, path: Path) -> NDArray[Any]:
    """A video's array; what lies in another file, or is larger than it can be, is refused."""
    import h5py  # noqa: PLC0415

    found = group
    for name in (video, None):
        key = name if name is not None else next(iter(found))
        if not isinstance(found.get(key, getlink=True), h5py.HardLink):
            raise KBError(f"{video} is a link", where=path, hint="links are not followed")
        found = found[key]
        if isinstance(found, h5py.Dataset):
            break
    if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external:
        raise KBError(f"{video} is no dataset of this file", where=path, hint=_AGAIN)
    if found.nbytes > _MOST or found.dtype.kind not in "fiub":
        what = f"{video} is announced as {found.shape} of {found.dtype}"
        raise KBError(what, where=path, hint="it is not read")
    try:
        return np.asarray(found[()])
    except OSError as error:
        raise KBError(f"{video} cannot be read ({error})", where=path, hint=_AGAIN) from error
