"""Features in HDF5: one file of many videos, and MMT's folder of one file a video.

Gabeur, Sun, Alahari, Schmid. "Multi-modal Transformer for Video Retrieval." ECCV 2020. Their
features lie in `vid_feat_files/mult_h5/<1st>/<2nd>/<3rd letter>/<video>.h5`: `features.<expert>`
(steps, dim), whose first number is NaN where the expert saw nothing, and `raw_captions.0`,
`raw_captions.1` ..., each the words of a caption.

What a file announces is checked before it is read: no link to another file, no array that is far
larger than what is stored of it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.features.arrays import NUMBERS
from kb.datasets.features.storages import MOST, Storage, inflates
from kb.records.errors import Exit, KBError

NAME = "mult_h5"
_FEATURES, _CAPTION = "features.", "raw_captions."
_AGAIN = "fetch it again"
_KEYS_SHOWN = 6
_BROKEN = (  # what h5py and numpy raise for bytes that are no such file
    OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, MemoryError,
    NotImplementedError, OverflowError,
)  # fmt: skip
_LONGEST = 1 << 20  # words of a caption


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What h5py raises for a file whose inside is broken is one line."""
    try:
        yield
    except _BROKEN as error:
        what = f"is broken inside ({' '.join(str(error).split())[:200]})"
        raise KBError(what, where=path, hint=_AGAIN) from error


def from_hdf5(path: Path, videos: Collection[str] | None = None) -> tuple[dict[str, Storage], str]:
    """Experts of an HDF5 file: {video: dataset}, {video: group of one}, or {expert: {video: ..}}.

    Of `videos` only, where they are given. And the file's first keys, as text.
    """
    file = open_hdf5(path)
    with _reading(path):
        return _from_file(file, path, videos)


def _from_file(
    file: Any, path: Path, videos: Collection[str] | None
) -> tuple[dict[str, Storage], str]:
    names = sorted(file)
    nested = [n for n in names if _is_group(file, n) and len(file[n]) > 1]
    if names and len(nested) == len(names):
        groups: dict[str, Any] = {name: file[name] for name in names}
    else:
        groups = {"": file}

    def of(group: Any) -> Storage:
        own = [name for name in sorted(group) if videos is None or name in videos]
        return Storage(path, own, lambda video: dataset(group, video, path))

    storages = {name: of(group) for name, group in groups.items() if len(group)}
    keys = ", ".join(names[:_KEYS_SHOWN]) + (", ..." if len(names) > _KEYS_SHOWN else "")
    return {name: storage for name, storage in storages.items() if storage.videos}, keys or "none"


def open_hdf5(path: Path) -> Any:
    """An HDF5 file, open for reading. KBError where h5py is missing, or the file is none."""
    try:
        import h5py  # noqa: PLC0415  (only who reads such files needs it)
    except ImportError as error:
        hint = "pip install h5py (extra `features`)"
        raise KBError("needs h5py", where=path, hint=hint, code=Exit.UNREACHABLE) from error
    if not path.is_file():  # opening a pipe would wait for a writer
        raise KBError("is no regular file", where=path, hint=_AGAIN)
    try:
        return h5py.File(path, "r")
    except _BROKEN as error:
        raise KBError(f"is no HDF5 file ({error})", where=path, hint=_AGAIN) from error


def _is_group(parent: Any, name: str) -> bool:
    import h5py  # noqa: PLC0415

    return isinstance(parent.get(name, getlink=True), h5py.HardLink) and isinstance(
        parent[name], h5py.Group
    )


def dataset(group: Any, video: str, path: Path) -> NDArray[Any]:
    """A video's array; KBError for one stored in another file or of an implausible size."""
    with _reading(path):
        return _dataset(group, video, path)


def _dataset(group: Any, video: str, path: Path) -> NDArray[Any]:
    import h5py  # noqa: PLC0415

    item = group
    for name in (video, None):
        key = name if name is not None else next(iter(item), "")
        if not isinstance(item.get(key, getlink=True), h5py.HardLink):
            raise KBError(f"{video} is a link", where=path, hint="links are not followed")
        item = item[key]
        if not isinstance(item, h5py.Group):
            break
    if not isinstance(item, h5py.Dataset) or item.is_virtual or item.external:
        raise KBError(f"{video} is no dataset of this file", where=path, hint=_AGAIN)
    bomb = inflates(item.nbytes, item.id.get_storage_size())
    if bomb or item.nbytes > MOST or item.dtype.kind not in NUMBERS:
        what = f"{video} is announced as {item.shape} of {item.dtype}"
        raise KBError(what, where=path, hint="it is not read")
    return np.asarray(item[()])


def write(
    folder: Path,
    video: str,
    arrays: Mapping[str, NDArray[np.float32] | None],
    widths: Mapping[str, int],
    captions_of_video: Sequence[Sequence[str]],
) -> None:
    """One video's file in MMT's form; an expert that saw nothing is a row of NaN."""
    import h5py  # noqa: PLC0415

    spread = folder.joinpath(*video[:3]) if "." not in video[:3] else folder
    spread.mkdir(parents=True, exist_ok=True)
    with h5py.File(spread / f"{video}.h5", "w") as file:
        for expert, array in arrays.items():
            nothing = np.full((1, widths[expert]), np.nan, np.float32)
            file[_FEATURES + expert] = nothing if array is None else array
        for number, words in enumerate(captions_of_video):
            file[f"{_CAPTION}{number}"] = np.array(words, dtype=h5py.string_dtype())


def folders(root: Path) -> list[Path]:
    """Every folder of a file a video, at most three folders below a root."""
    places = [NAME, f"*/{NAME}", f"*/*/{NAME}"]
    return sorted(folder for place in places for folder in root.glob(place) if folder.is_dir())


def files(folder: Path, videos: Iterable[str]) -> dict[str, Path]:
    """Video -> its file, of those that are there."""
    places = {video: _place(folder, video) for video in videos}
    return {video: path for video, path in places.items() if path and path.is_file()}


def _place(folder: Path, video: str) -> Path | None:
    """Three letters down, or beside one another; None for an id that leads out of the folder."""
    name = f"{video}.h5"
    if Path(name).name != name or "." in video[:3]:
        return None
    spread = folder.joinpath(*video[:3], name)
    return spread if spread.is_file() else folder / name


def experts(folder: Path, videos: Collection[str]) -> Iterator[tuple[str, Storage]]:
    """(expert, features) of the videos that have a file. KBError for one that is broken."""
    paths = files(folder, sorted(videos))
    by_expert: dict[str, dict[str, Path]] = {}
    for video, path in paths.items():
        with open_hdf5(path) as file, _reading(path):
            for name in _experts_of(file, path):
                by_expert.setdefault(name, {})[video] = path
    for name, own in sorted(by_expert.items()):
        yield name, _storage(folder, name, own)


def _experts_of(file: Any, path: Path) -> list[str]:
    """Experts that saw something in a video."""
    names = [key.removeprefix(_FEATURES) for key in file if key.startswith(_FEATURES)]
    return [name for name in names if _has_seen(dataset(file, _FEATURES + name, path))]


def _has_seen(array: NDArray[Any]) -> bool:
    return array.size > 0 and not np.isnan(array.flat[0])


def _storage(folder: Path, name: str, paths: dict[str, Path]) -> Storage:
    def find(video: str) -> NDArray[Any]:
        with open_hdf5(paths[video]) as file:
            return dataset(file, _FEATURES + name, paths[video])

    return Storage(folder, paths, find, list(paths.values()))


def captions(path: Path) -> list[list[str]]:
    """The captions of a video's file, as words. KBError where it has none."""
    with open_hdf5(path) as file, _reading(path):
        numbers = [key.removeprefix(_CAPTION) for key in file if key.startswith(_CAPTION)]
        ordered = sorted(int(n) for n in numbers if n.isdecimal() and len(n) <= 9)  # noqa: PLR2004
        if not ordered:
            raise KBError(f"has no {_CAPTION}0", where=path, hint=_AGAIN)
        return [_words(file, f"{_CAPTION}{number}", path) for number in ordered]


def _words(file: Any, key: str, path: Path) -> list[str]:
    import h5py  # noqa: PLC0415  (only who reads such files needs it)

    own = isinstance(file.get(key, getlink=True), h5py.HardLink)
    item: Any = file[key] if own else None
    plain = isinstance(item, h5py.Dataset)
    text = plain and (item.dtype.kind == "S" or h5py.check_string_dtype(item.dtype) is not None)
    bomb = plain and inflates(item.nbytes, item.id.get_storage_size())
    if not text or bomb or item.is_virtual or item.external or item.size > _LONGEST:
        raise KBError(f"{key} is no list of words", where=path, hint=_AGAIN)
    return [word.decode("utf-8") for word in np.atleast_1d(item[()]).ravel().tolist()]
