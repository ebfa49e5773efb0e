"""The process that reads a PDF for `kb.records.pdf`: its text as JSON, within bounds."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

SECONDS = 120  # of the process; a paper of thirty pages takes ten
MEMORY = 2 << 30  # bytes of address space
MOST_TEXT = 20_000_000  # characters of a file; a thesis has a million
MOST_PAGES = 2_000
ENCRYPTED = "an encrypted PDF"
BROKEN = "a broken PDF"
TOO_LARGE = f"more than a paper needs: {SECONDS} seconds, {MEMORY >> 30} GB or {MOST_PAGES} pages"


def main() -> None:
    """Print the text of the file of the first argument, within the second's seconds."""
    _limit(int(sys.argv[2]))
    logging.disable(logging.CRITICAL)  # pypdf tells of every flaw it reads past
    try:
        answer = text(sys.argv[1])
    except MemoryError:
        answer = {"problem": TOO_LARGE}
    except (Exception, RecursionError):  # noqa: BLE001  (whatever a broken file makes of its reader)
        answer = {"problem": BROKEN}
    sys.stdout.write(json.dumps(answer))


def text(path: str) -> dict[str, Any]:
    """`{pages: [[text as drawn, text by place]]}`, or `{problem}` with what is wrong."""
    from pypdf import PdfReader  # noqa: PLC0415  (within the bounds)
    from pypdf.errors import LimitReachedError  # noqa: PLC0415

    pages, length = list[tuple[str, str]](), 0
    try:
        reader = PdfReader(path)
        if reader.is_encrypted:
            return {"problem": ENCRYPTED}
        for page in reader.pages:
            pages.append((page.extract_text(), _placed(page)))
            length += sum(map(len, pages[-1]))
            if length > MOST_TEXT or len(pages) > MOST_PAGES:
                return {"problem": TOO_LARGE}
    except LimitReachedError:
        return {"problem": TOO_LARGE}
    return {"pages": pages}


def _placed(page: Any) -> str:
    """A page's lines from the top; empty where its fonts do not say how wide they are."""
    try:
        return str(page.extract_text(extraction_mode="layout", layout_mode_space_vertically=False))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ZeroDivisionError):
        return ""


def _limit(seconds: int) -> None:
    """Bound this process, where the system can."""
    try:
        import resource  # noqa: PLC0415  (not on Windows)
    except ImportError:
        return
    for what, most in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, MEMORY)):
        hard = resource.getrlimit(what)[1]
        try:
            resource.setrlimit(what, (most if hard < 0 else min(most, hard), hard))
        except (OSError, ValueError):  # macOS has no bound of address space
            continue
