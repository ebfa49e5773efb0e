"""The words beside a title -> authors, venue and year. What is none of these is left alone."""

import re
from dataclasses import dataclass, field

from kb.lists import dates, people, trailing
from kb.lists.venues import Venues, packaged

STOP = re.compile(
    r"(?:(?<=[.。])[\"”’*_)]{0,3}|(?<=[?!？！])[\"”’*_]{0,3})\s{1,20}(?!et\s{0,2}al\b)|[。？！]|\n|\s[|·•/]\s|\s[-–—]{1,3}\s|(?<=[a-z)])\.(?=[12]\d{3}\b)"
)
ABBREVIATION = re.compile(
    r"(?:^|[\s(.,-])(?:[A-Z]|et al|al|vs|Univ|Proc|Conf|Int|Trans|e\.g|i\.e|No|Vol|pp|St|Jr|Sr|Dr|Mr|Eq|Fig|cf|"
    r"[Vv]ol|no|p|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|Symp|Assoc|Comput|Mach|Intell|Anal|Process|Vis|Lett|Inf|Appl|Annu|Adv|Neurocomput|Multim)\.$"
)
YEAR_GROUP = re.compile(r"\s{0,3}[(（]((?:19[5-9]|20[0-4])\d)[)）](?:[,.:;]|(?=\s|$))")
LAST_WORD = re.compile(r"(?:([^\W\d_]{1,20})\.[\s-]{1,2})?([^\W\d_]{2,20})\.$")
NEXT_WORD = re.compile(r"([^\W\d_]{2,20})\.")
IN_BRACKETS = re.compile(r"\s*\([^()]{0,300}\)?\s*[.,:;]?\s*")  # a title may begin with a bracket
BRACKETS = re.compile(r"[()\[\]{}（）【】]|;\s")
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
EDGE = " \t\n.,;:|*_`~<>-–—·•\\"
EDGE_OF_NAMES = EDGE.replace(".", "")  # an initial keeps its stop
WRAPPED = re.compile(r"(?<=,)\r|(?<= and)\r|(?<=&)\r")
GROUP_LAST = re.compile(r"(.{3,}?)[\s,]{1,5}[(（]([^()（）]{3,80})[)）]?[\s.,]{0,5}$", re.DOTALL)
PAIR = re.compile(r"([A-Z][\w'’-]{1,20})\s(?:and|&)\s([A-Z][\w'’-]{1,20})")  # two surnames
WORDED = re.compile(
    r"((?:(?:international|annual|asian|european)\s){0,2}(?:journal|transactions|annals|archives|letters|"
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
MOST_LINES = 8  # of an entry that may be facts line by line
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

    def fill(self, other: "Citation") -> None:
        """Take what another citation says where this one says nothing yet."""
        if not self.authors:
            self.authors, self.et_al, self.listed = other.authors, other.et_al, other.listed
        self.venue = self.venue or other.venue
        self.year = self.year or other.year


def stops(text: str) -> list[tuple[int, int, bool]]:
    """Where a part ends, where the next starts, and whether that is sure (no abbreviation)."""
    cited = []
    for match in STOP.finditer(text):
        before = text[max(0, match.start() - 16) : match.start()]
        dotted = before.endswith(".") and "\n" not in match[0]
        cut = dotted and (ABBREVIATION.search(before) or _in_journal(text, match))
        cited.append((match.start(), match.end(), not cut))
    return cited


def _in_journal(text: str, stop: re.Match[str]) -> bool:
    """Whether a stop ends one of several cut words: `Pattern Recognit. Lett. 2017`."""
    cut = packaged().abbreviations
    word = LAST_WORD.search(text[max(0, stop.start() - 60) : stop.start()])
    after = NEXT_WORD.match(text[stop.end() : stop.end() + 20])
    if word is None or word[2].lower() not in cut:
        return False
    before = word[1] and (len(word[1]) == 1 or word[1].lower() in cut)
    return bool(before or (after and after[1].lower() in cut))


def sentences(text: str) -> list[str]:
    """The parts of a citation: split at stops, lines and dashes, not after abbreviations."""
    parts, start = [], 0
    for end, after, sure in stops(text):
        if sure:
            parts.append(text[start:end])
            start = after
    parts.append(text[start:])
    return [part.strip() for part in parts if any(char.isalnum() for char in part)]


def apart(text: str) -> str:
    """A year in brackets on a line of its own: `Title (2016), A. Name` has three parts."""
    return YEAR_GROUP.sub(r"\n\1\n", text)


def unwrapped(text: str, venues: Venues, *, named: bool = False) -> str:
    """Lines that only the file breaks put together, unless each line is a fact by itself.

    `named`: after a title a venue that no table knows is one, with its year.
    """
    if "\r" not in text:
        return text
    lines = [line for line in WRAPPED.sub(" ", text).split("\r") if any(map(str.isalnum, line))]
    facts = len(lines) <= MOST_LINES and all(
        take(Citation(), line, venues) or (named and dates.named_year(line)) for line in lines[1:]
    )
    return ("\n" if facts else " ").join(lines)


def take_all(cited: Citation, text: str, venues: Venues, *, named: bool = False) -> None:
    """Take what the words beside a title give, part by part.

    `named`: the words follow a title, so a venue that no table knows may stand there with its year.
    """
    left = []
    whole = sentences(apart(unwrapped(text, venues, named=named)))
    for sentence, after in zip(whole, [*whole, ""][1:], strict=True):
        if not take(cited, sentence, venues):
            if named and _is_dated(after, venues) and (names := trailing.surnames(sentence)):
                cited.authors = cited.authors or names
                continue
            if named and (
                _take_volume(cited, sentence)
                or _take_before_year(cited, sentence, after, alone=f"{sentence} (" in text)
            ):
                continue
            parts = BRACKETS.split(sentence[:LONGEST])
            left += [part for part in parts if not take(cited, part, venues)]
    for part in left if named else ():
        if not _take_dated_people(cited, part):
            take_named(cited, part)


def _take_volume(cited: Citation, sentence: str) -> bool:
    """Take `The Kite Record 29(146), 2014`: a venue that no table knows, by its volume."""
    plain = dates.without_volume(sentence)
    return "(" in sentence and "(" not in plain and take_named(cited, plain)


def _take_before_year(cited: Citation, sentence: str, after: str, *, alone: bool) -> bool:
    """Take `Biometrics (2016)` and `Kites 70, no. 1 (1983)`: a venue that no table knows.

    `alone`: a year in brackets follows, so that one word may be a venue.
    """
    year = dates.only_date(after)
    named = dates.named_year(dates.without_volume(f"{sentence} {year}")) if year else None
    if cited.venue or named is None:
        return False
    volume = any(map(str.isdigit, sentence))
    name = cited.authors and people.grade(named[0]) != people.NO_NAME
    if not (volume or (alone and name and " " not in named[0])):
        return False
    cited.venue = named[0]
    return True


def _take_dated_people(cited: Citation, part: str) -> bool:
    """Take people and a venue that no table knows, or one name and its year, after a title."""
    if cited.authors:
        return False
    if got := trailing.people_then_venue(part):
        cited.authors, cited.et_al = got[:2]
        if cited.venue is None:
            cited.venue, cited.year = got[2], cited.year or got[3]
    elif cited.venue is None and (one := trailing.one_dated(part)):
        cited.authors, cited.year = one[0], cited.year or one[1]
    return bool(cited.authors)


def take(cited: Citation, part: str, venues: Venues) -> bool:
    """Take authors, venue and year from a part; whether it says nothing else. The first wins."""
    whole = PREFIX.sub("", part.strip(EDGE_OF_NAMES)).strip(EDGE_OF_NAMES + "()[]{}\"“”'")
    part = whole.strip(EDGE + "()[]{}\"“”'")
    if not part or len(part) > LONGEST:
        return False
    if year := dates.only_date(dates.REMARK.sub(" ", part)):
        cited.dated = cited.dated or cited.year is None
        cited.year = cited.year or year
        return True
    if _people_in_group(cited, whole, venues) or _venue(cited, part, venues):
        return True
    if _spelt_out(cited, part, venues) or _journal(cited, whole, venues) or _people(cited, whole):
        return True
    before = cut_tail(cited, part, venues) if "," in part else None
    if before is None and _dated_people(cited, part):
        return True
    return _by_parts(cited, part, before, venues)


def _by_parts(cited: Citation, part: str, before: str | None, venues: Venues) -> bool:
    """Take people up to `et al.` and what follows them, or what stands `before` a venue."""
    match = people.ET_AL.search(part) if before is None else None
    if match and _people(cited, part[: match.end()]):
        after = part[match.end() :].strip(EDGE)
        return not after or take(cited, after, venues) or _take_worded(cited, after)
    return _around_venue(cited, part, venues) if before is None else _is_left(cited, before)


def _people_in_group(cited: Citation, text: str, venues: Venues) -> bool:
    """Take people and the venue or date in brackets after them: `A. Ash & B. Oak (CVPR 2020)`."""
    last, inner = GROUP_LAST.match(text), Citation()
    if last is None or not _is_dated(last[2], venues) or not _people(inner, last[1]):
        return False
    take(inner, last[2], venues)
    cited.fill(inner)
    return True


def _is_dated(group: str, venues: Venues) -> bool:
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


def _spelt_out(cited: Citation, part: str, venues: Venues) -> bool:
    """Take `Int. Symp. Circuits and Kites (ISCAK), 2018`: a venue with its short name and year."""
    year = dates.find_year(part)
    match = SPELT_OUT.fullmatch(dates.YEAR.sub(" ", dates.PAGES.sub(" ", part))) if year else None
    if match is None or not VENUE_WORD.search(match[1]):
        return False
    cited.venue = cited.venue or venues.canonical(match[1]) or match[2]
    cited.year = cited.year or year
    return True


def _journal(cited: Citation, part: str, venues: Venues) -> bool:
    """Take a journal that no table knows, as ISO 4 cuts its name: `J. Foo Stud. 12 (2017)`."""
    name = dates.without_numbers(part)
    if "," in name or not venues.is_abbreviated(name):
        return False
    cited.venue = cited.venue or name
    cited.year = cited.year or dates.find_year(part)
    return True


def _people(cited: Citation, part: str) -> bool:
    got = people.authors(part)
    if got and not cited.authors:
        cited.authors, cited.et_al = people.first_turned(got[0], et_al=got[1]), got[1]
        cited.listed = part
    return got is not None


def _by_form(cited: Citation, part: str) -> bool:
    """`Mehrota & Dukkipatti 2017`; or a venue that no table knows, `EGSR 2021`."""
    before, comma, tail = part.rpartition(",")
    if comma and (acronym := dates.acronym_year(tail)) and _is_left(cited, before):
        cited.venue, cited.year = cited.venue or acronym[0], cited.year or acronym[1]
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
        cited.venue, cited.year = cited.venue or acronym[0], cited.year or acronym[1]
    return acronym is not None


def _venue(cited: Citation, phrase: str, venues: Venues) -> bool:
    """Take a known venue; where a preprint and a venue are named, the venue."""
    venue, year, known = dates.from_phrase(phrase, venues)
    if known and cited.venue == PREPRINT and venue != PREPRINT:
        cited.venue, cited.year = venue, year or cited.year
    elif known:
        if year and cited.dated and cited.venue in (None, venue):
            cited.year, cited.dated = year, False
        cited.venue = cited.venue or venue
        cited.year = cited.year or year
    return known


def take_named(cited: Citation, group: str) -> bool:
    """Take `(Frontiers of Computer Science 2024)`: a venue that no table knows, and its year."""
    if _take_worded(cited, group):
        return True
    group = dates.without_volume(group)
    named = dates.named_year(group)
    year = dates.only_date(group.rpartition(",")[2])
    if named:
        cited.venue, cited.year = cited.venue or named[0], cited.year or named[1]
    elif year:
        cited.year = cited.year or year
    return named is not None


def _take_worded(cited: Citation, text: str) -> bool:
    """Take `Journal of computer-aided design 2016`: a venue by a word that only venues have."""
    match = WORDED.fullmatch(dates.REMARK.sub(" ", text.rpartition("@")[2]).strip(EDGE))
    if match is None or people.ET_AL.search(text):
        return False
    name = " ".join(dates.MONTH.sub(" ", match[1]).split()).strip(EDGE)
    cited.venue, cited.year = cited.venue or name, cited.year or int(match[2])
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
