"""What the bot can say: the rules of `kb lint`, and those that only a change can break."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from kb.checks.catalogue import rules as lint_rules

if TYPE_CHECKING:
    from kb.checks.finding import Severity


@dataclass(frozen=True)
class BotRule:
    """One rule, as a contributor reads it."""

    severity: Severity
    reason: str
    hint: str


OWN: dict[str, BotRule] = {
    "unreadable_list": BotRule(
        "error", "A list that cannot be read cannot be checked.", "Save it as UTF-8 Markdown."
    ),
    "mass_removal": BotRule(
        "error",
        "Many entries that leave together are usually an accident: an old copy, a broken merge.",
        "Put them back; what should go can go in small steps, each with its reason.",
    ),
    "required_field": BotRule(
        "error",
        "A reader needs who, what, where and when to find a paper.",
        "Write what is missing.",
    ),
    "entry_form": BotRule(
        "warning",
        "Entries in one form can be scanned by readers and read by programs.",
        "Write the entry in the form of its neighbours.",
    ),
    "unread_line": BotRule(
        "warning",
        "A line that is read as no entry will not become a record.",
        "Write one entry a line, with a link.",
    ),
    "entry_order": BotRule(
        "warning", "A reader looks for an entry where the order puts it.", "Move the line."
    ),
    "known_paper": BotRule(
        "error",
        "A paper that stands twice is counted twice, and the two lines drift apart.",
        "Change the line that is there, and delete this one.",
    ),
    "known_record": BotRule(
        "warning",
        "The records know this paper already.",
        "Look whether the list has it under another title; if it was taken out, say why it is back.",
    ),
    "hidden_character": BotRule(
        "error",
        "A character that nobody sees makes text read differently from what it says.",
        "Delete it; typing the word anew does.",
    ),
    "lookalike_letter": BotRule(
        "warning",
        "A letter of another alphabet looks right and is found by no search.",
        "Type the word anew.",
    ),
    "raw_html": BotRule(
        "warning",
        "HTML in an entry is shown as text by some readers and run by others.",
        "Write it in Markdown.",
    ),
    "arxiv_title": BotRule(
        "error",
        "arXiv gives this identifier to a paper of another title.",
        "Open the link and see which of the two is meant.",
    ),
    "arxiv_unknown": BotRule(
        "error", "arXiv knows no paper of this identifier.", "Copy the identifier from arXiv's page."
    ),
    "arxiv_withdrawn": BotRule(
        "warning",
        "arXiv's comment on this paper speaks of a withdrawal.",
        "Read the comment on arXiv; a withdrawn paper should not be added.",
    ),
    "link_refused": BotRule(
        "error",
        "The address leads into a private network, or is not of the web.",
        "Write a public http or https address.",
    ),
    "link_invalid": BotRule("error", "This is not an address.", "Write https://..."),
    "link_dead": BotRule("warning", "The page is not there.", "Look the page up and write its address."),
    "link_doubtful": BotRule(
        "info",
        "The page could not be seen just now; that may pass.",
        "Open it once in a browser; nothing to do if it is there.",
    ),
    "link_moved": BotRule("info", "The page has moved for good.", "Write the new address."),
}  # fmt: skip


@cache
def catalogue() -> dict[str, BotRule]:
    """Every rule by its id."""
    lint = {rule.id: BotRule(rule.severity, rule.reason, rule.hint) for rule in lint_rules()}
    return lint | OWN
