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
RULES: dict[str, LintRule] = {}


@dataclass(frozen=True)
class LintRule:
    """One rule of the catalogue."""

    id: str
    severity: Severity
    reason: str  # one sentence: why it matters
    hint: str  # one sentence: how to fix it
    theme: str  # the file that defines it
    check: Check
    fixes: bool  # `kb lint --fix` can repair it

    @property
    def summary(self) -> str:
        """One sentence: the problem it detects."""
        return (self.check.__doc__ or "").strip().split("\n")[0]


def rule(
    severity: Severity, *, reason: str, hint: str, fixes: bool = False
) -> Callable[[Check], Check]:
    """Register a function as a rule under its own name."""

    def register(check: Check) -> Check:
        name = check.__name__
        theme = check.__module__.rpartition(".rules_")[2]
        RULES[name] = LintRule(name, severity, reason, hint, theme, check, fixes)
        return check

    return register


def rules() -> list[LintRule]:
    """Every rule, in the order of the themes."""
    for theme in THEMES:
        import_module(f"kb.checks.rules_{theme}")
    return sorted(RULES.values(), key=lambda entry: THEMES.index(entry.theme))
