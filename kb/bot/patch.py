"""Which lines of the new file a pull request adds: the only ones a suggestion may stand on."""

from __future__ import annotations

import re

HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")


def added(patch: str | None) -> dict[int, str]:
    """Line number -> text of each added line of a unified diff; empty where GitHub gives no diff."""
    lines: dict[int, str] = {}
    number, left = 0, 0
    for row in (patch or "").split("\n"):
        hunk = HUNK.match(row)
        if hunk:
            number, left = int(hunk[1]), int(hunk[2] or 1)
        elif left > 0 and row.startswith(("+", " ")):
            if row.startswith("+"):
                lines[number] = row[1:].removesuffix("\r")
            number, left = number + 1, left - 1
    return lines
