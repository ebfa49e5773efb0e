"""The entries that a change adds, changes, moves or removes, and the findings that it causes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from kb.checks.address import identity
from kb.checks.base import partners
from kb.checks.listing import Listing
from kb.checks.words import title_key
from kb.lists.reading import Document

if TYPE_CHECKING:
    from kb.checks.finding import LintFinding
    from kb.checks.listing import Item

PAIRED = frozenset({"shared_paper_url", "duplicate_entry"})


@dataclass
class Changes:
    """Entries of the new list by kind of change, and the removed ones of the old list."""

    added: list[Item] = field(default_factory=list)
    changed: list[Item] = field(default_factory=list)
    moved: list[Item] = field(default_factory=list)
    removed: list[Item] = field(default_factory=list)
    lines: set[int] = field(default_factory=set)  # whose text the old list has nowhere

    @cached_property
    def fresh(self) -> list[Item]:
        """The entries to check: new and changed ones."""
        return sorted([*self.added, *self.changed], key=lambda item: item.start)

    @cached_property
    def fresh_indexes(self) -> frozenset[int]:
        """The places of those entries among all entries of the new list."""
        return frozenset(item.index for item in self.fresh)

    @cached_property
    def by_title(self) -> dict[str, Item]:
        """New and altered entries by their title's key."""
        return {title_key(item.entry.title or ""): item for item in reversed(self.fresh)}

    @cached_property
    def by_address(self) -> dict[str, Item]:
        """New and altered entries by the addresses of their paper links."""
        return {identity(link.url): item for item in reversed(self.fresh) for link in item.papers}


def between(old: Listing, new: Listing) -> Changes:
    """Compare two versions, entry by entry; white space and place in the section do not count."""
    partner = partners(new, old)
    out = Changes(lines=new_lines(old, new))
    for item in new.items:
        if item.index not in partner:
            out.added.append(item)
            continue
        before = old.items[partner[item.index]]
        if before.text.split() != item.text.split():
            out.changed.append(item)
        elif before.entry.section != item.entry.section:
            out.moved.append(item)
    remaining = set(partner.values())
    out.removed = [item for item in old.items if item.index not in remaining]
    return out


def new_lines(old: Listing, new: Listing) -> set[int]:
    """Lines whose text the old list lacks: every diff shows them as added."""
    before = {old.line_text(number) for number in range(1, len(old.starts) + 1)}
    numbers = range(1, len(new.starts) + 1)
    return {number for number in numbers if new.line_text(number) not in before}


def on_the_change(finding: LintFinding, change: Changes, new: Listing) -> LintFinding:
    """Move a new finding to a line of the change; on an unchanged line it is only a warning."""
    if finding.known or finding.entry < 0:
        return finding
    item = new.items[finding.entry]
    if finding.entry in change.fresh_indexes:
        return (
            finding if finding.rule != "year_section_mismatch" else _with_place(finding, item, new)
        )
    partner = _partner(finding, item, change) if finding.rule in PAIRED else None
    if partner is None:
        milder = "warning" if finding.severity == "error" else finding.severity
        return replace(finding, severity=milder)
    what = (
        "this paper link is also that of"
        if finding.rule == "shared_paper_url"
        else "the same paper as"
    )
    line, col = new.locate(partner.start)
    end_line, end_col = new.locate(partner.end)
    return replace(
        finding, line=line, col=col, end_line=end_line, end_col=end_col, entry=partner.index,
        message=f"{what} line {item.entry.line}", suggestion=None, edits=(), replaces=(0, 0),
    )  # fmt: skip


def _partner(finding: LintFinding, item: Item, change: Changes) -> Item | None:
    """The new entry with the same link or title as an old one."""
    if finding.rule == "duplicate_entry":
        return change.by_title.get(title_key(item.entry.title or ""))
    links = (identity(link.url) for link in item.papers)
    return next((change.by_address[link] for link in links if link in change.by_address), None)


def _with_place(finding: LintFinding, item: Item, new: Listing) -> LintFinding:
    """The finding, with the line of the entry's right section."""
    above = (item.entry.section or "").rpartition(" / ")[0]
    wanted = f"{above} / {item.entry.year}".removeprefix(" / ")
    line = Document(new.text, new.venues).heading_line(wanted)
    if line is None:
        return finding
    return replace(
        finding, message=f"{finding.message}; that of {item.entry.year} begins at line {line}"
    )


def corrected(lint: list[LintFinding], change: Changes, new: Listing) -> dict[int, Item]:
    """New entries as they read with the corrections of lint, by index; one-line corrections alone."""
    added = {item.index for item in change.added}
    out: dict[int, Item] = {}
    for finding in lint:
        first, last = finding.replaces
        one_line = first == last and finding.suggestion and "\n" not in finding.suggestion
        if finding.entry not in added or finding.entry in out or not one_line:
            continue
        section = new.items[finding.entry].entry.section or "Papers"
        heads = "\n\n".join(
            f"{'#' * (n + 2)} {name}" for n, name in enumerate(section.split(" / "))
        )
        again = Listing(f"{heads}\n\n{finding.suggestion}\n", new.file, venues=new.venues)
        if len(again.items) == 1:
            out[finding.entry] = again.items[0]
    return out
