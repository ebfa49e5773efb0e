"""The text layer of a PDF, page by page, from a file that anybody may have made.

pypdf reads it, in a process of its own whose time and memory are bounded (`kb.records.pdf_text`): a
file that unpacks without end, refers to itself or is cut off gives one line and nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kb.records import pdf_text, plainfile
from kb.records.errors import KBError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 256 << 20  # bytes of a file
_HINTS = {
    pdf_text.ENCRYPTED: "save it without a password",
    pdf_text.TOO_LARGE: "give the paper's PDF",
}
_CHILD = "from kb.records import pdf_text; pdf_text.main()"


@dataclass(frozen=True)
class Page:
    """The text of one page."""

    drawn: str  # in the order in which the file draws it
    placed: str  # by place: lines from the top, each from the left


def read(path: Path, *, seconds: int = pdf_text.SECONDS) -> list[Page]:
    """The pages of a PDF.

    Args:
        path: the file.
        seconds: how long it may take.

    Raises:
        KBError: no PDF, broken, encrypted, without text, or more than the bounds allow.
    """
    try:
        plainfile.refuse_devices(path, "give the paper's PDF")
        if path.stat().st_size > LARGEST:
            raise KBError("larger than 256 MB", where=path, hint="give the paper's PDF")
        with path.open("rb") as file:
            head = file.read(1024)
    except OSError as error:
        raise KBError(f"cannot be read ({error.strerror or error})", where=path) from error
    if b"%PDF-" not in head:
        raise KBError("not a PDF", where=path, hint="give the paper's PDF")
    answer = _answer(path, seconds)
    if problem := answer.get("problem"):
        hint = _HINTS.get(problem, "is the download complete?")
        raise KBError(problem, where=path, hint=hint)
    pages = [Page(drawn, placed) for drawn, placed in answer["pages"]]
    if not any(page.drawn.strip() or page.placed.strip() for page in pages):
        raise KBError("no text layer", where=path, hint="a scan needs text recognition first")
    return pages


def _answer(path: Path, seconds: int) -> dict[str, Any]:
    """What the process of its own says; that it was ended is an answer too."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(  # noqa: S603  (this Python and a fixed program)
            [sys.executable, "-c", _CHILD, os.fspath(path.absolute()), str(seconds)],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        answer = {"problem": pdf_text.TOO_LARGE}
    return answer if isinstance(answer, dict) else {"problem": pdf_text.TOO_LARGE}
