"""Labels and venues: `[Author et al. VENUEyy]`, and the venue of the text beside it."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from kb.checks.catalogue import rule
from kb.checks.finding import Edit, Hit
from kb.checks.rules_authors import scraped
from kb.checks.rules_years import text_year
from kb.checks.words import one_slip, swapped
from kb.lists import dates, labels
from kb.lists.venues import spelling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.checks.listing import Item, Listing
    from kb.lists import Entry, Venues

BRACKETED = re.compile(r"`{1,3}\s{0,3}\[[^`\n]{0,200}\]\s{0,3}`{1,3}")
YEAR_AT_END = re.compile(r"(?<!\d)(\d{4}|\d{2})$")
SPACES = re.compile(r"[\s-]")
FEWEST_LABELS = 5  # fewer show no common form
MAJORITY = 0.6  # the fraction of labels that makes a form common
SHORTEST_TYPO = 4  # letters: shorter names are too near to each other
Form = tuple[bool, bool, int]  # names an author, names a venue, digits of the year


@rule(
    "warning",
    reason="Readers scan the labels; one in another form hides its venue and year.",
    hint="Write [First author et al. VENUEyy] as the other labels do.",
)
def label_nonstandard(listing: Listing) -> Iterator[Hit]:
    """A label without venue or year, or in another form than the list's other labels."""
    common = listing.index(_common_form)
    for item in listing.items:
        place = item.label_place
        if item.entry.kind != "paper" or place is None:
            continue
        form = _form(item.entry, listing.venues)
        if form == common or (common is None and form[1] and form[2]):
            continue
        edits = _standard(item, place, common)
        yield Hit(*place, _lack(form, common), edits, safe=False)


def _form(entry: Entry, venues: Venues) -> Form:
    """The parts that a label has."""
    label = labels.read(labels.Label(entry.label or ""), venues)
    year = YEAR_AT_END.search(entry.label or "")
    digits = len(year[1]) if year else (4 if label.year else 0)
    return bool(label.authors), label.venue is not None, digits


def _common_form(listing: Listing) -> Form | None:
    """The form of most labels of this list; None if there is no such form."""
    papers = [i.entry for i in listing.items if i.entry.kind == "paper" and i.entry.label]
    if len(papers) < FEWEST_LABELS:
        return None
    form, count = Counter(_form(entry, listing.venues) for entry in papers).most_common(1)[0]
    return form if count >= MAJORITY * len(papers) else None


def _lack(form: Form, common: Form | None) -> str:
    wanted = common or (True, True, 2)
    lacks = [word for word, has, want in zip(("author", "venue", "year"), form, wanted, strict=True)
             if want and not has]  # fmt: skip
    if lacks:
        return f"the label names no {' and no '.join(lacks)}"
    return "the label is not in the form of the list's other labels"


def _standard(item: Item, place: tuple[int, int], common: Form | None) -> tuple[Edit, ...]:
    """The label in the form of the list, if the entry has the values for it."""
    entry = item.entry
    if not (entry.first_author and entry.venue and entry.year) or common not in (
        None,
        (True, True, 2),
        (True, True, 4),
    ):
        return ()
    many = entry.et_al or len(entry.authors) > 1
    digits = str(entry.year)[2:] if common is None or common[2] == 2 else str(entry.year)  # noqa: PLR2004
    venue = SPACES.sub("", entry.venue)
    author = scraped(entry.first_author, many) or entry.first_author
    return (Edit(*place, f"{author}{' et al.' if many else ''} {venue}{digits}"),)


def bracketed(text: str) -> str | None:
    """The back-ticked, bracketed label that a text starts with."""
    match = BRACKETED.match(text)
    return match[0] if match else None


@rule(
    "error",
    reason="No search finds a misspelt venue, and statistics count it as a venue of its own.",
    hint="Write the venue's official name.",
)
def venue_typo(listing: Listing) -> Iterator[Hit]:
    """A misspelt name of a known venue."""
    for item in listing.works:
        label = _label_venue(listing, item)
        written = text_venue(item)
        mention = listing.venues.canonical(written[0]) if written else None
        if label and (right := typo(label[0], listing, mention)):
            yield _typo(label, right)
        elif written:
            sure = listing.venues.canonical(label[0]) if label else None
            if right := typo(written[0], listing, sure):
                yield _typo(written, right)


def _typo(written: tuple[str, int, int], right: str) -> Hit:
    name, start, end = written
    return Hit(
        start, end, f"{name[:60]!r} is {right} misspelt", (Edit(start, end, right),), safe=False
    )


def typo(name: str, listing: Listing, other_mention: str | None) -> str | None:
    """The venue that a name misspells; `other_mention` is the entry's other venue."""
    venue, known_typo = listing.venues.lookup(name)
    if known_typo:
        return venue
    if venue or len(name) < SHORTEST_TYPO:
        return None
    key = spelling(name)
    if " " in key:
        return _misspelt_word(listing, key)
    for other in listing.index(_short_names).get(len(key), ()):
        right = listing.venues.names[other]
        if swapped(key, other) or (right == other_mention and one_slip(key, other)):
            return right
    if other_mention and one_slip(key, spelling(other_mention)):
        return other_mention
    return None


def _short_names(listing: Listing) -> dict[int, list[str]]:
    """One-word names of venues by their length."""
    table: dict[int, list[str]] = {}
    for name in listing.venues.names:
        if " " not in name and len(name) >= SHORTEST_TYPO:
            table.setdefault(len(name), []).append(name)
    return table


def _gaps(listing: Listing) -> dict[tuple[int, str], list[tuple[str, str]]]:
    """Long names of venues with one word left out -> that word and the venue."""
    table: dict[tuple[int, str], list[tuple[str, str]]] = {}
    for name, venue in listing.venues.names.items():
        words = name.split()
        for place, word in enumerate(words) if len(words) > 2 else ():  # noqa: PLR2004
            rest = " ".join(words[:place] + words[place + 1 :])
            table.setdefault((place, rest), []).append((word, venue))
    return table


def _misspelt_word(listing: Listing, key: str) -> str | None:
    """The venue whose long name this is but for one slip in one word."""
    words = key.split()
    if len(words) < 3 or len(words) > 16:  # noqa: PLR2004  (a venue's long name)
        return None
    table = listing.index(_gaps)
    for place, word in enumerate(words):
        rest = " ".join(words[:place] + words[place + 1 :])
        for right, venue in table.get((place, rest), ()):
            if (
                len(word) >= SHORTEST_TYPO
                and one_slip(word, right)
                and word.rstrip("s") != right.rstrip("s")
            ):
                return venue
    return None


def _label_venue(listing: Listing, item: Item) -> tuple[str, int, int] | None:
    """The venue of the label as written, and its place."""
    place = item.label_place
    if item.entry.kind != "paper" or place is None or not item.entry.label:
        return None
    text = YEAR_AT_END.sub("", item.entry.label).rstrip(" '’`_-")
    name = text.rpartition(" ")[2]
    if (
        not name
        or name.endswith(".")
        or not labels.read(labels.Label(item.entry.label), listing.venues).venue
    ):
        return None
    start = place[0] + len(text) - len(name)
    return name, start, start + len(name)


def text_venue(item: Item) -> tuple[str, int, int] | None:
    """The venue between title and year as written, `. CVPR, 2019`, and its place."""
    title, year = item.title_place, text_year(item)
    if title is None or year is None:
        return None
    between = item.words[title[1] - item.start : year[1] - item.start]
    name = dates.ARXIV_ID.sub("", between).rstrip(" ,.(")
    bare = name.lstrip(" .,;:]J[|*_)(")
    if not bare or len(bare) > dates.LONGEST_PHRASE or "\n" in bare:
        return None
    at = item.text.find(bare, title[1] - item.start)
    return (bare, item.start + at, item.start + at + len(bare)) if at >= 0 else None


@rule(
    "warning",
    reason="Label and text name two venues; a citation copies one of them.",
    hint="Look the paper up and write one venue in both places.",
)
def venue_label_text_mismatch(listing: Listing) -> Iterator[Hit]:
    """A label and a text that name different venues."""
    for item in listing.works:
        label, written = _label_venue(listing, item), text_venue(item)
        if label is None or written is None:
            continue
        one, other = (listing.venues.canonical(name[0]) for name in (label, written))
        if one and other and one != other and not _related(one, other):
            message = f"the label has {one}, the text {other}"
            yield Hit(written[1], written[2], message)


def _related(one: str, other: str) -> bool:
    """A preprint of a published paper, or a track of a conference, contradicts nothing."""
    return "arXiv" in (one, other) or one.startswith(other) or other.startswith(one)
