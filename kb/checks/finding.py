"""What a rule says: a hit in the text, and the finding a user reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]
RANK: dict[str, int] = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class Edit:
    """Replace `text[start:end]`; offsets into the text as it was read."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Hit:
    """What a rule yields: the offending piece, why, and how to fix it where that is certain."""

    start: int
    end: int
    message: str
    edits: tuple[Edit, ...] = ()
    severity: Severity | None = None  # where this case is milder than the rule
    safe: bool = True  # False: show the hint, do not apply it unasked


@dataclass(frozen=True)
class Finding:
    """One problem, placed: `line` and `col` are 1-based and count characters."""

    rule: str
    severity: Severity
    file: str
    line: int
    col: int
    message: str
    suggestion: str | None = None  # the whole line (or lines) as it should stand
    end_line: int = 0  # where the offending piece ends, end_col excluded
    end_col: int = 0
    replaces: tuple[int, int] = (0, 0)  # first and last line that the suggestion stands for
    width: int = 0  # characters of the last of those lines
    entry: int = -1  # which entry of the list, -1 for none
    edits: tuple[Edit, ...] = ()  # the safe hint, for --fix
    known: bool = False  # stood in the base already

    def as_json(self) -> dict[str, Any]:
        """The form of the contract."""
        names = ("rule", "severity", "file", "line", "col", "message", "suggestion")
        return {name: getattr(self, name) for name in names}

    def as_known(self) -> Finding:
        """The same problem where it is not this change's: it is told and blocks nothing."""
        return replace(self, severity="info", known=True, message=f"(known) {self.message}")
