"""The words before and after a title -> authors, venue and year, part by part."""

import re

from kb.lists import dates, facts, trailing, venue_forms
from kb.lists.facts import Citation
from kb.lists.sentences import BRACKETS, apart, split
from kb.lists.venues import Venues

WRAPPED = re.compile(r"(?<=,)\r|(?<= and)\r|(?<=&)\r")
MOST_LINES = 8  # of an entry that may be facts line by line


def unwrapped(text: str, venues: Venues, *, named: bool = False) -> str:
    """Lines that only the file breaks put together, unless each line is a fact by itself.

    `named`: after a title a venue that no table knows is one, with its year.
    """
    if "\r" not in text:
        return text
    lines = [line for line in WRAPPED.sub(" ", text).split("\r") if any(map(str.isalnum, line))]
    each = len(lines) <= MOST_LINES and all(
        facts.take(Citation(), line, venues) or (named and dates.named_year(line))
        for line in lines[1:]
    )
    return ("\n" if each else " ").join(lines)


def take_all(cited: Citation, text: str, venues: Venues, *, named: bool = False) -> None:
    """Take what the words beside a title give, part by part.

    `named`: the words follow a title, so a venue that no table knows may stand there with its year.
    """
    left = []
    parts = split(apart(unwrapped(text, venues, named=named)))
    for part, after in zip(parts, [*parts, ""][1:], strict=True):
        known = facts.take(cited, part, venues)
        if known or (named and _take_before_year(cited, part, after, text, venues)):
            continue
        inner = BRACKETS.split(part[: facts.LONGEST])
        left += [words for words in inner if not facts.take(cited, words, venues)]
    for part in left if named else ():
        if not _take_people(cited, part):
            facts.take_named(cited, part)


def _take_before_year(cited: Citation, part: str, after: str, text: str, venues: Venues) -> bool:
    """Take surnames before a venue, or a venue that no table knows by its volume or year."""
    if facts.is_dated(after, venues) and (names := trailing.surnames(part)):
        cited.authors = cited.authors or names
        return True
    if (volume := venue_forms.with_volume(part)) and facts.take_named(cited, volume):
        return True
    if cited.venue is not None:
        return False
    alone = f"{part} (" in text
    cited.venue = venue_forms.before_year(part, after, authored=bool(cited.authors), alone=alone)
    return cited.venue is not None


def _take_people(cited: Citation, part: str) -> bool:
    """Take people and a venue that no table knows, or one name and its year, after a title."""
    if cited.authors:
        return False
    if got := trailing.people_then_venue(part):
        cited.authors, cited.et_al = got[:2]
        if cited.venue is None:
            cited.published(*got[2:])
    elif cited.venue is None and (one := trailing.one_dated(part)):
        cited.authors, cited.year = one[0], cited.year or one[1]
    return bool(cited.authors)
