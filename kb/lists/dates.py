"""Venue and year, as a label (`CVPR19`) or a phrase (`In Proc. of CVPR, 2019`) gives them."""

import re

from kb.lists.venues import Venues

YEAR = re.compile(r"(?<![\d.\-])(19[5-9]\d|20[0-4]\d)(?!\d|\.\d{3}|-\d{4})")
SHORT_YEAR = re.compile(r"^([^\d\s][^\d]{0,40}?)[\s'’`\-_]{0,3}(\d{2}|\d{4})$")
ACRONYM = re.compile(r"(?=[^A-Z]{0,12}[A-Z][^A-Z]{0,12}[A-Z])[A-Za-z\d][\w&/+-]{1,14}|@|Workshops?")
OWN_WORKSHOP = re.compile(  # `Kites18 Workshop`
    r"([^\W\d_][\w&/+-]{0,20}?)['’]?(\d\d)\s(Workshops?)"
)
CUT_YEAR = re.compile(r"(?<=\w)\s?['’](\d\d)(?!\d)")
ALONE = re.compile(r"['’](\d\d)")  # `'18`
MONTH = re.compile(
    r"\b(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|o[ck]t|nov|de[cz])[a-z]{0,7}\b|年|月|日",
    re.IGNORECASE,
)
REMARK = re.compile(
    r"\b(?:oral|poster|spotlight|highlight|workshop paper|outstanding paper|industry track|workshop track|main track|main conference(?: paper)?|conference paper|short paper|long paper|"
    r"honou?rable mention|best paper|best student paper|accepted|"
    r"[\d,.k]{1,8}\+?\scitations?|to appear|under review|preprint|award|candidate|finalist)\b",
    re.IGNORECASE,
)
DATED = re.compile(
    r"[\s\[(]{0,5}(?:\d{1,2}\s)?(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]{0,7}\b\.?"
    r"(?:\s\d{1,2})?[\s,'’]{0,3}(?:(?:19|20)?\d\d)?[\s,;:|)\]–-]{1,5}(\D.{2,60})$",
    re.IGNORECASE,
)
PAGES = re.compile(
    r"\b(?:pp|pages?|vol|volume|no|issue|p)\b\.?\s{0,3}[\dA-Z][\w:()–-]{0,20}", re.IGNORECASE
)
LAST_YEAR = re.compile(r"(?<!\d)(?:19[5-9]\d|20[0-4]\d)\W{0,5}$")
EMPTY = re.compile(r"(?:\s{0,3},){2,9}")
NUMBERS = re.compile(r"\b\d{1,5}\b(?:\s{0,2}\(\d{1,4}\))?(?:\s{0,2}[:–-]\s{0,2}\d{1,6}){0,2}")
ARXIV_ID = re.compile(
    r"\b(?:arxiv:\s{0,2})?\d{4}\.\d{4,5}(?:v\d{1,2})?|arxiv:\s{0,2}[a-z-]{2,12}(?:\.[a-z-]{2,10})?/\d{7}",
    re.IGNORECASE,
)
CUT = re.compile(r"[^\W\d_]\.\s")  # a cut word inside
NAMED_YEAR = re.compile(
    r"([A-Z][^\d()]{2,80}?|[\u4e00-\u9fff]{3,30})[\s,]{1,3}((?:19[5-9]|20[0-4])\d)$"
)
SMALL = frozenset(["of", "on", "and", "for", "in", "the", "&"])
NO_VENUE = frozenset(
    [
        "accepted",
        "published",
        "since",
        "updated",
        "last",
        "released",
        "lecture",
        "talk",
        "keynote",
        "part",
        "chapter",
    ]
)
SEASONS = frozenset(["spring", "summer", "fall", "autumn", "winter"])
OF_YEARS = frozenset(
    [
        "paper",
        "papers",
        "publication",
        "publications",
        "article",
        "articles",
        "year",
        "in",
        "of",
        "the",
        "new",
        "list",
    ]
)
FOUR_DIGITS = re.compile(r"(?<!\d)(?:19[5-9]\d|20[0-4]\d)(?!\d)")
MOST_NAMED = 8  # words of a venue that no table knows
TRACK = re.compile(
    r"([^\d\n]{2,40}?)(?:\s(?:19[5-9]|20[0-4])\d|\s?['’](\d\d))\s[^\W\d_]{2,20}(?:\s[^\W\d_]{2,20}){0,2}$"
)
EDGE = " \t\n.,;:()[]{}<>*_'’`\"“”|-–—·@#"
LONGEST_PHRASE = 250
PLACE = 6  # words after a venue: its place, its publisher
CENTURY = 50  # 49 -> 2049, 50 -> 1950


def full_year(digits: str) -> int:
    """The year that two or four digits mean."""
    value = int(digits)
    if value > 99:  # noqa: PLR2004  (four digits)
        return value
    return value + (2000 if value < CENTURY else 1900)


def plausible(digits: str) -> bool:
    """Whether these digits can be a year of publication."""
    return len(digits) == 2 or 1950 <= int(digits) < 2050  # noqa: PLR2004


def heading_year(heading: str, venues: Venues) -> int | None:
    """The year that a heading is: `2021`, `2022.12`, `CVPR 2020`, `Papers of 2021`; else None."""
    years = set(FOUR_DIGITS.findall(heading))
    if len(years) != 1:
        return None
    year = years.pop()
    rest = MONTH.sub(" ", heading.replace(year, " "))
    words = re.findall(r"[^\W\d_]+", rest.lower())
    open_ended = re.search(r"\d{3}|[-–~+]\s*$", rest)
    alone = all(word in OF_YEARS for word in words) and not open_ended
    return int(year) if alone or _is_meeting(rest, venues) else None


def _is_meeting(name: str, venues: Venues) -> bool:
    """Whether what stands beside the year of a heading names a venue: a known one, or in capitals."""
    name = name.strip(EDGE)
    return bool(venues.canonical(name) or ACRONYM.fullmatch(name))


def meeting_year(heading: str, venues: Venues) -> int | None:
    """The year of a heading that is a venue and its year, `2016 FPGA`; else None."""
    year = heading_year(heading, venues)
    rest = MONTH.sub(" ", heading.replace(str(year), " "))
    return year if year and _is_meeting(rest, venues) else None


def find_year(text: str) -> int | None:
    """The last four-digit year of a text."""
    if PAGES.fullmatch(text.strip(EDGE)):
        return None  # `Vol. 2029`
    years = YEAR.findall(PAGES.sub(" ", text)) or YEAR.findall(text)
    return int(years[-1]) if years else None


def from_label(words: str, venues: Venues) -> tuple[str | None, int | None]:
    """`CVPR19`, `ACM MM'20`, `2019 CVPR`, `ECCVW2016`, `arXiv`: the venue and the year."""
    words = words.strip(EDGE)
    if not words:
        return None, None
    if match := OWN_WORKSHOP.fullmatch(words):
        name = f"{match[1]} {match[3]}"
        return venues.canonical(name) or name, full_year(match[2])
    match = SHORT_YEAR.match(words)
    if match and plausible(match[2]) and not venues.canonical(words):
        name = match[1].strip(EDGE)
        return venues.canonical(name) or name or None, full_year(match[2])
    year = find_year(words)
    name = YEAR.sub(" ", words).strip(EDGE)
    return (venues.canonical(name) or name or None) if name else None, year


def from_phrase(phrase: str, venues: Venues) -> tuple[str | None, int | None, bool]:
    """Venue as the phrase gives it, year, and whether the venue is one we know."""
    if len(phrase) > LONGEST_PHRASE:
        return None, None, False
    year = find_year(phrase)
    name = " ".join(YEAR.sub(" ", ARXIV_ID.sub(" ", phrase)).split()).strip(EDGE)
    if not name:
        on_arxiv = "rxiv" in phrase.lower()
        return ("arXiv" if on_arxiv else None), year, on_arxiv
    known, spotted = _after_date(phrase, venues)
    if known:
        return known, spotted or year, True
    known, spotted = known_name(name, venues)
    track = TRACK.match(phrase.strip(EDGE)) if known is None else None
    if track and (year is not None or track[2]):
        known, spotted = known_name(track[1].strip(EDGE), venues)  # `EMNLP 2023 Industry`
        spotted = full_year(track[2]) if track[2] else spotted
        if known and track[0].lower().endswith("workshop"):
            known = venues.canonical(f"{known} Workshop") or known
    if known and (spotted or year) is None and (short := CUT_YEAR.search(phrase)):
        spotted = full_year(short[1])  # `ACL'23 Findings`
    if known:
        return known, year if year is not None else spotted, True
    name = name.removeprefix("In ").removeprefix("in ").strip(EDGE)
    return name or None, year, False


def _after_date(phrase: str, venues: Venues) -> tuple[str | None, int | None]:
    """`Oct. 2023, ICLR 24`: the venue after a date, and its own year."""
    match = DATED.match(phrase)
    if match is None:
        return None, None
    known, year = known_name(match[1].strip(EDGE), venues)
    return known, year or find_year(match[1])


def only_date(phrase: str) -> int | None:
    """The year of a phrase that is a date and nothing else: `(2015)`, `16 May 2022`, `2022.7`."""
    if len(phrase) > 40:  # noqa: PLR2004  (no date is longer)
        return None
    if short := ALONE.fullmatch(phrase.strip(" \t\n.,;()")):
        return full_year(short[1])
    year = find_year(phrase)
    rest = MONTH.sub(" ", YEAR.sub(" ", phrase))
    return None if year is None or any(char.isalpha() for char in rest) else year


def known_name(name: str, venues: Venues) -> tuple[str | None, int | None]:
    """The known venue that a phrase names: all of it, without its numbers, or its first part."""
    if canonical := venues.canonical(name):
        return canonical, None
    match = SHORT_YEAR.match(REMARK.sub(" ", name).strip(EDGE))
    volume = match is not None and len(match[2]) < 4 and match[1].rstrip().endswith(",")  # noqa: PLR2004  (`Science, 47`)
    if match and not volume and plausible(match[2]) and (canonical := venues.canonical(match[1])):
        return canonical, full_year(match[2])
    for part in _readings(name):
        if canonical := venues.canonical(part):
            return canonical, None
    return None, None


def acronym_year(phrase: str) -> tuple[str, int] | None:
    """`EGSR 2021`, `2020 ACL SRW`, `ICWSM'20`: a venue that no table knows, by its form."""
    phrase = phrase.strip(EDGE)
    if len(phrase) > 30:  # noqa: PLR2004  (longer is no acronym)
        return None
    match = SHORT_YEAR.match(phrase)
    year = find_year(phrase) or (full_year(match[2]) if match and "'" in phrase else None)
    name = YEAR.sub(" ", match[1] if match else phrase).strip(EDGE)
    words = name.split()
    if year is None or not words or any(ACRONYM.fullmatch(word) is None for word in words):
        return None
    return " ".join(words), year


def named_year(phrase: str) -> tuple[str, int] | None:
    """`Frontiers of Computer Science 2024`: capitalised words and a year at their end."""
    match = NAMED_YEAR.match(MONTH.sub(" ", phrase).strip(EDGE))
    words = match[1].strip(EDGE).split() if match else []
    if not match or not 0 < len(words) <= MOST_NAMED:
        return None
    if all(word.lower() in SEASONS for word in words):
        return None
    proper = all(
        word[0].isupper() or not word.isascii() or word.lower().strip(",.") in SMALL
        for word in words
    )
    if words[0].lower() in NO_VENUE:
        return None
    return (" ".join(words), int(match[2])) if proper else None


def without_numbers(phrase: str) -> str:
    """A phrase without year, volume and pages; the stop of its last cut word stays."""
    name = NUMBERS.sub(" ", PAGES.sub(" ", YEAR.sub(" ", phrase)))
    name = " ".join(name.split()).strip(EDGE.replace(".", ""))
    return name if name.endswith(".") or not CUT.search(name) else f"{name}."


def without_volume(phrase: str) -> str:
    """A phrase that ends in a year without volume and pages: `A Kite Record 29(146), 2014`."""
    match = LAST_YEAR.search(phrase)
    if match is None or PAGES.fullmatch(phrase.strip(EDGE)):
        return PAGES.sub(" ", phrase)
    before = NUMBERS.sub(" ", PAGES.sub(" ", phrase[: match.start()]))
    return " ".join(EMPTY.sub(", ", f"{before}{match[0]}").replace(" ,", ",").split())


def _readings(name: str) -> list[str]:
    """The phrase, the phrase without pages and remarks, and what stands before its first comma."""
    bare = NUMBERS.sub(" ", PAGES.sub(" ", REMARK.sub(" ", name))).strip(EDGE)
    readings = [bare, bare.split("(")[0].strip(EDGE)]
    first, comma, rest = bare.partition(",")
    if comma and len(rest.split()) <= PLACE:
        readings.append(first.strip(EDGE))
    readings += re.findall(r"\(([A-Z][^()]{1,30})\)$", name.strip())
    if "@" in bare and len(bare) <= PLACE * 8:
        readings += [part.strip(EDGE) for part in bare.split("@")]  # `Repl4NLP@ACL`
    return readings
