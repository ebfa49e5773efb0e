"""The pieces of an entry -> its title, known by its mark or its place, and the facts around it."""

import re

from kb.lists import dates, facts, leading, marking, people, piped
from kb.lists.facts import Citation
from kb.lists.inline import Piece
from kb.lists.venues import Venues

MARKER = re.compile(r"\s{0,3}\[(?:J|C|M|D|A|OL|J/OL|C/OL|EB/OL|Z)\](?=\s|[.,;]|$)")
HEAD_GROUP = re.compile(
    r"^[^\w(\[（【]{0,12}[(\[（【]([^()\[\]（）【】]{1,80})[)\]）】][\s:.-]{0,4}"
)
TAIL_GROUP = re.compile(r"[\s,]{0,5}[(\[（【]([^()\[\]（）【】]{1,80})[)\]）】][\s.,]{0,5}$")
STARRED = re.compile(r"(?:^|[\W_])[A-Za-z]{1,2}\*$")  # `A*`, the algorithm
DATED_HEAD = re.compile(r"\s{0,5}((?:19|20)\d\d)\s?[-–/,]\s?([^\W\d_][\w&' ]{1,30}?)\s?[-–:]\s")
REPORT = re.compile(
    r"\s{0,3}(?:ph\.?\s?d\.?|master'?s?|bachelor'?s?)?\s?(?:thesis|dissertation|(?:technical|tech\.) report)\W{0,3}$",
    re.IGNORECASE,
)
YEAR_FIRST = re.compile(  # `2021 A survey: **Title**`, `(2018, Lantern Science Review) **Title**`
    r"\W{0,5}((?:19[5-9]|20[0-4])\d)(?:,\s([^()\n]{5,60})\)|(?=[\s,:：]))"
)
REVIEW = re.compile(r"^(?:survey|overview|review|tutorial|book|blog|thesis)\b", re.IGNORECASE)
DATE_FIRST = re.compile(r"\s{0,5}((?:19[5-9]|20[0-4])\d)\s(?=[A-Z][\w-]*\s\w)")  # `2023 Title`
ARXIV_TAIL = re.compile(
    r"[\s,.(\[]{1,4}arxiv:\s?\d{4}\.\d{4,5}(?:v\d{1,2})?[\s).\]]{0,3}$", re.IGNORECASE
)
DASH = re.compile(r"\s[-–—]\s")
EMPTY_GROUP = re.compile(r"\(\s{0,9}\)|\[\s{0,9}\]")
NUMBER = re.compile(r"^\s{0,5}(?:\d{1,4}[.)]|\[\d{1,4}\]|#\d{1,4})\s{1,5}")
SYMBOLS = re.compile(
    r"^(?:\s|[\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\ufe0f\u200d]|:[a-z_]{3,30}:){1,20}"
    r"|(?:\s|[\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\ufe0f\u200d]|:[a-z_]{3,30}:){1,20}$"
)
QUOTES = '"“”«»「」『』'
LONGEST_TITLE = 400
MOST_PARTS = 24  # of a citation that are looked at for a venue, from the end
FEWEST_LAST = 3  # names after a title that no mark sets off
SHORT_HEAD = 3  # words of a title before a dash that its subtitle follows
FEWEST_TITLE = 3  # words before a venue that stands in a title
LONG_ENOUGH = 4  # words of a citation that may begin with its year
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
    text = " ".join(text.split()).lstrip(" \t*_`\\" + QUOTES).rstrip(" \t_`\\" + QUOTES)
    text = text if STARRED.search(text) else text.rstrip("* " + QUOTES)
    text = SYMBOLS.sub("", ARXIV_TAIL.sub("", text)).lstrip(":-–—.,;|>•)]/ ").rstrip(" ,;:|-–—[(")
    text = text.removesuffix(".").strip(QUOTES + " ")
    return text if any(char.isalnum() for char in text) else None


def read(
    pieces: list[Piece],
    venues: Venues,
    *,
    labelled: bool = False,
    named: bool = False,
    authored: bool = False,
    style: str = "",
) -> Citation:
    """The citation that the pieces of an entry make (label taken off).

    `labelled`: the entry has a label in back-ticks, so `Title. Venue, Year.` is expected and a
    venue that no table knows is still a venue. `named`: the label is only a name (a dataset's),
    so `Surname. Title.` may follow. `authored`: the label names authors, so none follow.
    `style`: `colon` or `comma`, what follows the authors where entries of the list begin with
    them; then one name may be an author, too.
    """
    cited = Citation()
    split = marking.words(pieces, venues)
    if split.linked and split.title and (whole := _whole(split.title, venues)):
        cited = whole
        facts.take_all(cited, split.after, venues, named=True)
    elif split.title is not None:
        inner = Citation()
        title = _peel(inner, split.title, venues)
        title = _without_venue(inner, _without_venue(inner, title, venues), venues)
        cited.title = clean_title(title)
        ahead = _before(split.before, venues)
        facts.take_all(cited, split.after, venues, named=True)
        facts.take_all(cited, split.before, venues)
        if ahead.authors:
            cited.authors, cited.et_al = ahead.authors, ahead.et_al
        cited.fill(ahead)
        cited.fill(inner)
        if not (cited.authors or authored):
            alone = "" if split.linked or not split.before.rstrip().endswith(",") else split.before
            author = people.one(split.author) or people.team(split.author)
            cited.authors = people.one(alone) or author or []
        if not (cited.authors or authored):
            cited.authors = leading.lone_author(split.after)
    else:
        _unmarked(cited, split.before, venues, labelled=labelled, style=style)
        first = next((p.kind for p in pieces if any(map(str.isalnum, p.text))), "")
        if cited.title and first == "text" and not labelled:
            cited.title = _with_subtitle(cited.title, split.before, venues)
        if labelled and not authored and not cited.authors and cited.title:
            cited.title = _after_authors(cited, cited.title, lone=named)
        cited.title = cited.title and cited.title[:LONGEST_TITLE].rstrip()
        if not labelled and _breaks_off(cited):
            cited.title = None
        if cited.title is None and not (labelled or authored):
            _people_as_title(cited)
    return cited


def _whole(text: str, venues: Venues) -> Citation | None:
    """The citation that a link's words are: people, a title in quotes, a venue; else None."""
    quoted = marking.QUOTED.search(text)
    if quoted is None or not quoted.start():
        return None
    inner = _before(text[: quoted.start()], venues)
    inner.title = clean_title(quoted[1] or quoted[2] or quoted[3])
    facts.take_all(inner, text[quoted.end() :], venues, named=True)
    return inner if inner.authors and inner.title else None


def _before(text: str, venues: Venues) -> Citation:
    """What stands before a marked title: people, after a name and a colon or not, and a year."""
    cited = Citation()
    facts.take_all(cited, text, venues)
    _, colon, rest = text.partition(": ")
    if colon and not cited.authors:  # `Kites: Ash, Ann, et al. **Title.**`
        facts.take_all(cited, rest, venues)
    if not cited.authors and (lead := leading.one_turned(text)):
        cited.authors, cited.et_al = lead
    else:
        cited.authors = people.turned(cited.authors, et_al=cited.et_al)
    if year := YEAR_FIRST.match(text):
        cited.year = cited.year or int(year[1])
        named = dates.named_year(f"{year[2]} {year[1]}") if year[2] else None
        if named and not REVIEW.search(named[0]):
            cited.venue = cited.venue or named[0]
    return cited


def _without_venue(cited: Citation, title: str, venues: Venues) -> str:
    """A marked title without venue and year at its end: `Title, CVPR 2020`, `Title. 2019-11-05`."""
    marks = [(start, after) for start, after, sure in facts.stops(title.rstrip(". ")) if sure]
    comma = title.rfind(",")
    for start, after in [*marks[-1:], *([(comma, comma + 1)] if comma > 0 else [])]:
        tail = title[after:]
        venue, year, known = dates.from_phrase(tail, venues)
        if title[start] != "," and not known:  # after a stop any acronym is a venue, a date is one
            venue, year = dates.acronym_year(tail) or (None, dates.only_date(tail))
        if year and (known or title[start] != ",") and len(title[:start].split()) >= FEWEST_TITLE:
            cited.venue, cited.year = cited.venue or venue, cited.year or year
            return title[:start]
    return title


def _people_as_title(cited: Citation) -> None:
    """What reads as names and has no title beside it is one: `Slow Lanterns and Fast Kites`."""
    names = cited.authors
    listed = cited.listed.replace("，", ",")
    apart = len(names) > 1 and listed.rpartition(",")[2].strip(" .") == names[-1]
    if apart and not cited.et_al and " " in names[-1] and "." not in names[-1]:
        cited.title, cited.authors = clean_title(names[-1]), names[:-1]  # `A. Ash, B. Oak, Title`
        return
    counted = names[:1] if cited.et_al else names
    plain = all("," not in name and "." not in name and " " in name for name in counted)
    if not names or not plain or not cited.listed or any(map(people.HAN.fullmatch, names)):
        return
    if cited.et_al:
        if len(names) > 1:
            cited.title, cited.authors = clean_title(names[0]), names[1:]
        return
    cited.title, cited.authors = clean_title(cited.listed), []


def _breaks_off(cited: Citation) -> bool:
    """Whether a title known by its place is a sentence that goes on in a link: `see our [paper]`."""
    last = (cited.title or "").rpartition(" ")[2].lower()
    in_brackets = facts.IN_BRACKETS.fullmatch(cited.title or "") is not None
    return (last in IN_SENTENCE and not cited.authors) or in_brackets


def _peel(cited: Citation, title: str, venues: Venues) -> str:
    """A title without the groups in brackets around it that give venue, year or authors."""
    for pattern in (HEAD_GROUP, TAIL_GROUP):
        for _ in range(MOST_GROUPS):
            match = pattern.search(title)
            if not match or not (
                facts.take(cited, match[1], venues)
                or facts.take_named(cited, match[1])
                or not dates.REMARK.sub("", match[1]).strip(facts.EDGE)  # `(oral)`
            ):
                break
            title = title[: match.start()] + title[match.end() :]
    return title


def _unmarked(cited: Citation, text: str, venues: Venues, *, labelled: bool, style: str) -> None:
    """A citation with no mark on its title: by the order of its parts."""
    if not labelled and (cells := piped.cells(text)):
        cited.title = clean_title(piped.read(cited, cells, venues)[:LONGEST_TITLE])
        return
    text = text.replace("\r", " ") if labelled else facts.apart(facts.unwrapped(text, venues))
    if lead := leading.leading_et_al(text):
        cited.authors, cited.et_al, text = lead
        cited.listed = ", ".join(cited.authors)
    end = _venue_at_end(cited, text, venues) if labelled else None
    if end is not None and any(map(str.isalnum, text[:end])):
        cited.title = clean_title(text[:end][: LONGEST_TITLE + leading.LONGEST])
        return
    if not cited.authors:
        text = leading.after_colon(cited, text, style)
    if not cited.authors:
        text = leading.after_turned(cited, text)
    text = _after_head(cited, text, venues)
    if not labelled and (first := DATE_FIRST.match(text)) and len(text.split()) > LONG_ENOUGH:
        cited.year, text = cited.year or int(first[1]), text[first.end() :]
    parts = facts.sentences(_peel(cited, text.strip(), venues))
    if len(parts) > 1 and not cited.authors and (got := people.authors(parts[0])):
        cited.authors, cited.et_al, cited.listed = *got, parts[0]
        parts = parts[1:]
    title, rest = _title_parts(parts, text, venues)
    for part in rest:
        facts.take_all(cited, part, venues, named=bool(title))
    cited.title = clean_title(_trimmed(cited, title, venues, style)[:LONGEST_TITLE])


def _after_head(cited: Citation, text: str, venues: Venues) -> str:
    """Take `2018-Arxiv- ` and the like from the start; what follows it."""
    match = DATED_HEAD.match(text)
    if match is None or not venues.canonical(match[2]):
        return text
    cited.venue, cited.year = venues.canonical(match[2]), int(match[1])
    return text[match.end() :]


def _title_parts(parts: list[str], text: str, venues: Venues) -> tuple[str, list[str]]:
    """The first part that is no fact, with those after it up to a fact, and what is left."""
    lines = text.split("\n")
    first = next((i for i, p in enumerate(parts) if not facts.take(Citation(), p, venues)), None)
    if first is None:
        return "", parts
    end = first + 1
    while end < len(parts) and parts[end - 1].endswith(("?", "!")):
        on = any(parts[end - 1] in line and parts[end] in line for line in lines)
        if not on or facts.take(Citation(), parts[end], venues):
            break
        end += 1
    return " ".join(parts[first:end]), parts[:first] + parts[end:]


def _with_subtitle(title: str, text: str, venues: Venues) -> str:
    """A title of few words with what follows it after a dash: `Kites - A New View of Ships`."""
    _, matched, after = text.partition(title)
    dash = DASH.match(after) if matched and len(title.split()) <= SHORT_HEAD else None
    parts = facts.sentences(after[dash.end() :].partition("\n")[0]) if dash else []
    if not dash or not parts or facts.take(Citation(), parts[0], venues):
        return title
    rest = facts.cut_tail(Citation(), parts[0], venues) or parts[0]
    return f"{title}{dash[0]}{rest}".rstrip(" .,;") if len(rest.split()) >= SHORT_HEAD else title


def _trimmed(cited: Citation, title: str, venues: Venues, style: str) -> str:
    """`Authors, Title, Venue, Year` or `Title, Authors et al., Venue Year`: the title of it."""
    title = _peel(cited, title, venues)
    if not cited.venue and (rest := facts.cut_tail(cited, title, venues)):
        title = rest
    chunks = title.split(",")
    if len(chunks) > 1 and (year := dates.only_date(chunks[-1])):
        cited.year, chunks = cited.year or year, chunks[:-1]  # `Title, 2014`
        chunks = _cut_venue(cited, chunks, venues, style)
        title = ",".join(chunks)
    elif len(chunks) > 1 and not cited.venue and (named := dates.acronym_year(chunks[-1])):
        cited.venue, cited.year = named[0], cited.year or named[1]  # `Title, EGSR 2021`
        chunks = chunks[:-1]
        title = ",".join(chunks)
    if not cited.authors and (match := people.ET_AL.search(title)):
        before = title[: match.start()].split(",")
        names = leading.while_names(before[::-1])
        names = names[:-1] if len(names) == len(before) else names  # the first is the title
        if names:
            cited.authors, cited.et_al = names[::-1], True
            return ",".join(before[: -len(names)])
    names = [] if cited.authors else leading.while_names(chunks[:-1])
    last = leading.while_names(chunks[:0:-1])[::-1] if not (names or cited.authors) else []
    if len(last) >= FEWEST_LAST:  # `Title, Ann Ash, Bo Oak, and Cy Elm`
        cited.authors = people.split(", ".join(last))[0]
        return _peel(cited, ",".join(chunks[: -len(last)]), venues)
    split = people.split(", ".join(names))[0]
    if people.is_sure(split, et_al=False) or (style and len(split) == 1 and people.one(split[0])):
        cited.authors = split
        title = ",".join(chunks[len(names) :])
    return _peel(cited, title, venues)


def _cut_venue(cited: Citation, chunks: list[str], venues: Venues, style: str) -> list[str]:
    """The chunks before a year, without a venue: a known one, or where entries begin with authors."""
    if len(chunks) < 2:  # noqa: PLR2004
        return chunks
    venue, _, known = dates.from_phrase(chunks[-1], venues)
    if cited.venue and not (known and venue == cited.venue):
        return chunks
    named = dates.named_year(f"{chunks[-1].strip()} 2000") if style == "comma" else None
    if not known and (named is None or len(chunks) < 3 or people.one(chunks[-2])):  # noqa: PLR2004
        return chunks
    cited.venue = venue if known or named is None else named[0]
    return chunks[:-2] if len(chunks) > 2 and REPORT.match(chunks[-2]) else chunks[:-1]  # noqa: PLR2004


def _venue_at_end(cited: Citation, text: str, venues: Venues) -> int | None:
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
                cited.venue, cited.year = venue, year
                return end
    sure = [mark for mark in marks if mark[2]] or marks
    if sure:
        rest = text[sure[-1][1] :]
        venue, year, _ = dates.from_phrase(rest, venues)
        if venue and year:
            cited.venue, cited.year = venue, year
            return sure[-1][0]
        if people.authors(rest):
            return None
    trimmed = facts.cut_tail(cited, text.rstrip("."), venues)
    return len(text) if trimmed is None else len(trimmed)


def _after_authors(cited: Citation, title: str, *, lone: bool) -> str | None:
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
    cited.authors, cited.et_al = got
    return clean_title(rest)
