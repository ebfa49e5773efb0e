"""A finding on its way into the report: offsets become lines, text becomes safe to hand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb.bot import report
from kb.bot.catalogue import OWN
from kb.checks.run import one_line

if TYPE_CHECKING:
    from kb.checks.finding import Finding, Severity
    from kb.checks.listing import Listing


@dataclass(frozen=True)
class Draft:
    """A finding of the bot's own; offsets into the new list, `line` the whole line that mends it."""

    rule: str
    start: int
    end: int
    message: str
    line: str | None = None
    severity: Severity | None = None


def placed(draft: Draft, listing: Listing) -> report.Finding:
    """A draft as it stands in the report."""
    line, col = listing.locate(draft.start)
    end_line, end_col = listing.locate(max(draft.start, draft.end))
    suggestion = shown(draft.line)
    return report.Finding(
        rule=draft.rule,
        severity=draft.severity or OWN[draft.rule].severity,
        line=line, end_line=end_line, col=col, end_col=end_col,
        message=one_line(draft.message) or draft.rule,
        suggestion=suggestion,
        replaces=[line, end_line] if suggestion is not None else None,
    )  # fmt: skip


def of_lint(found: Finding, listing: Listing) -> report.Finding:
    """A finding of `kb lint`; a suggestion that changes nothing is none."""
    suggestion = shown(found.suggestion)
    first, last = found.replaces
    if suggestion is not None and suggestion == "\n".join(
        listing.line_text(number) for number in range(first, last + 1)
    ):
        suggestion = None
    return report.Finding(
        rule=found.rule,
        severity=found.severity,
        line=found.line, end_line=max(found.line, found.end_line), col=found.col,
        end_col=max(1, found.end_col),
        message=one_line(found.message) or found.rule,
        suggestion=suggestion,
        replaces=[first, last] if suggestion is not None else None,
        new=not found.known,
    )  # fmt: skip


def shown(text: str | None) -> str | None:
    """A suggestion that may be handed on: all of it visible, none of it too long."""
    try:
        return None if text is None or len(text) > 4000 else report.seen_lines(text)  # noqa: PLR2004
    except ValueError:
        return None
