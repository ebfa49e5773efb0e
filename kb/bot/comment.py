"""What a contributor reads: the comment under the pull request, and the summary of the job.

It holds no time and no commit, so that the same findings make the same bytes and nothing is edited
without need.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from kb.bot import escape
from kb.bot.catalogue import catalogue

if TYPE_CHECKING:
    from kb.bot.report import Finding, Report

MARK = "<!-- kb-bot:report -->"
LONGEST = 60_000  # characters of a comment; GitHub takes 65,536
LONGEST_SUMMARY = 900_000  # of a step summary; GitHub takes 1 MiB
WORTH_SAYING = frozenset({"error", "warning"})
SIGN = {"error": "❌", "warning": "⚠️", "info": "\N{INFORMATION SOURCE}\ufe0f"}
CLEAN = "Everything that was pointed out here is mended. Thank you!"
FORM = "* `[First author et al. VENUEyy]` Title. Venue, Year. [[paper]](link) [[code]](link)"
TWICE = frozenset({"duplicate_entry", "known_paper"})
FORMED = frozenset({"required_field", "entry_form"})
Place = tuple[int, int]


def speaks(report: Report) -> bool:
    """Whether there is something to tell: an error, a warning, or a line to offer."""
    return report.more > 0 or any(
        found.new and (found.severity in WORTH_SAYING or found.suggestion)
        for found in report.findings
    )


def comment(report: Report, *, notes: tuple[str, ...] = ()) -> str:
    """The sticky comment; `notes` are sentences of ours, already escaped."""
    body = findings(report, LONGEST) if speaks(report) else CLEAN
    extra = "".join(f"\n\n{note}" for note in notes)
    return f"{MARK}\n{body}{extra}\n"


def summary(report: Report) -> str:
    """The summary of the job: what changed, then the same as the comment."""
    changes = [
        f"- {row.change}: {escape.text(row.title or '(no title)')}" for row in report.changes
    ]
    total = report.added + report.changed + report.moved + report.removed
    if total > len(changes):
        changes.append(f"- and {total - len(changes)} more")
    listed = "\n".join(changes) or "No entry was added, altered, moved or removed."
    said = findings(report, LONGEST_SUMMARY) if speaks(report) else "Nothing to fix."
    return f"## Check of {escape.span(report.path)}\n\n{listed}\n\n{said}\n"


def findings(report: Report, room: int) -> str:
    """The findings, grouped by the lines they are on, as many as there is room for."""
    head = f"{_greeting(report)}\n"
    foot = _foot(report)
    left = room - len(head) - len(foot) - 200
    parts: list[str] = []
    groups = _groups(report)
    for number, (place, group) in enumerate(groups):
        part = _group(report, place, group)
        left -= len(part) + 2
        if left < 0:
            parts.append(f"And {len(groups) - number} more lines; the summary of the job has them.")
            break
        parts.append(part)
    return "\n\n".join([head.rstrip(), *parts, foot])


def _greeting(report: Report) -> str:
    told = [found for _, group in _groups(report) for found in shown(group)]
    errors, warnings = (sum(f.severity == weight for f in told) for weight in ("error", "warning"))
    name, number = escape.span(report.path), report.added + report.changed
    thanks = f"Thank you for the {f'{number} entries' if number > 1 else 'entry'}!"
    thanks = f"**{thanks if number else 'Thank you!'}**"
    if errors:
        also = f" and {_many(warnings, 'thing')} to look at" if warnings else ""
        return f"{thanks} {_many(errors, 'thing')} to fix in {name}{also} before it can go in."
    if warnings:
        return (
            f"{thanks} Nothing stands in its way; {_many(warnings, 'thing')} to look at in {name}."
        )
    return f"{thanks} Nothing stands in its way; a hint for {name}:"


def shown(group: list[Finding]) -> list[Finding]:
    """What is said of a line: of one that should be deleted nothing but that."""
    new = [found for found in group if found.new]
    return [found for found in new if found.rule in TWICE] or new


def _many(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _groups(report: Report) -> list[tuple[Place, list[Finding]]]:
    """Findings by the lines they are on, the weightiest line first."""
    groups: dict[int, list[Finding]] = {}
    for found in report.findings:
        groups.setdefault(found.line, []).append(found)
    told = [rows for rows in groups.values() if any(row.new for row in rows)]
    return [((rows[0].line, max(row.end_line for row in rows)), rows) for rows in told]


def _group(report: Report, place: Place, group: list[Finding]) -> str:
    titles = {row.line: row.title for row in report.changes if row.line}
    title = titles.get(place[0])
    lines = [f"**Line {place[0]}**" + (f" · {escape.text(title)}" if title else ""), ""]
    new = shown(group)
    lines += [_said(found) for found in new]
    old = sum(not found.new for found in group)
    if old:
        lines.append(f"- {_many(old, 'problem')} stood here before and can stay.")
    if offer := best(group):
        whole = all(found.suggestion or found.severity == "info" for found in new)
        head = "The line as it should stand:" if whole else "With what can be mended for you:"
        lines += ["", head, "", escape.block(offer)]
    elif any(row.rule in FORMED for row in new):
        lines += ["", "The form of an entry in this list:", "", escape.block(FORM)]
    return "\n".join(lines)


def _said(found: Finding) -> str:
    rule = catalogue()[found.rule]
    message = found.message.rstrip(".")
    if not message.startswith("arXiv"):  # it writes itself so
        message = message[:1].upper() + message[1:]
    hint = "" if found.suggestion else f" {escape.text(rule.hint)}"
    why = escape.text(rule.reason)
    return f"- {SIGN[found.severity]} **{escape.text(message)}.** {why}{hint} ({escape.span(found.rule)})"


def best(group: list[Finding]) -> str | None:
    """The suggestion that mends most: a whole line before a patched one."""
    if any(row.new and row.rule in TWICE for row in group):
        return None
    offers = [row for row in group if row.new and row.suggestion]
    whole = [row for row in offers if row.rule in FORMED]
    counts = Counter(row.suggestion for row in offers)
    if whole:
        return whole[0].suggestion
    return counts.most_common(1)[0][0] if counts else None


def _foot(report: Report) -> str:
    lines = []
    if report.more:
        lines.append(f"{report.more} more findings had no room in the report.")
    if report.arxiv == "no answer":
        lines.append("arXiv gave no answer; titles were not compared.")
    if report.links == "no answer":
        lines.append("No link could be looked at.")
    older = f" {report.known} older problems of this list are not yours and do not count." if report.known else ""  # fmt: skip
    again = "Edit the line and push: the check runs again and this comment changes with it."
    lines.append(f"{again} On your own machine: {escape.span(_command(report))}.{older}")
    return "<sub>" + " ".join(lines) + "</sub>"


def _command(report: Report) -> str:
    return f"kb lint {report.path} --base origin/main"
