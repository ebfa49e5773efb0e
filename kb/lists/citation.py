"""The pieces of an entry -> its title, found by mark or by place, and the facts around it."""

import re

from kb.lists import dates, facts, marking, people
from kb.lists.facts import Citation
from kb.lists.inline import Piece
from kb.lists.venues import Venues

MARKER = re.compile(r"\s{0,3}\[(?:J|C|M|D|A|OL|J/OL|C/OL|EB/OL|Z)\](?=\s|[.,;]|$)")
HEAD_GROUP = re.compile(
    r"^[^\w(\[（【]{0,12}[(\[（【]([^()\[\]（）【】]{1,80})[)\]）】][\s:.-]{0,4}"
)
TAIL_GROUP = re.compile(r"[\s,]{0,5}[(\[（【]([^()\[\]（）【】]{1,80})[)\]）】][\s.,]{0,5}$")
EMPTY_GROUP = re.compile(r"\(\s{0,9}\)|\[\s{0,9}\]")
NUMBER = re.compile(r"^\s{0,5}(?:\d{1,4}[.)]|\[\d{1,4}\]|#\d{1,4})\s{1,5}")
SYMBOLS = re.compile(
    r"^(?:\s|[\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\ufe0f\u200d]|:[a-z_]{3,30}:){1,20}"
    r"|(?:\s|[\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\ufe0f\u200d]|:[a-z_]{3,30}:){1,20}$"
)
QUOTES = '"“”«»「」『』'
LONGEST_TITLE = 400
LONGEST_AUTHORS = 1000
MOST_PARTS = 24  # of a citation that are looked at for a venue, from the end
MOST_GROUPS = 4  # in brackets around a title
IN_SENTENCE = frozenset(
    [
        "our",
        "the",
        "this",
        "from",
        "on",
        "of",
        "to",
        "their",
        "in",
        "an",
        "a",
        "is",
        "are",
        "at",
        "for",
        "see",
    ]
)


def clean_title(text: str) -> str | None:
    """A title without quotes, numbers before it, citation markers (`[J]`) and trailing stop."""
    text = EMPTY_GROUP.sub("", MARKER.sub("", NUMBER.sub("", text)))
    text = " ".join(text.split()).strip(" \t*_`" + QUOTES)
    text = SYMBOLS.sub("", text).lstrip(":-–—.,;|>•)]/ ").rstrip(" ,;:|-–—[(")
    text = text.removesuffix(".").strip(QUOTES + " ")
    return text if any(char.isalnum() for char in text) else None


def read(
    pieces: list[Piece],
    venues: Venues,
    *,
    labelled: bool = False,
    named: bool = False,
    authored: bool = False,
) -> Citation:
    """The citation that the pieces of an entry make (label taken off).

    `labelled`: the entry has a label in back-ticks, so `Title. Venue, Year.` is expected and a
    venue that no table knows is still a venue. `named`: the label is only a name (a data set's),
    so `Surname. Title.` may follow. `authored`: the label names authors, so none follow.
    """
    found = Citation()
    split = marking.words(pieces, venues)
    if split.title is not None:
        inner = Citation()
        title = _peel(inner, split.title, venues)
        found.title = clean_title(title)
        facts.take_all(found, split.after, venues)
        facts.take_all(found, split.before, venues)
        _fill(found, inner)
        if split.quoted:
            found.authors = people.turned(found.authors, et_al=found.et_al)
    else:
        _unmarked(found, split.before, venues, labelled=labelled)
        if labelled and not authored and not found.authors and found.title:
            found.title = _after_authors(found, found.title, lone=named)
        found.title = found.title and found.title[:LONGEST_TITLE].rstrip()
        if not labelled and _breaks_off(found):
            found.title = None
    return found


def _breaks_off(found: Citation) -> bool:
    """Whether a title found by its place is a sentence that goes on in a link: `see our [paper]`."""
    last = (found.title or "").rpartition(" ")[2].lower()
    return (last in IN_SENTENCE and not found.authors) or (found.title or "").startswith("(")


def _fill(found: Citation, other: Citation) -> None:
    if not found.authors:
        found.authors, found.et_al = other.authors, other.et_al
    found.venue = found.venue or other.venue
    found.year = found.year or other.year


def _peel(found: Citation, title: str, venues: Venues) -> str:
    """A title without the groups in brackets around it that give venue, year or authors."""
    for pattern in (HEAD_GROUP, TAIL_GROUP):
        for _ in range(MOST_GROUPS):
            match = pattern.search(title)
            if not match or not (
                facts.take(found, match[1], venues) or facts.take_named(found, match[1])
            ):
                break
            title = title[: match.start()] + title[match.end() :]
    return title


def _unmarked(found: Citation, text: str, venues: Venues, *, labelled: bool) -> None:
    """A citation with no mark on its title: by the order of its parts."""
    text = text.replace("\r", " ") if labelled else facts.apart(facts.unwrapped(text, venues))
    if lead := _leading_et_al(text):
        found.authors, found.et_al, text = lead
    end = _venue_at_end(found, text, venues) if labelled else None
    if end is not None and any(map(str.isalnum, text[:end])):
        found.title = clean_title(text[:end][: LONGEST_TITLE + LONGEST_AUTHORS])
        return
    if not found.authors:
        text = _after_colon(found, text)
    parts = facts.sentences(_peel(found, text.strip(), venues))
    if len(parts) > 1 and not found.authors and (got := people.authors(parts[0])):
        found.authors, found.et_al = got
        parts = parts[1:]
    title, rest = _title_parts(parts, venues)
    for part in rest:
        facts.take_all(found, part, venues)
    found.title = clean_title(_trimmed(found, title, venues)[:LONGEST_TITLE])


def _after_colon(found: Citation, text: str) -> str:
    """Take the authors of `Ash, M., Oak, B.: Title`; what follows them."""
    names, colon, rest = text[:LONGEST_AUTHORS].partition(": ")
    got = people.authors(names) if colon and "," in names else None
    if got is None:
        return text
    found.authors, found.et_al = got
    return rest + text[LONGEST_AUTHORS:]


def _title_parts(parts: list[str], venues: Venues) -> tuple[str, list[str]]:
    """The first part that is no fact, with those after it up to a fact, and what is left."""
    first = next((i for i, p in enumerate(parts) if not facts.take(Citation(), p, venues)), None)
    if first is None:
        return "", parts
    end = first + 1
    while end < len(parts) and parts[end - 1].endswith(("?", "!")):
        if facts.take(Citation(), parts[end], venues):
            break
        end += 1
    return " ".join(parts[first:end]), parts[:first] + parts[end:]


def _trimmed(found: Citation, title: str, venues: Venues) -> str:
    """`Authors, Title, Venue, Year` or `Title, Authors et al., Venue Year`: the title of it."""
    title = _peel(found, title, venues)
    if not found.venue and (rest := facts.cut_tail(found, title, venues)):
        title = rest
    chunks = title.split(",")
    if not found.authors and (match := people.ET_AL.search(title)):
        before = title[: match.start()].split(",")
        names = _while_names(before[::-1])
        if names and len(names) < len(before):
            found.authors, found.et_al = names[::-1], True
            return ",".join(before[: -len(names)])
    names = [] if found.authors else _while_names(chunks[:-1])
    if people.is_sure(names, et_al=False):
        found.authors = people.split(", ".join(names))[0]
        title = ",".join(chunks[len(names) :])
    return _peel(found, title, venues)


def _while_names(chunks: list[str]) -> list[str]:
    names: list[str] = []
    for chunk in chunks:
        got = people.names_in(chunk.strip().removeprefix("and ").removeprefix("& "))
        if got is None or not people.is_sure([*got[0], *got[0]], et_al=False):
            break
        names.append(chunk.strip())
    return names


def _venue_at_end(found: Citation, text: str, venues: Venues) -> int | None:
    """Take venue and year from the last part that gives them; where the title before it ends.

    None where what follows the title are authors rather than a venue.
    """
    text = text.rstrip()
    marks = facts.stops(text)[-MOST_PARTS:]
    ends = [*(start for start, _, _ in marks), len(text)]
    for last in range(len(marks) - 1, -1, -1):
        for end, after, _ in marks[max(0, last - 6) : last + 1]:
            venue, year, known = dates.from_phrase(text[after : ends[last + 1]], venues)
            if known:
                found.venue, found.year = venue, year
                return end
    sure = [mark for mark in marks if mark[2]] or marks
    if sure:
        rest = text[sure[-1][1] :]
        venue, year, _ = dates.from_phrase(rest, venues)
        if venue and year:
            found.venue, found.year = venue, year
            return sure[-1][0]
        if people.authors(rest):
            return None
    trimmed = facts.cut_tail(found, text.rstrip("."), venues)
    return len(text) if trimmed is None else len(trimmed)


def _leading_et_al(text: str) -> tuple[list[str], bool, str] | None:
    """Authors at the start, `Xu et al. Title`, and what follows them."""
    match = people.ET_AL.search(text.lstrip()[:300].partition("\n")[0])
    if match is None:
        return None
    text = text.lstrip()
    before, after = text[: match.start()].strip(), text[match.end() :].strip()
    got = people.names_in(before)
    if got is None and len(before.split()) == 1:  # whatever it is, the list says it is an author
        return [before], True, after
    return None if got is None else (got[0], True, after)


def _after_authors(found: Citation, title: str, *, lone: bool) -> str | None:
    """Take the authors that stand before a title: a list of names, or (`lone`) one surname."""
    stop = next((mark for mark in facts.stops(title) if mark[2]), None)
    if stop is None:
        return title
    first, rest = title[: stop[0]], title[stop[1] :]
    got = people.authors(first)
    if got is None and lone and " " not in first.strip(". ") and people.is_name(first.strip(". ")):
        got = [first.strip(". ")], False
    if got is None or not rest.strip():
        return title
    found.authors, found.et_al = got
    return clean_title(rest)
