"""The list's bytes and text, from a file or an address; what is no list is refused in one line."""

from __future__ import annotations

import re
from pathlib import Path

from kb.lists import files
from kb.records.errors import Exit, KBError

LARGEST = 32 << 20  # bytes
PATIENCE = (10, 60)  # seconds to connect, and between two pieces


def fetch(source: str) -> bytes:
    """The bytes of a list at a path or an http(s) address.

    Raises KBError: usage where it cannot be read, unreachable where the network fails.
    """
    if re.match(r"https?://", source, re.IGNORECASE):
        return _download(source)
    path = Path(source)
    try:
        if path.is_file() and path.stat().st_size > LARGEST:
            raise KBError("larger than 32 MB", where=path, mend="is it a list?")
        return path.read_bytes()
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise KBError(what, where=path, mend="name a Markdown file") from error


def _download(url: str) -> bytes:
    import requests  # noqa: PLC0415  (a fifth of a second that a local file need not pay)

    try:
        with requests.get(url, stream=True, timeout=PATIENCE) as answer:
            if not answer.ok:
                mend = "check the address"
                raise KBError(
                    f"HTTP {answer.status_code}", where=url, mend=mend, code=Exit.UNREACHABLE
                )
            if "text/html" in answer.headers.get("Content-Type", ""):
                raise KBError("a web page, not Markdown", where=url, mend="name the raw file")
            data = bytearray()
            for piece in answer.iter_content(1 << 16):
                data += piece
                if len(data) > LARGEST:
                    raise KBError("larger than 32 MB", where=url, mend="is it a list?")
    except requests.RequestException as error:
        what = f"cannot be fetched ({type(error).__name__})"
        mend = "check the address and the network"
        raise KBError(what, where=url, mend=mend, code=Exit.UNREACHABLE) from error
    return bytes(data)


def decode(data: bytes, where: str) -> str:
    """The text of a list; empty is an error of its own."""
    if not data.strip():
        raise KBError("empty", where=where, mend="name a Markdown list")
    return files.decode(data, where)
