"""Reading a file that may have come with a pull request: a regular one, of a size, of a depth.

A link to a device has no end and a pipe no beginning; JSON nested a thousand deep stops the parser.
"""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

from kb.records.errors import KBError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 256 << 20  # bytes
_SHELL = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")  # what `<(command)` and `-` stand for
_RESTORE = "restore it from git"


def refuse_devices(path: Path, hint: str = _RESTORE) -> None:
    """Raise KBError for what is no regular file, links followed; OSError where nothing is there.

    A pipe of the shell that a user names, `<(command)`, is taken as it is.
    """
    mode = path.stat().st_mode  # opening a pipe would wait for a writer
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode) and not str(path).startswith(_SHELL):
        raise KBError("is no regular file", where=path, hint=hint)


def read(path: Path, most: int = LARGEST, *, hint: str = _RESTORE) -> bytes:
    """The bytes of a regular file, links followed. KBError for another one, or more than `most`."""
    try:
        refuse_devices(path, hint)
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise KBError(what, where=path, hint=hint) from error
    if len(raw) > most:
        raise KBError(f"larger than {most >> 20} MB", where=path, hint=hint)
    return raw


def text(path: Path) -> str:
    """The text of a regular file; an undecodable byte is a replacement character."""
    return read(path).decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")


def read_json(path: Path, what: str, hint: str = _RESTORE) -> Any:
    """The document of a JSON file. KBError, `not <what>`, where it is none or nested too deep."""
    try:
        return json.loads(read(path).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise KBError(f"not {what} ({type(error).__name__})", where=path, hint=hint) from error
