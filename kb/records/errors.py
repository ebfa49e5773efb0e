"""Errors for users: one line and an exit code."""

import re
from enum import IntEnum
from pathlib import Path

_LONGEST = 600  # characters of a message and of a place; a message may quote an untrusted file
# C0 and C1 controls but tabs and line ends; marks that turn the direction of writing; half characters
CONTROLS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]|\r(?!\n)"
)


class Exit(IntEnum):
    """Exit codes, the same for every command."""

    CLEAN = 0
    FINDINGS = 1  # lint errors, dead links, a claim that fails under --strict
    USAGE = 2  # wrong usage or unreadable input
    CONFLICT = 3  # a person must decide
    UNREACHABLE = 4  # a needed service, dataset or extra is out of reach
    INTERRUPTED = 130  # Ctrl-C: 128 + SIGINT, as shells have it


class KBError(Exception):
    """A problem that a user can fix: what, where, and a hint."""

    def __init__(
        self,
        what: str,
        *,
        where: Path | str | None = None,
        line: int | None = None,
        column: int | None = None,
        hint: str | None = None,
        code: Exit = Exit.USAGE,
    ) -> None:
        self.what, self.where, self.hint, self.code = what, where, hint, code
        self.line, self.column = line, column
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """`file:line:column: what; hint`, on one line whatever the parts contain."""
        place = "" if self.where is None else f"{self.where}"
        if place and self.line is not None:
            place = f"{place}:{self.line}"
            if self.column is not None:
                place = f"{place}:{self.column}"
        parts = [shortened(part) for part in (place, self.what) if part]
        text = ": ".join(parts) + (f"; {self.hint}" if self.hint else "")
        return visible(" ".join(text.split()))


class MissingExtraError(KBError):
    """A library is not installed; the hint installs the extra that brings it."""

    def __init__(self, library: str | None, extra: str = "repro") -> None:
        hint = f"run `pip install 'kb-video-text-retrieval[{extra}]'`"
        super().__init__(f"{library} is not installed", hint=hint, code=Exit.UNREACHABLE)


def shortened(text: str, most: int = _LONGEST) -> str:
    """The text, shortened in the middle to at most `most` characters."""
    return text if len(text) <= most else f"{text[: most - 100]} ... {text[-90:]}"


def visible(text: str) -> str:
    """The text with control characters escaped, so that no terminal executes them."""
    return CONTROLS.sub(lambda match: match[0].encode("unicode-escape").decode("ascii"), text)
