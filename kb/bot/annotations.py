"""Annotations: workflow commands on stdout, within what GitHub shows of a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kb.bot.catalogue import catalogue
from kb.bot.escape import attribute, data
from kb.checks import formats

if TYPE_CHECKING:
    from kb.bot.report import Finding, Report

PER_STEP = {"error": 10, "warning": 10, "info": 10}  # of a level; 50 in a job
LEVELS = {"error": "error", "warning": "warning", "info": "notice"}


def commands(report: Report) -> str:
    """One command a finding, errors first; the last of a level says how many more there are."""
    lines: list[str] = []
    for severity, level in LEVELS.items():
        rows = [found for found in report.findings if found.new and found.severity == severity]
        most = PER_STEP[severity]
        shown = rows if len(rows) <= most else rows[: most - 1]
        lines += [_command(level, report.path, found) for found in shown]
        if len(rows) > len(shown):
            left = f"and {len(rows) - len(shown)} more; the summary of this job has them all"
            lines.append(f"::{level} title=kb::{left}")
    if report.more:
        lines.append(f"::warning title=kb::and {report.more} more for which a report has no room")
    return "\n".join(lines)


def _command(level: str, path: str, found: Finding) -> str:
    fields: dict[str, object] = {"file": path, "line": found.line, "endLine": found.end_line}
    if found.line == found.end_line:
        fields |= {"col": found.col, "endColumn": max(found.col, found.end_col)}
    fields["title"] = found.rule
    listed = ",".join(f"{name}={attribute(str(value))}" for name, value in fields.items())
    hint = found.suggestion or catalogue()[found.rule].hint
    return f"::{level} {listed}::{data(formats.visible(found.message + chr(10) + hint))}"
