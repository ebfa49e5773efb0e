"""The bot's rules: those of `kb lint`, and those that apply to changes only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from kb.checks.catalogue import rules as lint_rules

if TYPE_CHECKING:
    from kb.checks.finding import Severity


@dataclass(frozen=True)
class BotRule:
    """One rule as shown to a contributor."""

    severity: Severity
    reason: str
    hint: str


OWN: dict[str, BotRule] = {
    "unreadable_list": BotRule(
        "error", "A list that cannot be read cannot be checked.", "Save it as UTF-8 Markdown."
    ),
    "mass_removal": BotRule(
        "error",
        "Removing many entries at once is usually an accident: an old copy, a broken merge.",
        "Restore them; remove entries in small steps, each with a reason.",
    ),
    "required_field": BotRule(
        "error",
        "Readers need author, title, venue and year to find a paper.",
        "Add the missing parts.",
    ),
    "entry_form": BotRule(
        "warning",
        "A common form helps readers to scan the list and programs to parse it.",
        "Write the entry in the form of its neighbours.",
    ),
    "unread_line": BotRule(
        "warning",
        "A line that is not an entry does not become a record.",
        "Write one entry per line, with a link.",
    ),
    "entry_order": BotRule(
        "warning", "Readers look for an entry in the order of the list.", "Move the line."
    ),
    "known_paper": BotRule(
        "error",
        "A paper with two lines is counted twice, and the lines drift apart.",
        "Edit the existing line, and delete this one.",
    ),
    "known_record": BotRule(
        "warning",
        "The paper already has a record.",
        "Check whether the list has it under another title; if it was removed, explain why it is back.",
    ),
    "hidden_character": BotRule(
        "error",
        "An invisible character makes a text different from what readers see.",
        "Delete it, or retype the word.",
    ),
    "lookalike_letter": BotRule(
        "warning",
        "A letter of another alphabet looks right, but no search finds the word.",
        "Retype the word.",
    ),
    "raw_html": BotRule(
        "warning",
        "Some viewers show HTML in an entry as text, others render it.",
        "Write it in Markdown.",
    ),
    "arxiv_title": BotRule(
        "error",
        "On arXiv this identifier belongs to a paper with another title.",
        "Open the link and check which paper is right.",
    ),
    "arxiv_unknown": BotRule(
        "error", "arXiv has no paper with this identifier.", "Copy the identifier from arXiv's page."
    ),
    "arxiv_withdrawn": BotRule(
        "warning",
        "arXiv's comment on this paper mentions a withdrawal.",
        "Read the comment on arXiv; a withdrawn paper should not be added.",
    ),
    "link_refused": BotRule(
        "error",
        "The address leads into a private network, or is not a web address.",
        "Write a public http or https address.",
    ),
    "link_invalid": BotRule("error", "This is not an address.", "Write https://..."),
    "link_dead": BotRule("warning", "The page does not exist.", "Look up the page and write its address."),
    "link_doubtful": BotRule(
        "info",
        "The page could not be checked; the problem may be temporary.",
        "Open it in a browser; if it is there, do nothing.",
    ),
    "link_moved": BotRule("info", "The page has moved permanently.", "Write the new address."),
}  # fmt: skip


@cache
def catalogue() -> dict[str, BotRule]:
    """All rules by id."""
    lint = {rule.id: BotRule(rule.severity, rule.reason, rule.hint) for rule in lint_rules()}
    return lint | OWN
