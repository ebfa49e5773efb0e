"""Whose fault a finding is: what a change causes on an old line is told at the new one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kb.checks.address import identity
from kb.checks.listing import Listing
from kb.checks.words import title_key
from kb.lists.reading import Document

if TYPE_CHECKING:
    from kb.bot.changes import Changes
    from kb.checks.finding import Finding
    from kb.checks.listing import Item

PAIRED = frozenset({"shared_paper_url", "duplicate_entry"})


def on_the_change(found: Finding, change: Changes, new: Listing) -> Finding:
    """A new finding where the contributor can fix it; on a line that was not touched it only warns."""
    if found.known or found.entry < 0:
        return found
    item = new.items[found.entry]
    if found.entry in change.fresh_indexes:
        return found if found.rule != "year_section_mismatch" else _with_place(found, item, new)
    partner = _partner(found, item, change) if found.rule in PAIRED else None
    if partner is None:
        milder = "warning" if found.severity == "error" else found.severity
        return replace(found, severity=milder)
    what = (
        "this paper link is also that of"
        if found.rule == "shared_paper_url"
        else "the same paper as"
    )
    line, col = new.locate(partner.start)
    end_line, end_col = new.locate(partner.end)
    return replace(
        found, line=line, col=col, end_line=end_line, end_col=end_col, entry=partner.index,
        message=f"{what} line {item.entry.line}", suggestion=None, edits=(), replaces=(0, 0),
    )  # fmt: skip


def _partner(found: Finding, item: Item, change: Changes) -> Item | None:
    """The new entry that an old one shares its link or its title with."""
    if found.rule == "duplicate_entry":
        return change.by_title.get(title_key(item.entry.title or ""))
    links = (identity(link.url) for link in item.papers)
    return next((change.by_address[link] for link in links if link in change.by_address), None)


def _with_place(found: Finding, item: Item, new: Listing) -> Finding:
    """The finding, with the line of the section that the entry belongs in."""
    above = (item.entry.section or "").rpartition(" / ")[0]
    wanted = f"{above} / {item.entry.year}".removeprefix(" / ")
    line = Document(new.text, new.venues).heading_line(wanted)
    if line is None:
        return found
    return replace(
        found, message=f"{found.message}; that of {item.entry.year} begins at line {line}"
    )


def mended(lint: list[Finding], change: Changes, new: Listing) -> dict[int, Item]:
    """New entries as they read once the mends of lint are made, by index; one-line mends alone."""
    added = {item.index for item in change.added}
    out: dict[int, Item] = {}
    for found in lint:
        first, last = found.replaces
        one_line = first == last and found.suggestion and "\n" not in found.suggestion
        if found.entry not in added or found.entry in out or not one_line:
            continue
        section = new.items[found.entry].entry.section or "Papers"
        heads = "\n\n".join(
            f"{'#' * (n + 2)} {name}" for n, name in enumerate(section.split(" / "))
        )
        again = Listing(f"{heads}\n\n{found.suggestion}\n", new.file, venues=new.venues)
        if len(again.items) == 1:
            out[found.entry] = again.items[0]
    return out
