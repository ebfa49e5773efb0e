"""The labels that say how a pull request stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kb.bot.report import Report

VALID, NEEDS_FIX, DEAD_LINK, DUPLICATE = "kb:valid", "kb:needs-fix", "kb:dead-link", "kb:duplicate"
OURS = frozenset({VALID, NEEDS_FIX, DEAD_LINK, DUPLICATE})
BY_RULE = {
    "link_dead": DEAD_LINK,
    "duplicate_entry": DUPLICATE,
    "known_paper": DUPLICATE,
    "known_record": DUPLICATE,
}


def wanted(report: Report, *, trusted: bool) -> set[str]:
    """The labels of a report; `valid` only where the check itself is `trusted`."""
    labels = {BY_RULE[row.rule] for row in report.findings if row.new and row.rule in BY_RULE}
    if report.blocks:
        labels.add(NEEDS_FIX)
    elif trusted:
        labels.add(VALID)
    return labels
