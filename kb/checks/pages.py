"""The page that documents the rules, made from the catalogue itself."""

from __future__ import annotations

import re

from kb.checks.catalogue import THEMES, Rule, rules

HEAD = """# Lint rules

`kb lint` reads a list and says what is wrong in it, where, and how to fix it. This page is made by
`kb lint --rules`.

- **error**: the list states something that is not so, or a reader cannot follow it. Exit code 1.
- **warning**: it works and should be better. **info**: something to look at.
- `--base FILE|REV` tells what is new: problems that stood in the base already become info and do
  not block, wherever their lines have moved to.
- `--fix` makes the fixes that change no meaning, all at once, and says which. A second run changes
  nothing. The other suggestions are shown and left to a person.
- Rules that need knowledge (whose id is this, what is the first author's surname) take it from the
  records of the knowledge base and are silent without.
"""
MARKUP = re.compile(
    r"\[+[^\[\]]{1,60}\]+(?:\([^()]{0,60}\))?"
)  # shown as it is written, not as a link
NAMES = {
    "duplicates": "Entries that stand twice",
    "years": "Years",
    "papers": "Where paper links lead",
    "links": "Links that do not work as written",
    "addresses": "Addresses",
    "titles": "Titles",
    "labels": "Labels and venues",
    "authors": "Authors",
    "spacing": "Spacing",
}


def page() -> str:
    """The rules page as Markdown: a table of all, then each rule with reason and hint."""
    catalogue = rules()
    table = ["| rule | severity | `--fix` | what it finds |", "|---|---|---|---|"]
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


def _section(rule: Rule) -> str:
    fixes = "; fixed by `--fix`" if rule.fixes else ""
    return (
        f"\n### `{rule.id}` {{ #{rule.id} }}\n\n{_text(rule.summary)} ({rule.severity}{fixes})\n\n"
        f"**Reason.** {_text(rule.reason)}\n\n**Mend.** {_text(rule.hint)}"
    )


def _text(sentence: str) -> str:
    return MARKUP.sub(r"`\g<0>`", sentence)
