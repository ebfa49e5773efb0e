"""What follows a title where no mark and no table tells people from venues: each by its form."""

import re

from kb.lists import dates, people

SURNAMES = re.compile(  # `Ash, Oak, Elm`
    r"[^\W\d_a-z][\w'’-]{1,20}(?:(?:,\s(?:(?:and|&)\s)?|\s(?:and|&)\s)[^\W\d_a-z][\w'’-]{1,20}){1,9}"
)
BETWEEN = re.compile(r",\s(?:(?:and|&)\s)?|\s(?:and|&)\s")
AND = re.compile(r"^(?:and|&)\s")
SHORTEST_ACRONYM = 3  # letters in capitals; fewer may be initials
EDGE = " \t\n,;"


def surnames(text: str) -> list[str]:
    """The surnames that a text consists of, two or more; none where it is anything else."""
    text = text.strip(EDGE + ".")
    names = BETWEEN.split(text) if SURNAMES.fullmatch(text) else []
    return names if all(map(people.is_name, names)) else []


def one_dated(text: str) -> tuple[list[str], int] | None:
    """`Ada Byron, 2018` and `Ada Byron 2018`: one full name and a year."""
    named = dates.named_year(text)
    one = people.one(named[0]) if named and not is_venue(named[0]) else None
    return (one, named[1]) if named and one else None


def people_then_venue(text: str) -> tuple[list[str], bool, str, int] | None:
    """`A. Ash and B. Oak, Statistics and Kites 2000`: names, et al., a venue and its year."""
    text = dates.without_volume(text).strip(EDGE)
    before = text
    while "," in before:
        before = before.rpartition(",")[0]
        named = dates.named_year(text[len(before) :].strip(EDGE))
        if named is None or not is_venue(named[0]):
            continue
        one = people.one(before)
        got = people.authors(before) or ((one, False) if one else None)
        if got:
            return *got, *named
    return None


def is_venue(name: str) -> bool:
    """Whether words before a year are those of a venue: capitals, small words, no name's form."""
    words = AND.sub("", name.strip()).split()
    name = " ".join(words)
    if not words or people.is_initials(name):
        return False
    if any(word.isupper() and len(word) >= SHORTEST_ACRONYM for word in words):
        return "." not in name
    if people.authors(name) is not None:
        return False
    small = any(word.lower() in dates.SMALL for word in words)
    return len(words) == 1 or small or people.grade(name) == people.NO_NAME
