"""The catalogue of rules: one rule is one function, with an id, a reason and a hint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from kb.checks.finding import Hit, Severity

if TYPE_CHECKING:
    from kb.checks.listing import Listing

Check = Callable[["Listing"], Iterator[Hit]]
THEMES = (
    "duplicates",
    "years",
    "papers",
    "links",
    "addresses",
    "titles",
    "labels",
    "authors",
    "spacing",
)
RULES: dict[str, Rule] = {}


@dataclass(frozen=True)
class Rule:
    """One rule of the catalogue."""

    id: str
    severity: Severity
    reason: str  # why it matters, one sentence
    hint: str  # what to do about it, one sentence
    theme: str  # the file it stands in
    check: Check
    fixes: bool  # `kb lint --fix` can repair it

    @property
    def summary(self) -> str:
        """What it finds, in one sentence."""
        return (self.check.__doc__ or "").strip().split("\n")[0]


def rule(
    severity: Severity, *, reason: str, hint: str, fixes: bool = False
) -> Callable[[Check], Check]:
    """Register a function under its own name; it reads a whole list."""

    def register(check: Check) -> Check:
        name = check.__name__
        theme = check.__module__.rpartition(".rules_")[2]
        RULES[name] = Rule(name, severity, reason, hint, theme, check, fixes)
        return check

    return register


def rules() -> list[Rule]:
    """Every rule, in the order of the themes."""
    for theme in THEMES:
        import_module(f"kb.checks.rules_{theme}")
    return sorted(RULES.values(), key=lambda found: THEMES.index(found.theme))
