"""What a change does to a list: entries added, altered, moved, removed; lines surely new."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from kb.checks.address import identity
from kb.checks.base import partners
from kb.checks.words import title_key

if TYPE_CHECKING:
    from kb.checks.listing import Item, Listing


@dataclass
class Changes:
    """Items of the new list, and of the old one those that are gone."""

    added: list[Item] = field(default_factory=list)
    changed: list[Item] = field(default_factory=list)
    moved: list[Item] = field(default_factory=list)
    removed: list[Item] = field(default_factory=list)
    lines: set[int] = field(default_factory=set)  # whose text the old list has nowhere

    @cached_property
    def fresh(self) -> list[Item]:
        """What must be held to the rules: new and altered entries."""
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
    kept = set(partner.values())
    out.removed = [item for item in old.items if item.index not in kept]
    return out


def new_lines(old: Listing, new: Listing) -> set[int]:
    """Lines whose text stands nowhere in the old list: every diff shows them as added."""
    before = {old.line_text(number) for number in range(1, len(old.starts) + 1)}
    numbers = range(1, len(new.starts) + 1)
    return {number for number in numbers if new.line_text(number) not in before}
