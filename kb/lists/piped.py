"""An entry of cells between pipes: `2018 | A Title | Ada Byron, et al. | PMLR | [PDF]`."""

import re

from kb.lists import dates, facts, people, venue_forms
from kb.lists.facts import Citation
from kb.lists.venues import Venues

PIPE = re.compile(r"\s\|\s")
HELD_IN = re.compile(
    r"^(?:in\s)?(?:(?:the\s)?proceedings of\s)?(?:the\s)?(?:\d{1,3}(?:st|nd|rd|th)\s)?",
    re.IGNORECASE,
)
FEWEST = 3  # cells that say something; two where one is a date
LONGEST_VENUE = 6  # words; twice as many after people


def cells(text: str) -> list[str]:
    """The cells of a text that is parted by pipes alone; none where it is not.

    What is set off inside a cell stands on a line of its own.
    """
    text = re.sub(r"[^\S\n]+", " ", text.replace("\r", " "))
    parts = [cell.strip(" |\n") for cell in PIPE.split(text) if any(map(str.isalnum, cell))]
    dated = any(map(dates.only_date, parts))
    return parts if len(parts) >= FEWEST or (dated and len(parts) > 1) else []


def read(cited: Citation, parts: list[str], venues: Venues) -> str:
    """Take what the cells give; the title is the first that is no fact and has several words."""
    rest = [" ".join(cell.split()) for cell in parts if not _take(cited, cell, venues)]
    title = next((cell for cell in rest if " " in cell), next(iter(rest), ""))
    after = rest[rest.index(title) + 1 :] if title else []
    for cell in after:
        one = people.one(cell) if not cited.authors else None
        if one:
            cited.authors = one
        elif cited.venue is None and (venue := _venue(cited, cell, venues)):
            cited.venue = venue
    return title


def _take(cited: Citation, cell: str, venues: Venues) -> bool:
    """Take the facts of a cell: the whole of it, or each of its lines."""
    if facts.take(cited, " ".join(cell.split()), venues):
        return True
    lines = [line for line in cell.split("\n") if any(map(str.isalnum, line))]
    if len(lines) < 2 or not all(facts.take(Citation(), line, venues) for line in lines):  # noqa: PLR2004
        return False
    for line in lines:
        facts.take(cited, line, venues)
    return True


def _venue(cited: Citation, cell: str, venues: Venues) -> str | None:
    """The venue that a cell after the title's names, known to a table or not."""
    meetings = (dates.acronym_year(part) for part in cell.split(","))
    if meeting := next(filter(None, meetings), None):
        return meeting[0]  # `Annual Meeting of Kites, MAKER 2015, Oslo`
    name = HELD_IN.sub("", dates.YEAR.sub("", cell).strip()).strip(venue_forms.EDGE)
    first = name.partition(":")[0]
    if known := venues.canonical(first):
        return known
    if cited.year and (spelt := venue_forms.spelt_out(f"{name} {cited.year}", venues)):
        return spelt[0]
    most = LONGEST_VENUE * (2 if cited.authors else 1)
    proper = any(word[:1].isdigit() or any(map(str.isupper, word)) for word in name.split()[:1])
    return name if proper and len(name.split()) <= most else None
