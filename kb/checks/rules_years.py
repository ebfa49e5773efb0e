"""The year of an entry: in its label, its text and its section."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kb.checks.catalogue import rule
from kb.checks.finding import Edit, Hit
from kb.lists import labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.checks.listing import Item, Listing

YEAR = re.compile(r"(?<!\d)(?:19[5-9]\d|20[0-4]\d)(?!\d)")
SPAN = re.compile(r"^((?:19|20)\d\d)\s{0,3}(?:-|–|—|to|~|/)\s{0,3}((?:19|20)\d\d)$")
BEFORE = re.compile(
    r"^(?:(?:before|until|pre|up to|<=?|≤|older than|prior to)[\s-]{0,3}((?:19|20)\d\d)|"
    r"((?:19|20)\d\d)\s{0,3}(?:and|&)\s{0,3}(?:before|earlier|older))$"
)
AFTER = re.compile(
    r"^(?:(?:since|from)\s{1,3}((?:19|20)\d\d)|((?:19|20)\d\d)\s{0,3}(?:\+|onwards?))$"
)
INCLUSIVE = re.compile(r"until|up to|<=|≤")
OPEN_BEFORE = frozenset({"before", "earlier", "older", "previous", "previous years"})
FILLER = re.compile(
    r"\b(?:year|papers?|publications?|preprints?|conferences?|journals?|in|of|the|published)\b"
)
TAIL = re.compile(r"[,.(\s]((?:19|20)\d\d)\)?[\s.,;*_]*$")
FIRST, LAST = 1900, 2100


@rule(
    "error",
    reason="Readers look for a paper under its year and miss it under another.",
    hint="Move the line to the section of its year.",
)
def year_section_mismatch(listing: Listing) -> Iterator[Hit]:
    """An entry in the section of another year."""
    for item in listing.works:
        span = listing.index(spans).get(item.entry.section or "")
        if span and misplaced(listing, item):
            heading = (item.entry.section or "").rpartition(" / ")[2]
            message = f"a paper of {item.entry.year} in section {heading!r}"
            yield Hit(*_year_place(item), message)


@rule(
    "error",
    reason="Label and text give two years; a citation copies one of them.",
    hint="Look the paper up and write the year of its publication in both places.",
)
def year_label_text_mismatch(listing: Listing) -> Iterator[Hit]:
    """A label and a text that give different years."""
    for item in listing.works:
        label = _label_year(listing, item)
        written = text_year(item)
        if label is None or written is None or written[0] == label:
            continue
        year, start, end = written
        message = f"the label has {label}, the text {year}"
        yield Hit(start, end, message, (Edit(start, end, str(label)),), safe=False)


def _label_year(listing: Listing, item: Item) -> int | None:
    if item.entry.kind != "paper" or not item.entry.label:
        return None
    return labels.read(labels.Label(item.entry.label), listing.venues).year


def text_year(item: Item) -> tuple[int, int, int] | None:
    """The year at the end of an entry's words, `... CVPR, 2019.`, and its place."""
    place = item.title_place
    if place is None:
        return None
    after = place[1] - item.start
    match = TAIL.search(item.words[after : after + 400].rstrip() + " ")
    if match is None:
        return None
    start = place[1] + match.start(1)
    return int(match[1]), start, start + 4


def _year_place(item: Item) -> tuple[int, int]:
    label = item.label_place
    if label and item.entry.kind == "paper":
        digits = str(item.entry.year)
        for form in (digits, digits[2:]):
            text = item.text[label[0] - item.start : label[1] - item.start]
            if text.endswith(form):
                return label[1] - len(form), label[1]
    written = text_year(item)
    if written and written[0] == item.entry.year:
        return written[1], written[2]
    return item.title_place or (item.start, item.end)


def misplaced(listing: Listing, item: Item) -> bool:
    """Whether an entry's year is outside the years of its section."""
    span = listing.index(spans).get(item.entry.section or "")
    year = item.entry.year
    return bool(span and year is not None and not span[0] <= year <= span[1])


def spans(listing: Listing) -> dict[str, tuple[int, int]]:
    """Section -> its first and last year; sections without years are absent."""
    sections = list(dict.fromkeys(i.entry.section for i in listing.items if i.entry.section))
    years, open_ended = {}, []
    for section in sections:
        parent, _, name = section.rpartition(" / ")
        span = years_of(name, listing)
        if span is not None:
            years[section] = span
        elif _bare(name) in OPEN_BEFORE:
            open_ended.append((section, parent))
    for section, parent in open_ended:
        siblings = [s[0] for other, s in years.items() if other.rpartition(" / ")[0] == parent]

        if siblings:
            years[section] = (FIRST, min(siblings) - 1)
    return years


def _bare(name: str) -> str:
    return " ".join(name.lower().strip(" .:()[]*_#").split())


def years_of(name: str, listing: Listing) -> tuple[int, int] | None:
    """The years of a heading, if it names nothing else but a venue."""
    bare = _bare(name[:80])
    if match := SPAN.match(bare):
        first, last = sorted((int(match[1]), int(match[2])))
        return first, last
    if match := BEFORE.match(bare):
        included = match[2] or INCLUSIVE.match(bare)
        return FIRST, int(match[1] or match[2]) - (0 if included else 1)
    if match := AFTER.match(bare):
        return int(match[1] or match[2]), LAST
    years = YEAR.findall(bare)
    rest = " ".join(FILLER.sub(" ", YEAR.sub(" ", bare)).split()).strip(" ()[]:-–—,'’&")
    if len(years) == 1 and (
        not rest or not any(c.isalnum() for c in rest) or listing.venues.canonical(rest)
    ):
        return int(years[0]), int(years[0])
    return None
