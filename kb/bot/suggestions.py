"""Review suggestions: one click puts the line as it should stand. Only on lines the change adds."""

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
    from kb.bot.report import Report

MOST = 20  # comments of one review
PRINT = re.compile(r"<!-- kb:fp=([0-9a-f]{16}) -->")


@dataclass(frozen=True)
class Suggestion:
    """Lines first to last of the new file, and what should stand there."""

    first: int
    last: int
    text: str
    mark: str  # of rule-independent content: the place's text and what it should be


def made(report: Report, lines: dict[int, str]) -> list[Suggestion]:
    """The suggestions of a report that stand wholly on added lines and would change them."""
    out: dict[tuple[int, int], Suggestion] = {}
    groups: dict[int, list[Any]] = {}
    for found in report.findings:
        groups.setdefault(found.line, []).append(found)
    for group in groups.values():
        text = best(group)
        place = next(
            (row.replaces for row in group if row.suggestion == text and row.replaces), None
        )
        if text is None or place is None:
            continue
        first, last = place
        old = [lines.get(number) for number in range(first, last + 1)]
        if None not in old and "\n".join(map(str, old)) != text:
            mark = _print(report.path, "\n".join(map(str, old)), text)
            out.setdefault((first, last), Suggestion(first, last, text, mark))
    return [out[place] for place in sorted(out)][:MOST]


def _print(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def post(
    repository: str, number: int, sha: str, report: Report, lines: dict[int, str], client: Client
) -> list[str]:
    """Add what is new as one review, take back what is out of date; the sentences of what was done."""
    want = made(report, lines)
    path = f"{repository}/pulls/{number}/comments"
    try:
        there = list(client.pages(path))
        answered = {row.get("in_reply_to_id") for row in there}
        mine = {mark: row for row in there if (mark := _mark(row))}
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


def _mark(row: dict[str, Any]) -> str | None:
    bot = (row.get("user") or {}).get("type") == "Bot" and isinstance(row.get("id"), int)
    found = PRINT.search(str(row.get("body", ""))) if bot else None
    return found[1] if found else None


def _review(sha: str, path: str, new: list[Suggestion]) -> dict[str, Any]:
    return {"commit_id": sha, "event": "COMMENT", "comments": [_comment(path, one) for one in new]}


def _comment(path: str, one: Suggestion) -> dict[str, Any]:
    body = f"<!-- kb:fp={one.mark} -->\n{escape.block(one.text, 'suggestion')}"
    row: dict[str, Any] = {"path": path, "line": one.last, "side": "RIGHT", "body": body}
    if one.first != one.last:
        row |= {"start_line": one.first, "start_side": "RIGHT"}
    return row
