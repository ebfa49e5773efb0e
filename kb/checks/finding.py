"""What a rule reports: a hit in the text, and the finding that a user reads."""

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
    """What a rule yields: the offending piece, the message, and edits that would fix it."""

    start: int
    end: int
    message: str
    edits: tuple[Edit, ...] = ()
    severity: Severity | None = None  # where this case is milder than the rule
    safe: bool = True  # False: show the edits, `--fix` does not apply them


@dataclass(frozen=True)
class LintFinding:
    """One problem and its place: `line` and `col` are 1-based and count characters."""

    rule: str
    severity: Severity
    file: str
    line: int
    col: int
    message: str
    suggestion: str | None = None  # the corrected line or lines
    end_line: int = 0  # where the offending piece ends, end_col excluded
    end_col: int = 0
    replaces: tuple[int, int] = (0, 0)  # first and last line that the suggestion replaces
    width: int = 0  # characters of the last of those lines
    entry: int = -1  # which entry of the list, -1 for none
    edits: tuple[Edit, ...] = ()  # the safe ones, for --fix
    known: bool = False  # the base has it too

    def as_json(self) -> dict[str, Any]:
        """The JSON object of the contract."""
        names = ("rule", "severity", "file", "line", "col", "message", "suggestion")
        return {name: getattr(self, name) for name in names}

    def as_known(self) -> LintFinding:
        """The same finding, marked as already in the base: reported, but does not block."""
        return replace(self, severity="info", known=True, message=f"(known) {self.message}")
