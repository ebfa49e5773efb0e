"""Arrays and relevance from unchecked files: `.npy`, `.npz`, `.tsv`."""

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.records import plainfile
from kb.records.errors import KBError

_HINT = "write it with numpy.save, as a table of floats"
_NPZ = "it holds `pairs`, or `caption` and `video` (and `gain`), or `owner`"
_SCORES = "one of scores holds `scores`, and the names `captions` and `videos`, or none"
_LONGEST = 200  # characters of a line in a relevance file
_FIELDS = 3  # caption, video, gain
_EXACT = 1 << 53  # whole numbers below it are exact as floats
_NPY = b"\x93NUMPY"


class Scores(NamedTuple):
    """Scores (captions, videos), and the names of both where the file has them."""

    table: NDArray[Any]
    captions: list[str] | None = None
    videos: list[str] | None = None


def read_scores(path: Path) -> Scores:
    """A `.npy` table, or a `.npz` with `scores` and the names `captions` and `videos`.

    Raises KBError for a file that is none of these, and where names are not one for each row or
    column, or stand there twice.
    """
    if path.suffix != ".npz":
        return Scores(read_table(path))
    archive = _load(path)
    if isinstance(archive, np.ndarray):
        raise KBError("is one array, not an archive", where=path, hint="call it .npy")
    try:
        with archive:
            columns = {name: archive[name] for name in archive.files}
    except (ValueError, zipfile.BadZipFile, OSError, EOFError) as error:
        raise KBError("has an entry that cannot be read", where=path, hint=_SCORES) from error
    if columns.keys() not in ({"scores"}, {"scores", "captions", "videos"}):
        entries = ", ".join(columns) or "none"
        raise KBError(f"is an archive of several arrays: {entries}", where=path, hint=_SCORES)
    table = _checked(columns.pop("scores"), path)
    sides = zip(("captions", "videos"), table.shape, strict=True)
    names = [_names(columns[side], side, size, path) for side, size in sides if side in columns]
    return Scores(table, *names)


def _names(names: NDArray[Any], side: str, size: int, path: Path) -> list[str]:
    """The names of one axis, each once."""
    if names.dtype.kind not in "USiu" or names.shape != (size,):
        what = f"has {side} of shape {names.shape} for {size} of the scores"
        raise KBError(what, where=path, hint="a name for each, as text or whole numbers")
    read = [name.decode() if isinstance(name, bytes) else str(name) for name in names.tolist()]
    if len(set(read)) < size:
        raise KBError(f"names one of its {side} twice", where=path)
    return read


def read_table(path: Path) -> NDArray[Any]:
    """The table of a `.npy` file, memory-mapped. Pickled objects are never loaded."""
    table = _load(path, mmap_mode="r")
    if not isinstance(table, np.ndarray):
        raise KBError("is an archive of several arrays", where=path, hint=_HINT)
    return _checked(table, path)


def _checked(table: NDArray[Any], path: Path) -> NDArray[Any]:
    """A filled table of real numbers."""
    if table.ndim != 2 or table.size == 0:  # noqa: PLR2004  (rows and columns)
        raise KBError(f"has the shape {table.shape}", where=path, hint="it must be a filled table")
    if table.dtype.kind not in "biuf":
        raise KBError(f"holds {table.dtype}, not real numbers", where=path, hint=_HINT)
    return table


def read_relevance(path: Path) -> NDArray[Any]:
    """Pairs (n, 2) or (n, 3), or the owners (n,), of a `.npz`, `.npy` or text file."""
    if path.suffix == ".npz":
        return _from_archive(path)
    if path.suffix == ".npy":
        array = _load(path)
        if not isinstance(array, np.ndarray):
            raise KBError("is an archive, not one array", where=path, hint="call it .npz")
        return array
    return _from_text(path)


def _load(path: Path, mmap_mode: Any = None) -> Any:
    try:
        _refuse_other_formats(path)
        return np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
    except FileNotFoundError as error:
        raise KBError("is not there", where=path) from error
    except OSError as error:
        raise KBError(f"cannot be read ({error.strerror or error})", where=path) from error
    except (ValueError, EOFError, zipfile.BadZipFile, TypeError, SyntaxError) as error:
        pickled = "pickle" in str(error) or "Python objects" in str(error)
        what = "holds pickled objects" if pickled else "is no whole .npy or .npz file"
        raise KBError(what, where=path, hint=_HINT) from error


def _refuse_other_formats(path: Path) -> None:
    """Numpy takes what it does not know for a pickle, and leaves a broken archive open."""
    plainfile.refuse_devices(path, _HINT)
    with path.open("rb") as file:
        start = file.read(len(_NPY))
    if start != _NPY and not zipfile.is_zipfile(path):
        raise KBError("is no .npy or .npz file", where=path, hint=_HINT)


def _from_archive(path: Path) -> NDArray[Any]:
    archive = _load(path)
    if isinstance(archive, np.ndarray):
        raise KBError("is one array, not an archive", where=path, hint="call it .npy")
    try:
        with archive:
            columns = {name: archive[name] for name in archive.files}
    except (ValueError, zipfile.BadZipFile, OSError, EOFError) as error:
        raise KBError("has an entry that cannot be read", where=path, hint=_NPZ) from error
    for name in ("pairs", "owner"):
        if name in columns:
            return np.asarray(columns[name], np.float64)  # integers might be a matrix
    names = [name for name in ("caption", "video", "gain") if name in columns]
    if names[:2] != ["caption", "video"]:
        raise KBError(f"has the entries {', '.join(columns) or 'none'}", where=path, hint=_NPZ)
    if len({columns[name].shape for name in names}) > 1 or columns["caption"].ndim != 1:
        raise KBError("has columns of different lengths", where=path, hint=_NPZ)
    return np.stack([columns[name] for name in names], axis=1).astype(np.float64)


def read_lines(path: Path) -> list[str]:
    """Lines of a text file."""
    try:
        plainfile.refuse_devices(path, "name a text file")
        return path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise KBError("is not there", where=path) from error
    except (OSError, UnicodeDecodeError) as error:
        raise KBError("cannot be read as text", where=path) from error


def _from_text(path: Path) -> NDArray[np.float64]:
    """Lines `caption_index<TAB>video_index[<TAB>gain]`; empty lines and `#` comments are skipped."""
    lines = read_lines(path)
    rows = [
        _row(line, path, number)
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.startswith("#")
    ]
    if not rows:
        raise KBError("names no pair", where=path, hint="a line is caption<TAB>video[<TAB>gain]")
    return np.array(rows)


def _row(line: str, path: Path, number: int) -> tuple[float, float, float]:
    fields = line[:_LONGEST].split()
    try:
        caption, video, gain = int(fields[0]), int(fields[1]), float((*fields, "1")[2])
    except (ValueError, IndexError) as error:
        raise _no_pair(line, path, number) from error
    if len(fields) > _FIELDS or max(abs(caption), abs(video)) >= _EXACT:
        raise _no_pair(line, path, number)
    return caption, video, gain


def _no_pair(line: str, path: Path, number: int) -> KBError:
    what = f"{line[:40]!r} is no pair"
    return KBError(what, where=path, line=number, hint="a line is caption<TAB>video[<TAB>gain]")
