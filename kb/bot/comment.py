"""The comment under the pull request, and the summary of the job.

All sentences come from our catalogue. Text of the report (a title, a message, a line) is untrusted:
it appears as code, shortened, and the footer states so. There is no time and no commit in the text:
the same findings give the same bytes, so the bot edits its comment only if the findings change.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from kb.bot import escape, formats
from kb.bot.catalogue import catalogue

if TYPE_CHECKING:
    from kb.bot.report import BotFinding, BotReport

MARK = "<!-- kb-bot:report -->"
LONGEST = 60_000  # characters of a comment; GitHub takes 65,536
LONGEST_SUMMARY = 900_000  # of a step summary; GitHub takes 1 MiB
REPORTED = frozenset({"error", "warning"})
SIGN = {"error": "❌", "warning": "⚠️", "info": "\N{INFORMATION SOURCE}\ufe0f"}
CLEAN = "All problems of this pull request are fixed. Thank you!"
QUOTED = 200  # characters of a message or a title
MAIN = "main"
QUOTES = "Text in code comes from the check of this branch."
FORM = "* `[First author et al. VENUEyy]` Title. Venue, Year. [[paper]](link) [[code]](link)"
TWICE = frozenset({"duplicate_entry", "known_paper"})
FORMED = frozenset({"required_field", "entry_form"})
Place = tuple[int, int]


def has_content(report: BotReport) -> bool:
    """Whether there is an error, a warning, or a suggestion."""
    return report.more > 0 or any(
        row.new and (row.severity in REPORTED or row.suggestion) for row in report.findings
    )


def comment(report: BotReport, *, notes: tuple[str, ...] = (), base: str = MAIN) -> str:
    """The sticky comment; `notes`: additional sentences, `base`: the target branch."""
    body = findings(report, LONGEST, base) if has_content(report) else "" if notes else CLEAN
    return f"{MARK}\n" + "\n\n".join(filter(None, [body, *notes])) + "\n"


def summary(report: BotReport) -> str:
    """The summary of the job: the changes, then the findings as in the comment."""
    changes = [f"- {row.change}: {quoted(row.title or '(no title)')}" for row in report.changes]
    total = report.added + report.changed + report.moved + report.removed
    if total > len(changes):
        changes.append(f"- and {total - len(changes)} more")
    listed = "\n".join(changes) or "No entry was added, changed, moved or removed."
    base = report.base_ref or MAIN
    body = findings(report, LONGEST_SUMMARY, base) if has_content(report) else "Nothing to fix."
    missed = f"\n\n{formats.unread(report)}." if report.unread else ""
    return f"## Check of {escape.span(report.path)}\n\n{listed}{missed}\n\n{body}\n"


def quoted(text: str) -> str:
    """Untrusted text: as code, on one line, shortened."""
    flat = " ".join(text.split())
    flat = flat if len(flat) <= QUOTED else f"{flat[: QUOTED - 3]}..."
    return escape.span(flat).replace("@", f"@{escape.BREAK}")


def findings(report: BotReport, room: int, base: str) -> str:
    """The findings grouped by line, as many as fit into `room` characters."""
    head = f"{_greeting(report)}\n"
    foot = _foot(report, base)
    left = room - len(head) - len(foot) - 200
    parts: list[str] = []
    groups = _groups(report)
    for number, (place, group) in enumerate(groups):
        part = _group(report, place, group)
        left -= len(part) + 2
        if left < 0:
            parts.append(f"And {len(groups) - number} more lines; see the summary of the job.")
            break
        parts.append(part)
    return "\n\n".join([head.rstrip(), *parts, foot])


def _greeting(report: BotReport) -> str:
    rows = [row for _, group in _groups(report) for row in shown(group)]
    errors, warnings = (sum(r.severity == weight for r in rows) for weight in ("error", "warning"))
    name, number = escape.span(report.path), report.added + report.changed
    thanks = f"Thank you for the {f'{number} entries' if number > 1 else 'entry'}!"
    thanks = f"**{thanks if number else 'Thank you!'}**"
    if errors:
        also = f" and {_many(warnings, 'thing')} to look at" if warnings else ""
        return f"{thanks} {_many(errors, 'thing')} to fix in {name}{also} before it can be merged."
    if warnings:
        return f"{thanks} It can be merged; {_many(warnings, 'thing')} to look at in {name}."
    return f"{thanks} It can be merged; a hint for {name}:"


def shown(group: list[BotFinding]) -> list[BotFinding]:
    """The findings to show for a line; for a duplicate only the advice to delete it."""
    new = [row for row in group if row.new]
    return [row for row in new if row.rule in TWICE] or new


def _many(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _groups(report: BotReport) -> list[tuple[Place, list[BotFinding]]]:
    """Findings by line."""
    groups: dict[int, list[BotFinding]] = {}
    for row in report.findings:
        groups.setdefault(row.line, []).append(row)
    new = [rows for rows in groups.values() if any(row.new for row in rows)]
    return [((rows[0].line, max(row.end_line for row in rows)), rows) for rows in new]


def _group(report: BotReport, place: Place, group: list[BotFinding]) -> str:
    titles = {row.line: row.title for row in report.changes if row.line}
    title = titles.get(place[0])
    lines = [f"**Line {place[0]}**" + (f" · {quoted(title)}" if title else ""), ""]
    new = shown(group)
    lines += [_sentence(row) for row in new]
    old = sum(not row.new for row in group)
    if old:
        lines.append(f"- {_many(old, 'problem')} stood here before and can stay.")
    if offer := best(group):
        complete = all(row.suggestion or row.severity == "info" for row in new)
        head = "The line as it should stand:" if complete else "With what can be corrected for you:"
        lines += ["", head, "", escape.block(offer)]
    elif report.form == "label" and any(row.rule in FORMED for row in new):
        lines += ["", "The form of an entry in this list:", "", escape.block(FORM)]
    return "\n".join(lines)


def _sentence(row: BotFinding) -> str:
    """What the check wrote of this case, quoted; then, in our words, why it matters and what to do."""
    rule = catalogue()[row.rule]
    hint = "" if row.suggestion else f" {escape.text(rule.hint)}"
    return (
        f"- {SIGN[row.severity]} {quoted(row.message)} {escape.text(rule.reason)}{hint}"
        f" ({escape.span(row.rule)})"
    )


def best(group: list[BotFinding]) -> str | None:
    """The suggestion that corrects most: a whole line before a patched one."""
    if any(row.new and row.rule in TWICE for row in group):
        return None
    offers = [row for row in group if row.new and row.suggestion]
    whole = [row for row in offers if row.rule in FORMED]
    counts = Counter(row.suggestion for row in offers)
    if whole:
        return whole[0].suggestion
    return counts.most_common(1)[0][0] if counts else None


def _foot(report: BotReport, base: str) -> str:
    lines = []
    if report.more:
        lines.append(f"{report.more} more findings had no room in the report.")
    if report.arxiv == "no answer":
        lines.append("arXiv gave no answer; titles were not compared.")
    if report.links == "no answer":
        lines.append("No link could be looked at.")
    older = f" {report.known} older problems of this list are not yours and do not count." if report.known else ""  # fmt: skip
    again = "Edit the line and push: the check runs again and this comment changes with it."
    command = escape.span(f"kb lint {report.path} --base origin/{base}")
    lines.append(f"{again} On your own machine: {command}.{older} {QUOTES}")
    return "<sub>" + " ".join(lines) + "</sub>"
