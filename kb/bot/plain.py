"""The report on a terminal: `file:line:col: severity rule: message`, below it the hint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kb.bot.catalogue import catalogue
from kb.checks import formats

if TYPE_CHECKING:
    from kb.bot.report import Report


def text(report: Report) -> str:
    """New findings with their mends, then what changed."""
    lines: list[str] = []
    for found in report.findings:
        if not found.new:
            continue
        place = f"{report.path}:{found.line}:{found.col}"
        lines.append(f"{place}: {found.severity} {found.rule}: {found.message}")
        offer = found.suggestion
        lines.append(
            f"    + {formats.visible(offer)}" if offer else f"    {catalogue()[found.rule].hint}"
        )
    if report.more:
        lines.append(f"and {report.more} more")
    return "\n".join([*lines, counts(report)])


def counts(report: Report) -> str:
    """`README.md: 1 added, 2 changed; 1 error, 0 warnings; 12 older problems not counted`."""
    parts = ((report.added, "added"), (report.changed, "changed"), (report.moved, "moved"), (report.removed, "removed"))  # fmt: skip
    done = ", ".join(f"{number} {word}" for number, word in parts if number) or "no entry changed"
    errors, warnings = report.count("error"), report.count("warning")
    found = f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}"
    older = f"; {report.known} older problems not counted" if report.known else ""
    return f"{report.path}: {done}; {found}{older}"
