"""Venues that no table knows, each by the form of its name; where their year stands."""

import re

from kb.lists import dates, people
from kb.lists.venues import Venues

WORDED = re.compile(
    r"(?:(?:in\s)?proceedings of )?(?:the\s)?"
    r"(?:(?:\d{1,3}(?:st|nd|rd|th)|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|[a-z]{3,9}teenth|"
    r"[a-z]{3,7}t(?:ieth|y-[a-z]{3,7}))\s)?"
    r"((?:(?:international|annual|asian|european|joint|ieee|acm)\s){0,3}(?:journal|transactions|annals|archives|letters|"
    r"conference|symposium|workshop|lecture notes|advances)\s(?:of|on|in|for)\s(?:[^\d()\n]|\d-?D\b){3,70}?|"
    r"[A-Z][^\d()\n,.]{2,60}\s(?:workshop|symposium|conference))[\s,]{1,3}((?:19[5-9]|20[0-4])\d)",
    re.IGNORECASE,
)
SPELT_OUT = re.compile(
    r"(?:[Ii]n\s)?([A-Z][^()\n]{8,120}?)\s?\(([A-Z][\w&/+-]{0,8}[A-Z][\w&/+-]{0,8})\)[\s,.]{0,9}"
)
VENUE_WORD = re.compile(
    r"\b(?:Int|Conf|Symp|Trans|Proc|Lett|Journal|Conference|Symposium|Workshop|Meeting|Transactions|"
    r"Proceedings|Letters|Magazine)\b"
)
EDGE = " \t\n.,;:|*_`~<>-–—·•\\"


def spelt_out(part: str, venues: Venues) -> tuple[str, int] | None:
    """`Int. Symp. Circuits and Kites (ISCAK), 2018`: a venue with its short name, and its year."""
    year = dates.find_year(part)
    name = dates.YEAR.sub(" ", dates.PAGES.sub(" ", part)).strip()
    match = SPELT_OUT.fullmatch(name) if year else None
    if year is None or match is None or not VENUE_WORD.search(match[1]):
        return None
    return venues.canonical(match[1]) or match[2], year


def abbreviated(part: str, venues: Venues) -> tuple[str, int | None] | None:
    """`J. Foo Stud. 12 (2017)`: a journal as ISO 4 cuts its name, and its year."""
    name = dates.without_numbers(part)
    if "," in name or not venues.is_abbreviated(name):
        return None
    return name, dates.find_year(part)


def worded(text: str) -> tuple[str, int] | None:
    """`Journal of computer-aided design 2016`: a venue by a word that only venues have."""
    match = WORDED.fullmatch(dates.REMARK.sub(" ", text.rpartition("@")[2]).strip(EDGE))
    if match is None or people.ET_AL.search(text):
        return None
    return " ".join(dates.MONTH.sub(" ", match[1]).split()).strip(EDGE), int(match[2])


def with_volume(sentence: str) -> str | None:
    """`The Kite Record, 2014` of `The Kite Record 29(146), 2014`; None where there is no volume."""
    plain = dates.without_volume(sentence)
    return plain if "(" in sentence and "(" not in plain else None


def before_year(sentence: str, after: str, *, authored: bool, alone: bool) -> str | None:
    """The venue of `Biometrics (2016)` and `Kites 70, no. 1 (1983)`; the year is `after` it.

    `alone`: a year in brackets follows, so that one word may be a venue, where the authors are
    known (`authored`).
    """
    year = dates.only_date(after)
    named = dates.named_year(dates.without_volume(f"{sentence} {year}")) if year else None
    if named is None:
        return None
    volume = any(map(str.isdigit, sentence))
    name = authored and people.grade(named[0]) != people.NO_NAME
    return named[0] if volume or (alone and name and " " not in named[0]) else None
