"""The pieces of an entry -> its title, known by its mark or its place, and the facts around it."""

import re

from kb.lists import behind_label, beside_title, dates, leading, marking, people, titles, unmarked
from kb.lists.facts import Citation
from kb.lists.inline import Piece
from kb.lists.marking import Words
from kb.lists.venues import Venues

YEAR_FIRST = re.compile(  # `2021 A survey: **Title**`, `(2018, Lantern Science Review) **Title**`
    r"\W{0,5}((?:19[5-9]|20[0-4])\d)(?:,\s([^()\n]{5,60})\)|(?=[\s,:：]))"
)
REVIEW = re.compile(r"^(?:survey|overview|review|tutorial|book|blog|thesis)\b", re.IGNORECASE)


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
    split = marking.words(pieces, venues)
    if split.title is None:
        if labelled:
            return behind_label.read(split.before, venues, named=named, authored=authored)
        first = next((piece.kind for piece in pieces if any(map(str.isalnum, piece.text))), "")
        return unmarked.read(
            split.before, venues, authored=authored, style=style, plain=first == "text"
        )
    whole = _whole(split.title, split.after, venues) if split.linked else None
    return whole or _marked(split.title, split, venues, authored=authored)


def _whole(text: str, after: str, venues: Venues) -> Citation | None:
    """The citation that a link's words are: people, a title (in quotes or not), a venue; else None."""
    quoted = marking.QUOTED.search(text)
    if quoted is None and leading.begins_turned(text):
        inner = unmarked.read(text, venues)
        dated = inner.year or inner.venue
        return inner if dated and inner.title and len(inner.authors) > 1 else None
    if quoted is None or not quoted.start():
        return None
    inner = _before(text[: quoted.start()], venues)
    inner.title = titles.clean_title(quoted[1] or quoted[2] or quoted[3])
    beside_title.take_all(inner, text[quoted.end() :], venues, named=True)
    if not (inner.authors and inner.title):
        return None
    beside_title.take_all(inner, after, venues, named=True)
    return inner


def _marked(title: str, split: Words, venues: Venues, *, authored: bool) -> Citation:
    """The citation around a title that is set off."""
    cited, inner = Citation(), Citation()
    title = titles.without_label(title) if split.linked else title
    peeled = titles.peel(inner, title, venues)
    for _ in range(2):  # `Title, CVPR, 2020`
        peeled = titles.without_venue(inner, peeled, venues)
    cited.title = titles.clean_title(peeled)
    ahead = _before(split.before, venues)
    beside_title.take_all(cited, split.after, venues, named=True)
    beside_title.take_all(cited, split.before, venues)
    if ahead.authors:
        cited.authors, cited.et_al = ahead.authors, ahead.et_al
    cited.fill(ahead)
    cited.fill(inner)
    if not (cited.authors or authored):
        cited.authors = _one_author(split, venues)
    return cited


def _one_author(split: Words, venues: Venues) -> list[str]:
    """The one author beside a title: before it and a comma, in italics, or first after it."""
    alone = "" if split.linked or not split.before.rstrip().endswith(",") else split.before
    author = people.one(alone) or people.one(split.author) or people.team(split.author)
    return author or leading.lone_author(split.after, venues)


def _before(text: str, venues: Venues) -> Citation:
    """What stands before a marked title: people, after a name and a colon or not, and a year."""
    cited = Citation()
    beside_title.take_all(cited, text, venues)
    _, colon, rest = text.partition(": ")
    behind = Citation()
    if colon:  # `Kites: Ash, Ann, et al. **Title.**`
        beside_title.take_all(behind, rest, venues)
    if len(behind.authors) > len(cited.authors):
        cited.authors, cited.et_al, cited.listed = behind.authors, behind.et_al, behind.listed
    cited.fill(behind)
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
