"""Duplicate entries."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from kb.checks.address import identity
from kb.checks.catalogue import rule
from kb.checks.finding import Hit
from kb.checks.rules_years import misplaced, spans
from kb.checks.words import overlap, similarity, title_key
from kb.lists.blocks import cells
from kb.records.keys import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.checks.listing import Item, Listing
    from kb.lists import Entry

ALIKE = 0.8  # titles at least this similar name one paper
COMMON = 0.4  # lines that cite one paper share at least this fraction of their words
DATED = re.compile(r"\b(?:19|20)\d\d\b")
FIRST_CELL = re.compile(r"<t[dh]\b[^<>]{0,400}>([^<>]{1,200})</t[dh]", re.IGNORECASE)
PLACES = frozenset({"implementation", "toolkit"})


@rule(
    "error",
    reason="A paper with two lines is counted twice, and the lines drift apart.",
    hint="Keep the line in the right section (the published version, where both are listed) and "
    "delete the other.",
)
def duplicate_entry(listing: Listing) -> Iterator[Hit]:
    """The same publication or the same repository on two lines."""
    for group in (*listing.index(_works), *listing.index(_places)):
        keep = min(group, key=lambda item: (misplaced(listing, item), _preprint(item), item.index))
        for item in group:
            if item is not keep:
                yield _duplicate(listing, item, keep)


def _duplicate(listing: Listing, item: Item, keep: Item) -> Hit:
    start, end = item.title_place or (item.start, item.end)
    one, other = item.entry, keep.entry
    if one.venue and other.venue and one.venue != other.venue:
        message = (
            f"the same paper as line {other.line}, there with {other.venue}, here with {one.venue}"
        )
        two = not (_preprint(item) or _preprint(keep))
        hint = "keep one line" + (", unless the record of one `extends` the other's" if two else "")
        return Hit(start, end, f"{message}: {hint}", severity="warning")
    if one.kind in PLACES and title_key(one.title or "") != title_key(other.title or ""):
        message = f"the same address as line {other.line} under another name"
        return Hit(start, end, message, severity="warning")
    what = "repository" if one.kind in PLACES else "paper"
    message = f"the same {what} as line {other.line}: delete this line"
    return Hit(start, end, message, severity=None if _certain(listing, item, keep) else "warning")


def _certain(listing: Listing, item: Item, keep: Item) -> bool:
    """Whether one line must go: a list by topic may show a paper under two topics."""
    sections = (item.entry.section, keep.entry.section)
    dated = any(section in listing.index(spans) for section in sections if section)
    if _name(item) != _name(keep):
        return False
    cited = item.entry.kind in PLACES or (item.cites() and keep.cites())
    one_topic = _topic(sections[0]) == _topic(sections[1])
    return cited and (sections[0] == sections[1] or (dated and one_topic))


def _name(item: Item) -> str:
    """The first cell of a row: tables of models cite one paper for several; else empty."""
    html = FIRST_CELL.search(item.text)
    first = html[1] if html else next(iter(cells(item.text)), "") if item.text[:1] == "|" else ""
    return fold(first)


def _topic(section: str | None) -> list[str]:
    """A section's path without the headings that are years."""
    return [part for part in (section or "").split(" / ") if not DATED.search(part)]


def _preprint(item: Item) -> bool:
    return (item.entry.venue or "arXiv") == "arXiv"


def _places(listing: Listing) -> list[list[Item]]:
    """Repositories with one address, in groups of two and more."""
    groups: dict[tuple[str | None, str], list[Item]] = defaultdict(list)
    for item in listing.items:
        if item.entry.kind in PLACES and item.entry.links:
            groups[item.entry.section, identity(item.entry.links[0]["url"])].append(item)
    return [group for group in groups.values() if len(group) > 1]


def _works(listing: Listing) -> list[list[Item]]:
    """Lines that cite one publication, in groups of two and more."""
    candidates: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in listing.works:
        for key in _keys(item.entry):
            candidates[item.entry.kind, key].append(item)
    partner: dict[int, int] = {}
    for group in candidates.values():
        for other in group[1:]:
            near = (i for i in group[:8] if i is not other and same_work(i, other))
            first = next((i for i in near if not listing.known.lineage(i.entry, other.entry)), None)
            if first is not None and first.index < other.index:
                partner[other.index] = min(first.index, partner.get(other.index, first.index))
    return _families(listing, partner)


def _families(listing: Listing, partner: dict[int, int]) -> list[list[Item]]:
    families: dict[int, list[Item]] = defaultdict(list)
    for index in sorted(partner):
        root = partner[index]
        while root in partner:
            root = partner[root]
        families[root].append(listing.items[index])
    return [[listing.items[root], *rest] for root, rest in families.items()]


def _keys(entry: Entry) -> list[str]:
    keys = [f"title:{title_key(entry.title)}"] if entry.title else []
    keys += [f"arxiv:{entry.arxiv}"] if entry.arxiv else []
    return keys + ([f"doi:{entry.doi.lower()}"] if entry.doi else [])


def same_work(one: Item, other: Item) -> bool:
    """Whether two entries cite one work: by ids, or else by title, surname and year together."""
    a, b = one.entry, other.entry
    if a.kind == "dataset" and a.label and b.label and fold(a.label) != fold(b.label):
        return False  # two datasets of one paper
    alike = similarity(a.title or "", b.title or "") >= ALIKE
    alike = alike and overlap(one.vocabulary, other.vocabulary) >= COMMON
    if a.doi and b.doi and a.doi.lower() == b.doi.lower():
        return alike
    if a.arxiv and b.arxiv:
        return a.arxiv == b.arxiv and alike
    near = a.year is None or b.year is None or abs(a.year - b.year) <= 1
    return near and alike and _one_author(a, b)


def _one_author(a: Entry, b: Entry) -> bool:
    if not (a.first_author and b.first_author):
        return True
    return fold(a.first_author) == fold(b.first_author)
