"""One part of a citation -> authors, venue and year. What is none of these is left alone."""

import re
from dataclasses import dataclass, field

from kb.lists import dates, people, trailing, venue_forms
from kb.lists.venue_forms import EDGE
from kb.lists.venues import Venues

IN_BRACKETS = re.compile(r"\s*\([^()]{0,300}\)?\s*[.,:;]?\s*")  # a title may begin with a bracket
PREFIX = re.compile(
    r"^(?:venue|conference|journal|published(?: in| at)?|publication|accepted (?:by|at|to|in)|"
    r"year|date|authors?|in|intro|作者|会议|时间)\s{0,3}[:：]\s{0,3}",
    re.IGNORECASE,
)
LEADING = re.compile(
    r"\b(?:in|at|by|to|the|proc|proceedings|of|accepted|appear|appeared|published|presented|also|"
    r"oral|poster|spotlight|preprint)\b\.?",
    re.IGNORECASE,
)
SUBMITTED = re.compile(  # `arXiv 2020, submitted to ICASSP 2021` is not published there
    r"[\s,;]{1,4}(?:submitted to|under (?:review|submission)(?: (?:at|by|in|for))?)\s[^,;()]{2,60}$",
    re.IGNORECASE,
)
EDGE_OF_NAMES = EDGE.replace(".", "")  # an initial keeps its stop
GROUP_LAST = re.compile(r"(.{3,}?)[\s,]{1,5}[(（]([^()（）]{3,80})[)）]?[\s.,]{0,5}$", re.DOTALL)
PAIR = re.compile(r"([A-Z][\w'’-]{1,20})\s(?:and|&)\s([A-Z][\w'’-]{1,20})")  # two surnames
PREPRINT = "arXiv"
LONGEST = 700  # characters of a part that may be facts
MOST_BESIDE = 6  # words between authors and a venue
MOST_TAIL = 3  # commas in a venue's phrase at the end of a part


@dataclass
class Citation:
    """What the words of one entry say."""

    title: str | None = None
    authors: list[str] = field(default_factory=list)
    et_al: bool = False
    venue: str | None = None
    year: int | None = None
    dated: bool = False  # the year is that of a date, which a venue's own year outweighs
    listed: str = ""  # the text that the authors were read in

    def published(self, venue: str | None, year: int | None) -> None:
        """Take venue and year, each where none is known yet."""
        self.venue = self.venue or venue
        self.year = self.year or year

    def fill(self, other: "Citation") -> None:
        """Take what another citation says where this one says nothing yet."""
        if not self.authors:
            self.authors, self.et_al, self.listed = other.authors, other.et_al, other.listed
        self.published(other.venue, other.year)


def take(cited: Citation, part: str, venues: Venues) -> bool:
    """Take authors, venue and year from a part; whether it says nothing else. The first wins."""
    whole = PREFIX.sub("", part.strip(EDGE_OF_NAMES)).strip(EDGE_OF_NAMES + "()[]{}\"“”'")
    whole = SUBMITTED.sub("", whole) or whole
    part = whole.strip(EDGE + "()[]{}\"“”'")
    if not part or len(part) > LONGEST:
        return False
    if year := dates.only_date(dates.REMARK.sub(" ", part)):
        cited.dated = cited.dated or cited.year is None
        cited.year = cited.year or year
        return True
    if _people_in_group(cited, whole, venues) or _venue(cited, part, venues):
        return True
    if _unlisted(cited, part, whole, venues) or _people(cited, whole):
        return True
    before = cut_tail(cited, part, venues) if "," in part else None
    if before is None and (_before_acronym(cited, part) or _dated_people(cited, part)):
        return True
    return _by_parts(cited, part, before, venues)


def _by_parts(cited: Citation, part: str, before: str | None, venues: Venues) -> bool:
    """Take people up to `et al.` and what follows them, or what stands `before` a venue."""
    match = people.ET_AL.search(part) if before is None else None
    if match and _people(cited, part[: match.end()]):
        after = part[match.end() :].strip(EDGE)
        return not after or take(cited, after, venues) or _worded(cited, after)
    return _around_venue(cited, part, venues) if before is None else _is_left(cited, before)


def _people_in_group(cited: Citation, text: str, venues: Venues) -> bool:
    """Take people and the venue or date in brackets after them: `A. Ash & B. Oak (CVPR 2020)`."""
    last, inner = GROUP_LAST.match(text), Citation()
    if last is None or not is_dated(last[2], venues) or not _people(inner, last[1]):
        return False
    take(inner, last[2], venues)
    cited.fill(inner)
    return True


def is_dated(group: str, venues: Venues) -> bool:
    """Whether words in brackets are a venue or a date, and no affiliation."""
    known = dates.from_phrase(group, venues)[2]
    return bool(known or dates.only_date(group) or dates.acronym_year(group))


def _around_venue(cited: Citation, part: str, venues: Venues) -> bool:
    before = cut_tail(cited, part, venues)
    return _by_form(cited, part) if before is None else _is_left(cited, before)


def _is_left(cited: Citation, before: str) -> bool:
    """Whether what stands before a venue is people, or only words such as `accepted at`."""
    if _people(cited, before) or not LEADING.sub("", before).strip(EDGE):
        return True
    match = people.ET_AL.search(before)
    if (
        match
        and len(before[match.end() :].split()) <= MOST_BESIDE
        and _people(cited, before[: match.end()])
    ):
        return True  # `A. Ash et al., Workshop on Lanterns, CVPR 2020`
    if names := trailing.surnames(before):  # `Ash & Oak, ECCV 2020`
        cited.authors = cited.authors or names
        return True
    return PAIR.fullmatch(before.strip(EDGE)) is not None


def _people(cited: Citation, part: str) -> bool:
    got = people.authors(part)
    if got and len(got[0]) == 2 and people.is_place(got[0][-1]):  # noqa: PLR2004
        return False  # `Ann Ash, ETH Zürich`
    if got and not cited.authors:
        cited.authors, cited.et_al = people.first_turned(got[0], et_al=got[1]), got[1]
        cited.listed = part
    return got is not None


def _by_form(cited: Citation, part: str) -> bool:
    """`Mehrota & Dukkipatti 2017`; or a venue that no table knows, `EGSR 2021`."""
    before, comma, tail = part.rpartition(",")
    if comma and (acronym := dates.acronym_year(tail)) and _is_left(cited, before):
        cited.published(*acronym)
        return True
    names, year = part[:-4].strip(EDGE), dates.find_year(part[-4:])
    dated = dates.MONTH.fullmatch(names.rpartition(",")[2].strip(EDGE))  # `Humanoids, Nov. 2024`
    before, comma, tail = names.rpartition(",")
    venued = comma and trailing.is_venue(tail) and (people.authors(before) or people.one(before))
    several = "&" in names or "," in names or " and " in names
    if year and several and not (cited.authors or dated or venued):
        got = people.names_in(names)
        if got and len(got[0]) > 1:
            cited.authors, cited.et_al = got
            cited.year = cited.year or year
            return True
    acronym = dates.acronym_year(part)
    if acronym:  # after a venue it is a publisher: `ICML. PMLR, 2020`
        cited.published(*acronym)
    return acronym is not None


def _venue(cited: Citation, phrase: str, venues: Venues) -> bool:
    """Take a known venue; where a preprint and a venue are named, the venue."""
    venue, year, known = dates.from_phrase(phrase, venues)
    if known and cited.venue == PREPRINT and venue != PREPRINT:
        cited.venue, cited.year = venue, year or cited.year
    elif known:
        if year and cited.dated and cited.venue in (None, venue):
            cited.year, cited.dated = year, False
        cited.published(venue, year)
    return known


def take_named(cited: Citation, group: str) -> bool:
    """Take `(Frontiers of Computer Science 2024)`: a venue that no table knows, and its year."""
    if _worded(cited, group):
        return True
    group = dates.without_volume(group)
    named = dates.named_year(group)
    year = dates.only_date(group.rpartition(",")[2])
    if named:
        cited.published(*named)
    elif year:
        cited.year = cited.year or year
    return named is not None


def _unlisted(cited: Citation, part: str, whole: str, venues: Venues) -> bool:
    """Take a venue that no table knows, by its form; `whole`: the part with its last stop."""
    got = venue_forms.spelt_out(part, venues) or venue_forms.abbreviated(whole, venues)
    if got:
        cited.published(*got)
    return got is not None


def _worded(cited: Citation, text: str) -> bool:
    got = venue_forms.worded(text)
    if got:
        cited.published(*got)
    return got is not None


def _before_acronym(cited: Citation, part: str) -> bool:
    """Take people, a venue in capitals and its year: `Ann Ash, Bo Oak, MAKER, 2022`."""
    before, _, tail = part.rpartition(",")
    names, comma, venue = (words.strip() for words in before.rpartition(","))
    capitals = venue.isupper() and venue.isalpha() and len(venue) > 2  # noqa: PLR2004
    got = people.authors(names) if comma and capitals and dates.only_date(tail) else None
    if got is None or cited.authors or cited.venue or any(name.isupper() for name in got[0]):
        return False
    cited.authors, cited.et_al = got
    cited.published(venue, dates.find_year(tail))
    return True


def _dated_people(cited: Citation, part: str) -> bool:
    """`by A. Name and B. Other, 2019`: authors and the year after them."""
    names, comma, year = part.rpartition(",")
    only_year = dates.only_date(year) if comma else None
    if only_year is None or not _people(cited, names):
        return False
    cited.year = cited.year or only_year
    return True


def cut_tail(cited: Citation, part: str, venues: Venues) -> str | None:
    """Take a known venue from the end of a part, `..., CVPR, 2019`; what stands before it."""
    chunks = part.split(",")
    for count in range(1, min(MOST_TAIL, len(chunks) - 1) + 1):
        tail = ",".join(chunks[-count:])
        if not dates.only_date(tail) and _venue(cited, tail, venues):
            return ",".join(chunks[:-count])
    words = part.split()
    for count in (1, 2, 3):
        tail = " ".join(words[-count:])
        if len(words) > count and any(char.isdigit() for char in tail):
            venue, year, known = dates.from_phrase(tail, venues)
            if known and year and venue and tail[:1].isupper():
                _venue(cited, tail, venues)
                return " ".join(words[:-count]).rstrip(EDGE_OF_NAMES)
    return None
