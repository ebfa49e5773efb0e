"""Atomic writes, and a lock for one writer at a time over all processes."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from kb.records.errors import Exit, KBError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 120.0  # seconds to wait for another process that is writing
ABANDONED = 600.0  # seconds after which a temporary file has no writer any more


def write(path: Path, data: bytes) -> bool:
    """Write `data` to `path` atomically; False if the file has it already.

    A process killed at any moment leaves the old file or the new one, never a part. A link stays a
    link: what it leads to is written.
    """
    try:
        if path.is_file() and path.read_bytes() == data:
            return False
    except OSError:
        pass
    try:
        _replace(_behind(path), data)
    except OSError as error:
        raise KBError(
            f"cannot write ({error.strerror or error})", where=path, hint="check space and rights"
        ) from error
    return True


def _behind(path: Path) -> Path:
    """The file a link leads to, through any number of links; a path that is none, as it is.

    KBError for a pipe or a device.

    Raises KBError for a link to another kind of file: the README of a stranger's repository must
    not lead to somebody's .bashrc.
    """
    if not path.is_symlink():
        if path.exists() and not (path.is_file() or path.is_dir()):  # a device would be replaced
            raise KBError("is no regular file", where=path, hint="name another file")
        return path
    try:
        target = path.resolve()
    except (
        OSError,
        RuntimeError,
    ) as error:  # RuntimeError: what Python before 3.13 makes of a loop
        raise KBError("is a link that leads nowhere", where=path, hint="remove it") from error
    if (
        target.is_symlink()
        or target.suffix != path.suffix
        or (target.exists() and not target.is_file())
    ):
        raise KBError(
            f"is a link to {target}, a file of another kind",
            where=path,
            hint="put the file itself there",
        )
    return target


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    # Same folder: os.replace is atomic only within one file system.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)  # noqa: PTH101  (a name from mkstemp)
        os.replace(name, path)  # noqa: PTH105  (same)
    except BaseException:
        os.unlink(name)  # noqa: PTH108  (same)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable, where the system lets folders be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(folder: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the one lock of a knowledge base's data folder while reading and writing.

    Raises KBError (unreachable) when another process holds it for longer than `patience` seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".kb.lock")
    try:
        with lock.acquire(timeout=patience):
            sweep(folder)
            yield
    except Timeout as error:
        raise KBError(
            "another process is writing here", where=folder, hint="try again", code=Exit.UNREACHABLE
        ) from error


def sweep(folder: Path) -> None:
    """Remove what killed processes left; what is young may still be being written."""
    oldest = time.time() - ABANDONED
    for leftover in folder.glob(".*.tmp"):
        with suppress(FileNotFoundError):
            if leftover.stat().st_mtime < oldest:
                leftover.unlink()
