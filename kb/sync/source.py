"""The list's bytes and text; what is no list is refused in one line."""

from __future__ import annotations

from pathlib import Path

from kb.lists import files
from kb.records.errors import KBError

LARGEST = 32 << 20  # bytes


def load(source: str) -> bytes:
    """The bytes of a list at a path. Raises KBError (usage) where it cannot be read."""
    path = Path(source)
    try:
        if path.is_file() and path.stat().st_size > LARGEST:
            raise KBError("larger than 32 MB", where=path, hint="is it a list?")
        return path.read_bytes()
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise KBError(what, where=path, hint="name a Markdown file") from error


def decode(data: bytes, where: str) -> str:
    """The text of a list; empty is an error of its own."""
    if not data.strip():
        raise KBError("empty", where=where, hint="name a Markdown list")
    return files.decode(data, where)
