"""Rules that a new entry can break and an old list cannot: its fields, its form, its place."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from kb.bot.drafts import Draft, whole_line
from kb.bot.escape import hidden, mixed
from kb.checks.listing import WORKS
from kb.checks.words import title_key
from kb.lists.blocks import ITEM
from kb.lists.linkwords import PAPER
from kb.records import Library, Paper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kb.bot.changes import Changes
    from kb.checks.listing import Item, Listing
    from kb.enrich.feed import ArxivRecord

CUSTOM = 0.5  # the share of labelled papers from which a list wants labels
MANY, FIFTH = 5, 0.2  # entries taken out at once, and the share of a list: as `kb sync` asks
ORDERED = 4  # entries in order that make an order
TAG = re.compile(r"</?[A-Za-z][\w-]{0,30}(?:[\s/][^<>]{0,500})?>")
FENCES = ("```", "~~~")


def labelled(old: Listing, new: Listing) -> bool:
    """Whether papers of this list carry a label; of a list that only begins, its own."""
    papers = [item for item in (old if old.works else new).items if item.entry.kind == "paper"]
    return bool(papers) and sum(i.entry.label is not None for i in papers) >= CUSTOM * len(papers)


def fields(
    item: Item,
    listing: Listing,
    known: ArxivRecord | None,
    *,
    bullet: str | None,
    corrected: Item | None = None,
) -> Iterator[Draft]:
    """Missing parts of a new paper; with the complete line if arXiv or the entry has the parts.

    `bullet`: the mark of the list's lines, or None if its papers have no labels. `corrected`: the
    entry with the fixes of `kb lint`.
    """
    reads = corrected or item
    entry = reads.entry
    if not is_paper(reads):
        return
    labels = bullet is not None
    line = whole_line(reads, known, listing.venues, bullet) if bullet else None
    wanted: dict[str, object] = {"title": entry.title}
    if labels:
        dated = {"venue": entry.venue or entry.arxiv, "year": entry.year}
        wanted |= {"author": entry.authors, **dated}
    wanted["link"] = entry.links or item.entry.links  # a placeholder has a finding of its own
    missing = [name for name, value in wanted.items() if not value]
    if missing:
        what = f"this entry has no {', no '.join(missing)}"
        more = "; the complete line is below" if line else ""
        yield Draft("required_field", item.start, item.end, what + more, line)
    elif labels and entry.label is None:
        yield Draft("entry_form", item.start, item.end, "the entry has no label", line)


def is_paper(item: Item) -> bool:
    """Whether an entry is a paper, or a link labelled as one."""
    kinds = {link["kind"] for link in item.entry.links}
    pointer = item.entry.kind == "pointer" and (item.entry.arxiv or PAPER in kinds)
    return item.entry.kind == "paper" or bool(pointer)


def mass_removal(changes: Changes, old: Listing) -> Iterator[Draft]:
    """A change that takes out most of a list, or more than a fifth and more than five entries."""
    gone, total = len(changes.removed), len(old.items)
    most = gone > 1 and 2 * gone > total
    if most or (gone > MANY and gone > FIFTH * total):
        yield Draft("mass_removal", 0, 0, f"{gone} of {total} entries are taken out")


def characters(item: Item) -> Iterator[Draft]:
    """Hidden characters and letters of a foreign alphabet within words, addresses included."""
    for index, name in hidden(item.text):
        start = item.start + index
        yield Draft("hidden_character", start, start + 1, f"a hidden character ({name})")
    for index, word, name in mixed(item.text):
        start = item.start + index
        message = f"{word!r} holds a letter that only looks right ({name})"
        yield Draft("lookalike_letter", start, start + len(word), message)


def html(item: Item) -> Iterator[Draft]:
    """A tag outside of code: a picture, a script, a frame; `<https://...>` is an address."""
    for tag in TAG.finditer(item.bare):
        start = item.start + tag.start()
        yield Draft("raw_html", start, start + len(tag[0]), f"HTML: {tag[0][:60]!r}")


def order(changes: Changes, new: Listing) -> Iterator[Draft]:
    """A new entry that breaks the order in which its section stood before."""
    added = {item.index for item in changes.added}
    sections: dict[str | None, list[Item]] = defaultdict(list)
    for item in new.items:
        if item.entry.kind in WORKS:
            sections[item.entry.section].append(item)
    for items in sections.values():
        old = [item for item in items if item.index not in added]
        if len(old) < ORDERED or len(old) == len(items):
            continue
        orders = [name for name, rule in ORDERS.items() if _sorted(old, rule)]
        if orders and not any(_sorted(items, ORDERS[name]) for name in orders):
            yield from _misplaced(items, added, orders[0])


def _misplaced(items: list[Item], added: set[int], name: str) -> Iterator[Draft]:
    rule = ORDERS[name]
    for number, item in enumerate(items):
        if item.index not in added:
            continue
        beside = [
            i for i in items[max(0, number - 1) : number + 2] if i.index not in added or i is item
        ]
        if not _sorted(beside, rule):
            before = [i for i in items if i.index not in added and rule(i) <= rule(item)]
            after = f"after line {before[-1].entry.line}" if before else "first"
            message = f"entries here stand by {name}; this one belongs {after}"
            yield Draft("entry_order", item.start, item.end, message)


def _sorted(items: list[Item], rule: Callable[[Item], tuple[int, str]]) -> bool:
    keys = [rule(item) for item in items]
    return all(one <= two for one, two in pairwise(keys)) and (
        len(items) < ORDERED or len(set(keys)) > 1
    )


ORDERS: dict[str, Callable[[Item], tuple[int, str]]] = {
    "title": lambda item: (0, title_key(item.entry.title or "")),
    "first author": lambda item: (0, title_key(item.entry.first_author or "")),
    "year, newest first": lambda item: (-(item.entry.year or 0), ""),
    "year, oldest first": lambda item: (item.entry.year or 0, ""),
}  # fmt: skip


def known(changes: Changes, new: Listing, library: Library | None) -> Iterator[Draft]:
    """A new entry whose paper stands in the list on another line, or in the records already."""
    added = {item.index for item in changes.added}
    others = [item for item in new.items if item.index not in added]
    lines = {item.entry.arxiv: item for item in reversed(others) if item.entry.arxiv}
    for item in changes.added:
        there = lines.get(item.entry.arxiv or "")
        if there and (item.entry.title is None or _same_title(item, there)):
            message = f"arXiv {item.entry.arxiv} stands on line {there.entry.line} already"
            yield Draft("known_paper", item.start, item.end, message)
    if library is None:
        return
    here = {title_key(i.entry.title or "") for i in [*new.items, *changes.removed]}
    arxiv = {i.entry.arxiv for i in [*changes.removed, *others]}
    by_title: dict[str, Paper] = {}
    by_arxiv: dict[str, Paper] = {}
    for paper in library.papers:
        key = title_key(paper.title)
        if paper.status != "active":
            by_title.setdefault(key, paper)
        if key not in here and paper.ids.arxiv and paper.ids.arxiv not in arxiv:
            by_arxiv.setdefault(paper.ids.arxiv, paper)
    for item in changes.added:
        record = by_title.get(title_key(item.entry.title or "")) or by_arxiv.get(
            item.entry.arxiv or ""
        )
        if record is not None:
            state = {"removed": "was taken out of the list before", "withdrawn": "was withdrawn"}
            message = f"the records have it as {record.id} ({state.get(record.status, 'listed')})"
            yield Draft("known_record", item.start, item.end, message)


def unread(changes: Changes, new: Listing) -> Iterator[Draft]:
    """A new line of the list's body that has an item's form and is read as no entry."""
    if not new.items:
        return
    covered = {n for item in new.items for n in range(item.entry.line, item.entry.end_line + 1)}
    first, last = new.items[0].entry.line, new.items[-1].entry.end_line + 5
    fenced = False
    for number in range(1, min(last, len(new.starts)) + 1):
        text = new.line_text(number)
        fenced ^= text.lstrip().startswith(FENCES)
        body = ITEM.sub("", text, count=1).strip()
        looks = ITEM.match(text) is not None and bool(body) and "](#" not in text
        if number > first and not fenced and looks and number in changes.lines - covered:
            start = new.starts[number - 1]
            yield Draft("unread_line", start, start + len(text), f"read as no entry: {body[:80]!r}")


def _same_title(one: Item, other: Item) -> bool:
    return title_key(one.entry.title or "") == title_key(other.entry.title or "")
