"""Run the rules over a list: hits become findings with line, column and suggestion."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from kb.checks.catalogue import rules
from kb.checks.finding import RANK, Edit, Hit, LintFinding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kb.checks.catalogue import LintRule
    from kb.checks.listing import Listing

LONGEST_MESSAGE = 300


def check(listing: Listing, chosen: Iterable[LintRule] | None = None) -> list[LintFinding]:
    """All findings of the list, by line, column and severity; one per rule and place."""
    hits: dict[tuple[str, int, int], tuple[LintRule, Hit]] = {}
    for rule in rules() if chosen is None else chosen:
        for hit in rule.check(listing):
            hits.setdefault((rule.id, hit.start, hit.end), (rule, hit))
    fixed = _fixed_lines(listing, [hit for _, hit in hits.values()])
    findings = [_finding(listing, rule, hit, fixed) for rule, hit in hits.values()]
    return sorted(findings, key=lambda f: (f.line, f.col, RANK[f.severity], f.rule))


def _finding(listing: Listing, rule: LintRule, hit: Hit, fixed: dict[int, str]) -> LintFinding:
    """The finding of a hit; its suggestion is the line with all edits of that line."""
    line, col = listing.locate(hit.start)
    end_line, end_col = listing.locate(max(hit.start, hit.end))
    replaces = _lines(listing, hit.edits) if hit.edits else (0, 0)
    suggestion = "\n".join(fixed[n] for n in range(replaces[0], replaces[1] + 1) if n in fixed)
    return LintFinding(
        rule=rule.id,
        severity=hit.severity or rule.severity,
        file=listing.file,
        line=line,
        col=col,
        message=one_line(hit.message),
        suggestion=suggestion if hit.edits else None,
        end_line=end_line,
        end_col=end_col,
        replaces=replaces,
        width=len(listing.line_text(replaces[1])) if replaces[1] else 0,
        entry=entry_at(listing, hit.start),
        edits=hit.edits if hit.safe and rule.fixes else (),
    )


def _lines(listing: Listing, edits: tuple[Edit, ...]) -> tuple[int, int]:
    """The first and the last line that edits touch."""
    first = listing.locate(min(edit.start for edit in edits))[0]
    return first, listing.locate(max(edit.end for edit in edits))[0]


def _fixed_lines(listing: Listing, hits: list[Hit]) -> dict[int, str]:
    """Line number -> the line with all edits made; joined lines are at their first number."""
    edits: dict[int, list[Edit]] = {}
    for hit in hits:
        for edit in hit.edits:
            edits.setdefault(listing.locate(edit.start)[0], []).append(edit)
    lines = {}
    for number, group in edits.items():
        last = listing.locate(max(edit.end for edit in group))[0]
        start, end = listing.starts[number - 1], listing.line_end(last)
        lines[number] = apply(listing.text[start:end], group, start).replace("\r\n", "\n")
    return lines


def apply(text: str, edits: Iterable[Edit], offset: int = 0) -> str:
    """The text with edits made; of two that overlap, the wider wins."""
    pieces, done = [], 0
    for edit in sorted(edits, key=lambda e: (e.start, -e.end)):
        start, end = edit.start - offset, edit.end - offset
        if start < done:
            continue
        pieces += [text[done:start], edit.text]
        done = end
    return "".join([*pieces, text[done:]])


def entry_at(listing: Listing, offset: int) -> int:
    """The index of the entry at an offset; -1 outside of all."""
    starts = listing.index(_starts)
    index = bisect_right(starts, offset) - 1
    return index if index >= 0 and offset <= listing.items[index].end else -1


def _starts(listing: Listing) -> list[int]:
    return [item.start for item in listing.items]


def one_line(message: str) -> str:
    """A message as one line of printable characters, shortened to LONGEST_MESSAGE."""
    shown = "".join(char if char.isprintable() else " " for char in message)
    flat = " ".join(shown.split())
    return flat if len(flat) <= LONGEST_MESSAGE else flat[: LONGEST_MESSAGE - 1] + "…"
