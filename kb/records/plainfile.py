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
_RESTORE = "restore it from git"


def read(path: Path, most: int = LARGEST) -> bytes:
    """The bytes of a regular file, links followed. KBError for another one, or more than `most`."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for a writer
            raise KBError("is no regular file", where=path, hint=_RESTORE)
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except OSError as error:
        raise KBError(f"cannot be read ({error.strerror or error})", where=path) from error
    if len(raw) > most:
        raise KBError(f"larger than {most >> 20} MB", where=path, hint=_RESTORE)
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
