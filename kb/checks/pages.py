"""The page that documents the rules, generated from the catalogue."""

from __future__ import annotations

import re

from kb.checks.catalogue import THEMES, LintRule, rules

HEAD = """# Lint rules

`kb lint` reads a list and reports what is wrong, where, and how to fix it. `kb lint --rules` prints
this page.

- **error**: the list is wrong, or a reader cannot use it. Exit code 1.
- **warning**: it works but should be better. **info**: worth a look.
- `--base FILE|REV` separates new problems from old ones: a problem that the base has too becomes
  info and does not block, even if its line has moved.
- `--fix` applies the fixes that cannot change the meaning, and lists them. A second run changes
  nothing. All other suggestions are for a person to apply.
- Some rules need facts (whose id is this, what is the first author's surname). They take them from
  the records of the knowledge base and report nothing without records.
"""
MARKUP = re.compile(
    r"\[+[^\[\]]{1,60}\]+(?:\([^()]{0,60}\))?"
)  # shown as it is written, not as a link
NAMES = {
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


def page() -> str:
    """The rules page as Markdown: a table of all rules, then each with its reason and fix."""
    catalogue = rules()
    table = ["| rule | severity | `--fix` | what it detects |", "|---|---|---|---|"]
    for rule in catalogue:
        fixes = "yes" if rule.fixes else ""
        table.append(
            f"| [`{rule.id}`](#{rule.id}) | {rule.severity} | {fixes} | {_text(rule.summary)} |"
        )
    parts = [HEAD, "\n".join(table)]
    for theme in THEMES:
        parts.append(f"\n## {NAMES[theme]}")
        parts += [_section(rule) for rule in catalogue if rule.theme == theme]
    return "\n".join(parts) + "\n"


def _section(rule: LintRule) -> str:
    fixes = "; fixed by `--fix`" if rule.fixes else ""
    return (
        f"\n### `{rule.id}` {{ #{rule.id} }}\n\n{_text(rule.summary)} ({rule.severity}{fixes})\n\n"
        f"**Reason.** {_text(rule.reason)}\n\n**Fix.** {_text(rule.hint)}"
    )


def _text(sentence: str) -> str:
    return MARKUP.sub(r"`\g<0>`", sentence)
