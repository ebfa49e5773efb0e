"""A folder of one HDF5 file a video, with every expert's features and its captions: MMT's.

Gabeur, Sun, Alahari, Schmid. "Multi-modal Transformer for Video Retrieval." ECCV 2020. The released
features lie in `vid_feat_files/mult_h5/<1st>/<2nd>/<3rd letter>/<video>.h5`: `features.<expert>`
(steps, dim), whose first number is NaN where the expert saw nothing, and `raw_captions.0`,
`raw_captions.1` ..., each the words of a caption.
"""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.features.storages import Storage, dataset, open_hdf5
from kb.records.errors import KBError

NAME = "mult_h5"
_FEATURES, _CAPTION = "features.", "raw_captions."
_AGAIN = "fetch it again"
_LONGEST = 1 << 20  # words of a caption


def folders(root: Path) -> list[Path]:
    """Every such folder at most three folders below a root."""
    places = [NAME, f"*/{NAME}", f"*/*/{NAME}"]
    return sorted(found for place in places for found in root.glob(place) if found.is_dir())


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
    seen: dict[str, dict[str, Path]] = {}
    for video, path in paths.items():
        with open_hdf5(path) as file:
            for name in _there(file, path):
                seen.setdefault(name, {})[video] = path
    for name, found in sorted(seen.items()):
        yield name, _storage(folder, name, found)


def _there(file: Any, path: Path) -> list[str]:
    """Experts that saw something in a video."""
    names = [key.removeprefix(_FEATURES) for key in file if key.startswith(_FEATURES)]
    return [name for name in names if _saw(dataset(file, _FEATURES + name, path))]


def _saw(array: NDArray[Any]) -> bool:
    return array.size > 0 and not np.isnan(array.flat[0])


def _storage(folder: Path, name: str, paths: dict[str, Path]) -> Storage:
    def find(video: str) -> NDArray[Any]:
        with open_hdf5(paths[video]) as file:
            return dataset(file, _FEATURES + name, paths[video])

    return Storage(folder, paths, find, list(paths.values()))


def captions(path: Path) -> list[list[str]]:
    """The captions of a video's file, as words. KBError where it has none."""
    with open_hdf5(path) as file:
        numbers = [key.removeprefix(_CAPTION) for key in file if key.startswith(_CAPTION)]
        ordered = sorted(int(n) for n in numbers if n.isdecimal())
        if not ordered:
            raise KBError(f"has no {_CAPTION}0", where=path, hint=_AGAIN)
        return [_words(file, f"{_CAPTION}{number}", path) for number in ordered]


def _words(file: Any, key: str, path: Path) -> list[str]:
    import h5py  # noqa: PLC0415  (only who reads such files needs it)

    own = isinstance(file.get(key, getlink=True), h5py.HardLink)
    found: Any = file[key] if own else None
    plain = isinstance(found, h5py.Dataset)
    text = plain and (found.dtype.kind == "S" or h5py.check_string_dtype(found.dtype) is not None)
    if not text or found.is_virtual or found.external or found.size > _LONGEST:
        raise KBError(f"{key} is no list of words", where=path, hint=_AGAIN)
    try:
        return [word.decode("utf-8") for word in np.atleast_1d(found[()]).ravel().tolist()]
    except (OSError, UnicodeDecodeError, AttributeError) as error:
        raise KBError(f"{key} cannot be read ({error})", where=path, hint=_AGAIN) from error
