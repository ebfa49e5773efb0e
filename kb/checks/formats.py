"""Output formats of findings: for people, for programs, for GitHub. List text is escaped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kb.checks.catalogue import RULES
from kb.checks.sarif import sarif

if TYPE_CHECKING:
    from collections.abc import Callable

    from kb.checks.finding import LintFinding
    from kb.checks.lint import LintReport

MARKDOWN = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>()#+!|~@"})
LEVELS = {"error": "error", "warning": "warning", "info": "notice"}
PER_STEP = 10  # annotations of one level that GitHub shows for a step


def text(report: LintReport) -> str:
    """`file:line:col: severity rule: message`, each followed by its hint; counts on the last line.

    A line that several findings would fix is shown once, below the last of them.
    """
    lines: list[str] = []
    waiting: dict[str, int] = {}
    for finding in report.findings:
        waiting[hint(finding)] = waiting.get(hint(finding), 0) + 1
    for finding in report.findings:
        place = f"{report.file}:{finding.line}:{finding.col}"
        lines.append(f"{place}: {finding.severity} {finding.rule}: {finding.message}")
        waiting[hint(finding)] -= 1
        if finding.suggestion is None or waiting[hint(finding)] == 0:
            lines.append(f"    {hint(finding)}")
    return "\n".join([*lines, summary(report)])


def hint(finding: LintFinding) -> str:
    """The corrected line where there is one, or else the rule's hint."""
    if finding.suggestion is None:
        return RULES[finding.rule].hint
    first, *rest = visible(finding.suggestion).split("\n")
    return "\n      ".join([f"+ {first}", *rest])


def visible(value: str) -> str:
    """Text without control characters, which a terminal would execute."""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in value)


def summary(report: LintReport) -> str:
    """`12 errors, 3 warnings, 40 infos (5 known) in README.md`."""
    if not report.findings:
        return f"{report.file}: clean"
    counts = []
    for severity in ("error", "warning", "info"):
        number = sum(finding.severity == severity for finding in report.findings)
        counts.append(f"{number} {severity}{'' if number == 1 else 's'}")
    known = sum(finding.known for finding in report.findings)
    suffix = f" ({known} known)" if known else ""
    return f"{report.file}: {', '.join(counts)}{suffix}"


def as_json(report: LintReport) -> str:
    """The JSON list of the contract."""
    findings = [finding.as_json() for finding in report.findings]
    return json.dumps(findings, ensure_ascii=False, indent=2)


def markdown(report: LintReport) -> str:
    """A table. Text of the list stays text: no link, no mention, no markup."""
    if not report.findings:
        return f"No findings in {escape(report.file)}."
    rows = [
        f"| {finding.line}:{finding.col} | {finding.severity} | {escape(finding.rule)} "
        f"| {escape(finding.message)} | {code(finding.suggestion)} |"
        for finding in report.findings
    ]
    head = [
        "| line | severity | rule | what is wrong | corrected line |",
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
    """A code span in a table cell; back-ticks and pipes in the text are safe."""
    if value is None:
        return ""
    shown = visible(value).replace("\n", " ")
    longest = max((len(run) for run in _runs(shown, "`")), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{fence}{pad}{shown.replace('|', chr(92) + '|')}{pad}{fence}"


def _runs(value: str, char: str) -> list[str]:
    return "".join(c if c == char else " " for c in value).split()


def github(report: LintReport) -> str:
    """Workflow commands: annotations, errors first, as many per level as GitHub shows.

    All text is escaped, so that a list cannot end a command or start one.
    """
    lines, left = [], 0
    for severity, level in LEVELS.items():
        group = [finding for finding in report.findings if finding.severity == severity]
        lines += [_annotation(level, finding) for finding in group[:PER_STEP]]
        left += len(group[PER_STEP:])
    if left:
        lines[-1] += _data(f" (and {left} more findings; see the report)")
    return "\n".join(lines)


def _annotation(level: str, finding: LintFinding) -> str:
    properties = {
        "file": finding.file, "line": finding.line, "endLine": finding.end_line or finding.line,
        "col": finding.col, "title": finding.rule,
    }  # fmt: skip
    if finding.end_line == finding.line and finding.end_col > finding.col:
        properties["endColumn"] = finding.end_col
    shown = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{level} {shown}::{_data(finding.message + chr(10) + hint(finding))}"


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")


FORMATS: dict[str, Callable[[LintReport], str]] = {
    "text": text,
    "json": as_json,
    "markdown": markdown,
    "sarif": sarif,
    "github": github,
}
