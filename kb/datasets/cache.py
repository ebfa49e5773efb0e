"""The cache of generated data: each made once, under a lock, and renamed into place when complete."""

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


def made_once(folder: Path, make: Callable[[Path], None], *, resumable: bool = False) -> Path:
    """`folder`, filled by `make` if it is absent or empty.

    An interrupted `make` leaves no partial folder; a second process waits for the first. If it is
    `resumable`, the partial work stays in `begun(folder)` and the next `make` continues there.
    KBError where it cannot be written.
    """
    if _filled(folder):
        return folder
    place = folder.absolute()  # `.` has no name
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(place.with_name(f".{place.name}.lock")):
            if not _filled(place):
                _fill(place, make, begun(place) if resumable else None)
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        hint = "set KB_CACHE or --out to a folder with room"
        raise KBError(what, where=folder, hint=hint, code=Exit.UNREACHABLE) from error
    return folder


def _filled(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def begun(folder: Path) -> Path:
    """The folder of an interrupted `make`'s partial work."""
    place = folder.absolute()
    return place.with_name(f".{place.name}.begun")


def _fill(folder: Path, make: Callable[[Path], None], partial: Path | None) -> None:
    """Make next to the place and rename; first remove leftovers of killed processes."""
    prefix = f".{folder.name}.part-"
    for left in folder.parent.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    if partial:
        partial.mkdir(exist_ok=True)
    part = partial or Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    try:
        make(part)
        part.chmod(0o755)
        part.rename(folder)
    except BaseException:
        if not partial:
            shutil.rmtree(part, ignore_errors=True)
        raise
