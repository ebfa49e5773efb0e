"""The report on a terminal, and as annotations of a workflow run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kb.bot.catalogue import catalogue
from kb.bot.escape import attribute, data
from kb.bot.report import MOST
from kb.checks import formats

if TYPE_CHECKING:
    from kb.bot.report import BotFinding, BotReport

SHOWN = 10  # lines that are named
PER_STEP = {"error": 10, "warning": 10, "info": 10}  # of a level; 50 in a job
LEVELS = {"error": "error", "warning": "warning", "info": "notice"}


def text(report: BotReport) -> str:
    """New findings with their hints, then what changed."""
    lines: list[str] = []
    for finding in report.findings:
        if not finding.new:
            continue
        place = f"{report.path}:{finding.line}:{finding.col}"
        lines.append(f"{place}: {finding.severity} {finding.rule}: {finding.message}")
        offer = finding.suggestion
        lines.append(
            f"    + {formats.visible(offer)}" if offer else f"    {catalogue()[finding.rule].hint}"
        )
    if report.more:
        lines.append(f"and {report.more} more")
    lines += [unread(report)] if report.unread else []
    return "\n".join([*lines, counts(report)])


def unread(report: BotReport) -> str:
    """`12 items with a paper link were not read: lines 4, 9 ...`, as `kb sync` says it."""
    shown = ", ".join(map(str, report.unread[:SHOWN]))
    more = " ..." if len(report.unread) > SHOWN else ""
    count = f"{len(report.unread)}{'+' if len(report.unread) == MOST else ''}"
    items = "item" if count == "1" else "items"
    verb = "was" if count == "1" else "were"
    return f"{count} {items} with a paper link {verb} not read: lines {shown}{more}"


def counts(report: BotReport) -> str:
    """`README.md: 1 added, 2 changed; 1 error, 0 warnings; 12 older problems not counted`."""
    parts = ((report.added, "added"), (report.changed, "changed"), (report.moved, "moved"), (report.removed, "removed"))  # fmt: skip
    done = ", ".join(f"{number} {word}" for number, word in parts if number) or "no entry changed"
    errors, warnings = report.count("error"), report.count("warning")
    counted = f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}"
    older = f"; {report.known} older problems not counted" if report.known else ""
    return f"{report.path}: {done}; {counted}{older}"


def commands(report: BotReport) -> str:
    """One command a finding, errors first; the last of a level says how many more there are."""
    lines: list[str] = []
    for severity, level in LEVELS.items():
        rows = [
            finding for finding in report.findings if finding.new and finding.severity == severity
        ]
        most = PER_STEP[severity]
        shown = rows if len(rows) <= most else rows[: most - 1]
        lines += [_command(level, report.path, finding) for finding in shown]
        if len(rows) > len(shown):
            left = f"and {len(rows) - len(shown)} more; the summary of this job has them all"
            lines.append(f"::{level} title=kb::{left}")
    if report.more:
        lines.append(f"::warning title=kb::and {report.more} more for which a report has no room")
    return "\n".join(lines)


def _command(level: str, path: str, finding: BotFinding) -> str:
    fields: dict[str, object] = {"file": path, "line": finding.line, "endLine": finding.end_line}
    if finding.line == finding.end_line:
        fields |= {"col": finding.col, "endColumn": max(finding.col, finding.end_col)}
    fields["title"] = finding.rule
    listed = ",".join(f"{name}={attribute(str(value))}" for name, value in fields.items())
    hint = finding.suggestion or catalogue()[finding.rule].hint
    return f"::{level} {listed}::{data(formats.visible(finding.message + chr(10) + hint))}"
