"""Where generated data lie, made once: locked between processes, renamed into place when whole."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_dir

from kb.records.errors import Exit, KBError


def home() -> Path:
    """The cache folder: KB_CACHE, else the user's."""
    return Path(os.environ.get("KB_CACHE") or user_cache_dir("kb"))


def made_once(folder: Path, make: Callable[[Path], None], *, kept: bool = False) -> Path:
    """`folder`, filled by `make` if it is absent or empty.

    An interrupted `make` leaves no half-made folder; a second process waits and finds it done. Where
    what it has done is `kept`, it lies in `begun(folder)`, and is what the next `make` is given.
    KBError where it cannot be written.
    """
    if _filled(folder):
        return folder
    place = folder.absolute()  # `.` has no name
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(place.with_name(f".{place.name}.lock")):
            if not _filled(place):
                _fill(place, make, begun(place) if kept else None)
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        hint = "set KB_CACHE or --out to a folder with room"
        raise KBError(what, where=folder, hint=hint, code=Exit.UNREACHABLE) from error
    return folder


def _filled(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def begun(folder: Path) -> Path:
    """Where an interrupted `make` keeps what it has done."""
    place = folder.absolute()
    return place.with_name(f".{place.name}.begun")


def _fill(folder: Path, make: Callable[[Path], None], kept: Path | None) -> None:
    """Make beside the place and rename; what a killed process left beside it goes first."""
    prefix = f".{folder.name}.part-"
    for left in folder.parent.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    if kept:
        kept.mkdir(exist_ok=True)
    part = kept or Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    try:
        make(part)
        part.chmod(0o755)
        part.rename(folder)
    except BaseException:
        if not kept:
            shutil.rmtree(part, ignore_errors=True)
        raise
