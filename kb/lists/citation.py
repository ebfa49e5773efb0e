"""The words of an entry -> authors, title, venue, year. What the words do not give stays None."""

import re
from dataclasses import dataclass, field

from kb.lists import dates, people
from kb.lists.inline import Piece
from kb.lists.linkwords import host_kind, word_kind
from kb.lists.venues import Venues

STOP = re.compile(r"(?<=[.?!。？！])[\"”’*_)]{0,3}\s{1,20}|\n|\s[|·•]\s|\s[-–—]{1,3}\s")
ABBREVIATION = re.compile(
    r"(?:^|[\s(.])(?:[A-Z]|al|vs|Proc|Conf|Int|Trans|e\.g|i\.e|No|Vol|pp|St|Jr|Dr|Mr|Eq|Fig|cf|Symp|Assoc|Comput|Mach|Intell|Anal|Process|Vis|Sci|Lett|Res|Inf|Appl|Annu|Adv)\.$"
)
QUOTED = re.compile(r"[\"“«「『]([^\"“”«»「」『』]{8,400})[\"”»」』]|(?<!\w)''([^']{8,400})''")
MARKER = re.compile(r"\s{0,3}\[(?:J|C|M|D|A|OL|J/OL|C/OL|EB/OL|Z)\](?=\s|[.,;]|$)")
EDGE = " \t\n.,;:|*_`~-–—·•"
QUOTES = '"“”«»「」『』'
LONGEST_TITLE = 400
MOST_PARTS = 24  # of a citation that are looked at for a venue, from the end


@dataclass
class Citation:
    """What the words of one entry say."""

    title: str | None = None
    authors: list[str] = field(default_factory=list)
    et_al: bool = False
    venue: str | None = None
    year: int | None = None
    known: bool = False  # the venue is in the table


def clean_title(text: str) -> str | None:
    """A title without quotes, citation markers (`[J]`) and trailing stop."""
    text = " ".join(MARKER.sub("", text).split()).strip(" \t*_`" + QUOTES)
    text = text.rstrip(" ,;:|").removesuffix(".").strip(QUOTES + " ")
    return text if any(char.isalnum() for char in text) else None


def stops(text: str) -> list[tuple[int, int, bool]]:
    """Where a part ends, where the next starts, and whether that is sure (no abbreviation)."""
    found = []
    for match in STOP.finditer(text):
        before = text[max(0, match.start() - 16) : match.start()]
        dotted = before.endswith(".") and "\n" not in match[0]
        found.append((match.start(), match.end(), not (dotted and ABBREVIATION.search(before))))
    return found


def sentences(text: str) -> list[str]:
    """The parts of a citation: split at stops, lines and dashes, not after abbreviations."""
    parts, start = [], 0
    for end, after, sure in stops(text):
        if sure:
            parts.append(text[start:end])
            start = after
    parts.append(text[start:])
    return [part.strip() for part in parts if any(char.isalnum() for char in part)]


@dataclass
class Words:
    """An entry's words around its title: before, the title where it is marked, after."""

    before: str = ""
    title: str | None = None
    after: str = ""


def is_title_link(piece: Piece) -> bool:
    """Whether a link's text is a title rather than a word such as `paper`."""
    text = piece.text.strip()
    return (
        piece.kind == "link"
        and not piece.bare
        and word_kind(text) is None
        and sum(char.isalpha() for char in text) > 7  # noqa: PLR2004  (shorter is a name)
        and (" " in text or not text.isascii() or host_kind(piece.url) == "paper")
    )


def _marked(pieces: list[Piece], venues: Venues) -> int | None:
    """The piece that is set off as the title: a link, or else the first bold run of words."""
    for index, piece in enumerate(pieces):
        if is_title_link(piece) and not dates.from_phrase(piece.text, venues)[2]:
            return index
    for index, piece in enumerate(pieces):
        words = piece.text.split()
        if piece.bold and piece.kind == "text" and len(words) > 2:  # noqa: PLR2004
            known = dates.from_phrase(piece.text, venues)[2]
            if not known and people.authors(piece.text) is None:
                return index
    return None


def words(pieces: list[Piece], venues: Venues) -> Words:
    """Split the running text at its title. Links that are only words or addresses break lines."""
    chosen = _marked(pieces, venues)
    before: list[str] = []
    after: list[str] = []
    for index, piece in enumerate(pieces):
        side = before if chosen is None or index < chosen else after
        if index == chosen:
            continue
        if piece.kind == "image" or piece.bare or (piece.kind == "link" and word_kind(piece.text)):
            side.append("\n")
        else:
            side.append(piece.text)
    if chosen is not None:
        return Words("".join(before), pieces[chosen].text, "".join(after))
    text = "".join(before)
    if quoted := QUOTED.search(text):
        title = quoted[1] or quoted[2]
        if " " in title:
            return Words(text[: quoted.start()], title, text[quoted.end() :])
    return Words(text)


def read(pieces: list[Piece], venues: Venues, *, trusted: bool) -> Citation:
    """The citation that the pieces of an entry make (label taken off).

    `trusted`: the entry has a label in the list's grammar, so `Title. Venue, Year.` is expected
    and a venue that no table knows is still a venue.
    """
    found = Citation()
    split = words(pieces, venues)
    if split.title is not None:
        found.title = clean_title(split.title)
        for part in (*sentences(split.after), *sentences(split.before)):
            _fact(found, part, venues)
        return found
    _unmarked(found, split.before, venues, trusted=trusted)
    return found


def _fact(found: Citation, part: str, venues: Venues) -> bool:
    """Take authors, venue or year from a part beside the title; whether it gave any."""
    venue, year, known = dates.from_phrase(part, venues)
    if known:
        if found.venue is None or not found.known:
            found.venue, found.known = venue, True
        found.year = found.year if found.year is not None else year
        return True
    if not found.authors and (people_found := people.authors(part)):
        found.authors, found.et_al = people_found
        return True
    return False


def _unmarked(found: Citation, text: str, venues: Venues, *, trusted: bool) -> None:
    """`Authors. Title. Venue, Year.` with no mark on the title."""
    if lead := _leading_authors(text):
        found.authors, found.et_al, text = lead
    end = _venue_at_end(found, text, venues, trusted=trusted)
    found.title = clean_title(text[:end][:LONGEST_TITLE])


def _venue_at_end(found: Citation, text: str, venues: Venues, *, trusted: bool) -> int:
    """Take venue and year from the last part that gives them; where the title before it ends."""
    text = text.rstrip()
    marks = stops(text)[-MOST_PARTS:]
    ends = [*(start for start, _, _ in marks), len(text)]
    for last in range(len(marks) - 1, -1, -1):
        for end, after, _ in marks[max(0, last - 6) : last + 1]:
            venue, year, known = dates.from_phrase(text[after : ends[last + 1]], venues)
            if known:
                found.venue, found.year, found.known = venue, year, True
                return end
    sure = [mark for mark in marks if mark[2]] or marks
    if trusted and sure:
        venue, year, _ = dates.from_phrase(text[sure[-1][1] :], venues)
        if venue and year:
            found.venue, found.year = venue, year
            return sure[-1][0]
    return len(text)


def _leading_authors(part: str) -> tuple[list[str], bool, str] | None:
    """Authors at the start of a part, `Xu et al. Title`, and what follows them."""
    if (match := people.ET_AL.search(part[:300])) and (
        got := people.authors(part[: match.start()])
    ):
        return got[0], True, part[match.end() :].strip()
    return None
