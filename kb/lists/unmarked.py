"""A citation with no mark on its title: the title by its place among the parts."""

import re

from kb.lists import beside_title, dates, facts, leading, people, piped, sentences, titles
from kb.lists.facts import Citation
from kb.lists.venues import Venues

DATED_HEAD = re.compile(r"\s{0,5}((?:19|20)\d\d)\s?[-–/,]\s?([^\W\d_][\w&' ]{1,30}?)\s?[-–:]\s")
REPORT = re.compile(
    r"\s{0,3}(?:ph\.?\s?d\.?|master'?s?|bachelor'?s?)?\s?(?:thesis|dissertation|(?:technical|tech\.) report)\W{0,3}$",
    re.IGNORECASE,
)
DATE_FIRST = re.compile(r"\s{0,5}((?:19[5-9]|20[0-4])\d)\s(?=[A-Z][\w-]*\s\w)")  # `2023 Title`
DASH = re.compile(r"\s[-–—]\s")
LONGEST_TITLE = 400
FEWEST_LAST = 3  # names after a title that no mark sets off
SHORT_HEAD = 3  # words of a title before a dash that its subtitle follows
LONG_ENOUGH = 4  # words of a citation that may begin with its year
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


def read(
    text: str, venues: Venues, *, authored: bool = False, style: str = "", plain: bool = False
) -> Citation:
    """The citation that a text is, by the order of its parts.

    `authored`: a label names the authors. `style`: `colon` or `comma`, what follows the authors
    where entries of the list begin with them. `plain`: the entry begins with running text.
    """
    cited = Citation()
    if cells := piped.cells(text):
        cited.title = titles.clean_title(piped.read(cited, cells, venues)[:LONGEST_TITLE])
    else:
        rest = after_et_al(cited, sentences.apart(beside_title.unwrapped(text, venues)))
        by_order(cited, rest, venues, style=style, dated=True)
    if cited.title and plain:
        cited.title = _with_subtitle(cited.title, text, venues)
    cited.title = cited.title and cited.title[:LONGEST_TITLE].rstrip()
    if _breaks_off(cited):
        cited.title = None
    if cited.title is None and not authored:
        _people_as_title(cited)
    return cited


def after_et_al(cited: Citation, text: str) -> str:
    """Take the authors of `Xu et al. Title`; what follows them."""
    if lead := leading.leading_et_al(text):
        cited.authors, cited.et_al, text = lead
        cited.listed = ", ".join(cited.authors)
    return text


def by_order(
    cited: Citation, text: str, venues: Venues, *, style: str = "", dated: bool = False
) -> None:
    """Take authors, title and facts by their order; `dated`: the text may begin with its year."""
    if not cited.authors:
        text = leading.after_colon(cited, text, style)
    if not cited.authors:
        text = leading.after_turned(cited, text)
    text = _after_head(cited, text, venues)
    if dated and (first := DATE_FIRST.match(text)) and len(text.split()) > LONG_ENOUGH:
        cited.year, text = cited.year or int(first[1]), text[first.end() :]
    parts = sentences.split(titles.peel(cited, text.strip(), venues))
    if len(parts) > 1 and not cited.authors and (got := people.authors(parts[0])):
        cited.authors, cited.et_al, cited.listed = *got, parts[0]
        parts = parts[1:]
    title, rest = _title_parts(parts, text, venues)
    for part in rest:
        beside_title.take_all(cited, part, venues, named=bool(title))
    cited.title = titles.clean_title(_trimmed(cited, title, venues, style)[:LONGEST_TITLE])
    if cited.title and not cited.authors:
        _, matched, after = text.partition(title)
        after = after.lstrip(" .")
        below = matched and after.startswith("\n")
        cited.authors = leading.lone_author(after, venues) if below else []


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
    parts = sentences.split(after[dash.end() :].partition("\n")[0]) if dash else []
    if not dash or not parts or facts.take(Citation(), parts[0], venues):
        return title
    rest = facts.cut_tail(Citation(), parts[0], venues) or parts[0]
    return f"{title}{dash[0]}{rest}".rstrip(" .,;") if len(rest.split()) >= SHORT_HEAD else title


def _trimmed(cited: Citation, title: str, venues: Venues, style: str) -> str:
    """`Authors, Title, Venue, Year` or `Title, Authors et al., Venue Year`: the title of it."""
    title = titles.peel(cited, title, venues)
    if not cited.venue and (rest := facts.cut_tail(cited, title, venues)):
        title = rest
    chunks = title.split(",")
    if len(chunks) > 1 and (year := dates.only_date(chunks[-1])):
        cited.year, chunks = cited.year or year, chunks[:-1]  # `Title, 2014`
        chunks = _cut_venue(cited, chunks, venues, style)
        title = ",".join(chunks)
    elif len(chunks) > 1 and not cited.venue and (named := _in_venue(chunks[-1])):
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
        return titles.peel(cited, ",".join(chunks[: -len(last)]), venues)
    split = people.split(", ".join(names))[0]
    if people.is_sure(split, et_al=False) or (style and len(split) == 1 and people.one(split[0])):
        cited.authors = split
        title = ",".join(chunks[len(names) :])
    return titles.peel(cited, title, venues)


def _in_venue(chunk: str) -> tuple[str, int] | None:
    """A venue that no table knows and its year, after the last comma: `EGSR 2021`, `in Access 2021`."""
    chunk = chunk.strip()
    inside = chunk.removeprefix("in ")
    return dates.acronym_year(inside) or (dates.named_year(inside) if inside != chunk else None)


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


def _people_as_title(cited: Citation) -> None:
    """What reads as names and has no title beside it is one: `Slow Lanterns and Fast Kites`."""
    names = cited.authors
    listed = cited.listed.replace("，", ",")
    apart = len(names) > 1 and listed.rpartition(",")[2].strip(" .") == names[-1]
    if apart and not cited.et_al and " " in names[-1] and "." not in names[-1]:
        cited.title, cited.authors = (
            titles.clean_title(names[-1]),
            names[:-1],
        )  # `A. Ash, B. Oak, Title`
        return
    counted = names[:1] if cited.et_al else names
    plain = all("," not in name and "." not in name and " " in name for name in counted)
    if not names or not plain or not cited.listed or any(map(people.HAN.fullmatch, names)):
        return
    if cited.et_al:
        if len(names) > 1:
            cited.title, cited.authors = titles.clean_title(names[0]), names[1:]
        return
    cited.title, cited.authors = titles.clean_title(cited.listed), []


def _breaks_off(cited: Citation) -> bool:
    """Whether a title known by its place is a sentence that goes on in a link: `see our [paper]`."""
    last = (cited.title or "").rpartition(" ")[2].lower()
    in_brackets = facts.IN_BRACKETS.fullmatch(cited.title or "") is not None
    return (last in IN_SENTENCE and not cited.authors) or in_brackets
