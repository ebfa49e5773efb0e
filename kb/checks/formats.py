"""How findings are printed: for people, for programs, for GitHub. Text of a list is never trusted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kb.checks.catalogue import RULES
from kb.checks.sarif import sarif

if TYPE_CHECKING:
    from collections.abc import Callable

    from kb.checks.finding import Finding
    from kb.checks.lint import Report

MARKDOWN = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>()#+!|~@"})
LEVELS = {"error": "error", "warning": "warning", "info": "notice"}
PER_STEP = 10  # annotations of one level that GitHub shows for a step


def text(report: Report) -> str:
    """`file:line:col: severity rule: message`, below each the hint, and a last line of counts.

    A line that several findings would fix is shown once, below the last of them.
    """
    lines: list[str] = []
    waiting: dict[str, int] = {}
    for found in report.findings:
        waiting[hint(found)] = waiting.get(hint(found), 0) + 1
    for found in report.findings:
        place = f"{report.file}:{found.line}:{found.col}"
        lines.append(f"{place}: {found.severity} {found.rule}: {found.message}")
        waiting[hint(found)] -= 1
        if found.suggestion is None or waiting[hint(found)] == 0:
            lines.append(f"    {hint(found)}")
    return "\n".join([*lines, summary(report)])


def hint(found: Finding) -> str:
    """What to do: the line as it should stand, else the rule's advice."""
    if found.suggestion is None:
        return RULES[found.rule].hint
    first, *rest = visible(found.suggestion).split("\n")
    return "\n      ".join([f"+ {first}", *rest])


def visible(value: str) -> str:
    """Text without control characters: a terminal obeys them."""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in value)


def summary(report: Report) -> str:
    """`12 errors, 3 warnings, 40 infos (5 known) in README.md`."""
    if not report.findings:
        return f"{report.file}: clean"
    counts = []
    for severity in ("error", "warning", "info"):
        number = sum(found.severity == severity for found in report.findings)
        counts.append(f"{number} {severity}{'' if number == 1 else 's'}")
    known = sum(found.known for found in report.findings)
    beside = f" ({known} known)" if known else ""
    return f"{report.file}: {', '.join(counts)}{beside}"


def as_json(report: Report) -> str:
    """The list of the contract."""
    found = [finding.as_json() for finding in report.findings]
    return json.dumps(found, ensure_ascii=False, indent=2)


def markdown(report: Report) -> str:
    """A table; whatever the list contains stays text: no link, no mention, no markup."""
    if not report.findings:
        return f"No findings in {escape(report.file)}."
    rows = [
        f"| {found.line}:{found.col} | {found.severity} | {escape(found.rule)} "
        f"| {escape(found.message)} | {code(found.suggestion)} |"
        for found in report.findings
    ]
    head = [
        "| line | severity | rule | what is wrong | the line as it should stand |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows, "", f"{escape(summary(report))}."])


def escape(value: str) -> str:
    """Text that Markdown shows as it is. A zero-width space keeps @names and #1 from linking."""
    return (
        value.replace("&", "&amp;")
        .translate(MARKDOWN)
        .replace("@", "@\u200b")
        .replace("#", "#\u200b")
    )


def code(value: str | None) -> str:
    """A code span in a table cell, whatever back-ticks and pipes it holds."""
    if value is None:
        return ""
    shown = visible(value).replace("\n", " ")
    longest = max((len(run) for run in _runs(shown, "`")), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{fence}{pad}{shown.replace('|', chr(92) + '|')}{pad}{fence}"


def _runs(value: str, char: str) -> list[str]:
    return "".join(c if c == char else " " for c in value).split()


def github(report: Report) -> str:
    """Workflow commands: annotations, the weightiest first, as many as GitHub shows of a level.

    Everything is escaped, so that no text of a list can end a command or start one.
    """
    lines, left = [], 0
    for severity, level in LEVELS.items():
        group = [found for found in report.findings if found.severity == severity]
        lines += [_annotation(level, found) for found in group[:PER_STEP]]
        left += len(group[PER_STEP:])
    if left:
        lines[-1] += _data(f" (and {left} more findings; see the report)")
    return "\n".join(lines)


def _annotation(level: str, found: Finding) -> str:
    properties = {
        "file": found.file, "line": found.line, "endLine": found.end_line or found.line,
        "col": found.col, "title": found.rule,
    }  # fmt: skip
    if found.end_line == found.line and found.end_col > found.col:
        properties["endColumn"] = found.end_col
    shown = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{level} {shown}::{_data(found.message + chr(10) + hint(found))}"


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")


FORMATS: dict[str, Callable[[Report], str]] = {
    "text": text,
    "json": as_json,
    "markdown": markdown,
    "sarif": sarif,
    "github": github,
}
