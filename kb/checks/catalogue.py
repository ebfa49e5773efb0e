"""The catalogue of rules: one rule is one function, with an id, a reason and a hint.

`page` writes the documentation of all of them, as the site and `kb lint --rules` show it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from kb.checks.finding import Hit, Severity

if TYPE_CHECKING:
    from kb.checks.listing import Listing

Check = Callable[["Listing"], Iterator[Hit]]
THEMES = {  # the end of the name of the file that defines them -> heading of the page
    "duplicates": "Duplicate entries",
    "years": "Years",
    "papers": "Targets of paper links",
    "links": "Broken links",
    "addresses": "Addresses",
    "titles": "Titles",
    "labels": "Labels and venues",
    "authors": "Authors",
    "spacing": "Spacing",
}
_HEAD = """# Lint rules

`kb lint` reads a list and reports what is wrong, where, and how to fix it. `kb lint --rules` prints
this page.

- **error**: the list is wrong, or a reader cannot use it. Exit code 1.
- **warning**: it works but should be better. **info**: look at it; it may be right.
- `--base FILE|REV` separates new problems from old ones: a problem that the base has too becomes
  info and does not block, even if its line has moved.
- `--fix` applies the fixes that cannot change the meaning, and lists them. A second run changes
  nothing. All other suggestions are for a person to apply.
- Some rules need facts (whose id is this, what is the first author's surname). They take them from
  the records of the knowledge base and report nothing without records.
"""
_MARKUP = re.compile(
    r"\[+[^\[\]]{1,60}\]+(?:\([^()]{0,60}\))?"
)  # shown as it is written, not as a link
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
    order = list(THEMES)
    return sorted(RULES.values(), key=lambda entry: order.index(entry.theme))


def page() -> str:
    """The rules page as Markdown: a table of all rules, then each with its reason and fix."""
    catalogue = rules()
    table = ["| rule | severity | `--fix` | what it detects |", "|---|---|---|---|"]
    for rule in catalogue:
        fixes = "yes" if rule.fixes else ""
        table.append(
            f"| [`{rule.id}`](#{rule.id}) | {rule.severity} | {fixes} | {_text(rule.summary)} |"
        )
    parts = [_HEAD, "\n".join(table)]
    for theme, heading in THEMES.items():
        parts.append(f"\n## {heading}")
        parts += [_section(rule) for rule in catalogue if rule.theme == theme]
    return "\n".join(parts) + "\n"


def _section(rule: LintRule) -> str:
    fixes = "; fixed by `--fix`" if rule.fixes else ""
    return (
        f"\n### `{rule.id}` {{ #{rule.id} }}\n\n{_text(rule.summary)} ({rule.severity}{fixes})\n\n"
        f"**Reason.** {_text(rule.reason)}\n\n**Fix.** {_text(rule.hint)}"
    )


def _text(sentence: str) -> str:
    return _MARKUP.sub(r"`\g<0>`", sentence)
