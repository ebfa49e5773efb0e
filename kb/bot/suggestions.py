"""Review suggestions: one click applies the corrected line. Only on lines that the change adds."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kb.bot import escape
from kb.bot.comment import best
from kb.bot.github import RefusedError

if TYPE_CHECKING:
    from kb.bot.github import Client
    from kb.bot.report import BotFinding, BotReport

HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")
MOST = 20  # comments of one review
LONGEST = 2000  # characters of a suggestion
MARK = re.compile(r"<!-- kb:fp=([0-9a-f]{16}) -->")
READ_IT = "Suggested by the check of this branch; read it before you take it."


def added_lines(patch: str | None) -> dict[int, str]:
    """Line number -> text of each added line of a unified diff; empty if GitHub has no diff."""
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


@dataclass(frozen=True)
class Suggestion:
    """Lines first to last of the new file, and their replacement."""

    first: int
    last: int
    text: str
    mark: str  # of rule-independent content: the place's text and what it should be


def made(report: BotReport, lines: dict[int, str]) -> list[Suggestion]:
    """The suggestions of a report that change added lines only."""
    out: dict[tuple[int, int], Suggestion] = {}
    groups: dict[int, list[BotFinding]] = {}
    for row in report.findings:
        groups.setdefault(row.line, []).append(row)
    for group in groups.values():
        text = best(group)
        place = next(
            (row.replaces for row in group if row.suggestion == text and row.replaces), None
        )
        if text is None or place is None or len(text) > LONGEST:
            continue
        first, last = place
        old = [lines.get(number) for number in range(first, last + 1)]
        if None not in old and "\n".join(map(str, old)) != text:
            mark = _fingerprint(report.path, "\n".join(map(str, old)), text)
            out.setdefault((first, last), Suggestion(first, last, text, mark))
    return [out[place] for place in sorted(out)][:MOST]


def _fingerprint(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def post(
    repository: str, number: int, sha: str, report: BotReport, lines: dict[int, str], client: Client
) -> list[str]:
    """Post new suggestions as one review and delete outdated ones; returns sentences about it."""
    want = made(report, lines)
    path = f"{repository}/pulls/{number}/comments"
    try:
        there = list(client.pages(path))
        answered = {row.get("in_reply_to_id") for row in there}
        mine = {mark: row for row in there if (mark := _mark(row, client.author))}
        stale = [row for mark, row in mine.items() if mark not in {one.mark for one in want}]
        for row in stale:
            if row["id"] not in answered:  # a conversation is not torn apart
                client.send("DELETE", f"{repository}/pulls/comments/{row['id']}")
        new = [one for one in want if one.mark not in mine]
        if not new:
            return []
        client.send("POST", f"{repository}/pulls/{number}/reviews", _review(sha, report.path, new))
    except RefusedError as error:
        return [f"suggestions were left out ({error}); the comment has them"]
    return [f"{len(new)} suggestion{'' if len(new) == 1 else 's'} on the diff of #{number}"]


def _mark(row: dict[str, Any], author: int) -> str | None:
    """The mark of one of our comments, if it has our account's id."""
    ours = (row.get("user") or {}).get("id") == author and isinstance(row.get("id"), int)
    match = MARK.search(str(row.get("body", ""))) if ours else None
    return match[1] if match else None


def _review(sha: str, path: str, new: list[Suggestion]) -> dict[str, Any]:
    return {"commit_id": sha, "event": "COMMENT", "comments": [_comment(path, one) for one in new]}


def _comment(path: str, one: Suggestion) -> dict[str, Any]:
    body = f"<!-- kb:fp={one.mark} -->\n{READ_IT}\n\n{escape.block(one.text, 'suggestion')}"
    row: dict[str, Any] = {"path": path, "line": one.last, "side": "RIGHT", "body": body}
    if one.first != one.last:
        row |= {"start_line": one.first, "start_side": "RIGHT"}
    return row
