"""A row of a table -> citation and links, by the names of its columns."""

from dataclasses import dataclass, field

from kb.lists import beside_title, blocks, citation, dates, inline, people, titles, venue_forms
from kb.lists.blocks import Block
from kb.lists.facts import Citation
from kb.lists.inline import Piece
from kb.lists.linkwords import PAPER, PART, is_generic, is_word, word_kind
from kb.lists.marking import is_title_link
from kb.lists.venues import Venues

COLUMNS = {
    "title": "title paper papers name work article articles publication publications method model 论文 标题 题目",
    "authors": "author authors 作者",
    "venue": "venue venues conference conferences conf journal journals publisher pub proceedings published"
    " j/c c/j 会议 期刊 发表",
    "year": "year years date time published publish_date pubdate when 年份 时间 日期 年",
    "label": "abbreviation acronym short alias id",
    "name": "dataset datasets benchmark corpus 数据集",
    "tool": "project tool library software package framework toolkit",
}
ROLE = {word: role for role, names in COLUMNS.items() for word in names.split()}
EMPTY = frozenset({"", "-", "--", "—", "–", "n/a", "na", "none", "x", "✗", "/"})


@dataclass
class Row:
    """What a row says; every link with the word that its column or its text gives it."""

    cited: Citation = field(default_factory=Citation)
    pieces: list[Piece] = field(default_factory=list)
    titled: bool = False  # the title stands in a column of titles


def role(name: str) -> str | None:
    """What a column holds: title, authors, venue, year; or None."""
    name = inline.strip_markup(name)
    words = [part.lower() for part in PART.findall(name)]
    if name.replace(" ", "").lower() in {
        "j/c",
        "c/j",
        "conf/journal",
        "conf./jour.",
        "conf./journal",
    }:
        return "venue"
    if not words:
        return None
    if words[0] in {"paper", "pdf"} and words[-1] in {"link", "links", "url"}:
        return None
    return next((ROLE[word] for word in (*words[:1], *words[-1:]) if word in ROLE), None)


def read(block: Block, definitions: dict[str, str], venues: Venues) -> Row:
    """Read one row."""
    row = Row()
    texts = blocks.cells(block.lines[0]) if block.cells is None else block.cells
    cells = [inline.read(cell, definitions) for cell in texts]
    names = [*block.header, *([""] * len(cells))][: len(cells)]
    roles = [role(name) for name in names]
    about = "name" in roles
    roles = [
        _venue_role(role, pieces, venues, named=about)
        for role, pieces in zip(roles, cells, strict=True)
    ]
    chosen = _title_cell(cells, roles)
    for index, (pieces, name) in enumerate(zip(cells, names, strict=True)):
        row.pieces += [_named(piece, name, is_title=index == chosen) for piece in pieces]
        row.pieces.append(Piece("text", "\n"))
        if index != chosen:
            _cell(row.cited, roles[index], pieces, venues)
    if chosen is not None:
        inner = citation.read(cells[chosen], venues)
        named = titles.clean_title(_plain(cells[chosen])) if roles[chosen] else None
        row.cited.title = inner.title or named
        row.titled = roles[chosen] == "title"
        if inner.title:  # else the name is a venue's: `ICDAR 2013`, a dataset
            row.cited.fill(inner)
    return row


def _venue_role(
    role: str | None, pieces: list[Piece], venues: Venues, *, named: bool
) -> str | None:
    """What a cell holds: `published` where a column of titles, `Publication`, gives a venue.

    `named`: another column names what the row is about.
    """
    text = _without_links(pieces) if role == "title" else ""
    first = text.partition(",")[0]
    _, year, known = dates.from_phrase(first, venues)
    unknown = dates.acronym_year(first) if word_kind(first) is None else None
    unknown = unknown or (dates.named_year(first) if named else None)
    return "published" if text and ((known and year) or unknown) else role


def _without_links(pieces: list[Piece]) -> str:
    """The text of a cell without the links that are only words: `ECCV 2020 [pdf](..)`."""
    rest = [piece for piece in pieces if not (piece.kind == "link" and is_word(piece.text))]
    return _plain(rest) or _plain(pieces)


def _plain(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces if piece.kind != "image").strip()


def _title_cell(cells: list[list[Piece]], roles: list[str | None]) -> int | None:
    """The column of titles: the one named so with the longest text, else the one of names.

    Where no column is named, a cell that is a link or bold, and else the longest.
    """
    named = [index for index, role in enumerate(roles) if role == "title"]
    named = [index for index in named if word_kind(_plain(cells[index])) is None]
    named = named or [index for index, role in enumerate(roles) if role == "name"]
    tools = [index for index, role in enumerate(roles) if role == "tool"]
    named = named or [index for index in tools if not is_word(_plain(cells[index]))]
    free = [index for index, role in enumerate(roles) if role in (None, "tool")]
    marked = [index for index in free if any(_is_marked(piece) for piece in cells[index])]
    pool = named or marked or free
    pool = [index for index in pool if any(map(str.isalpha, _plain(cells[index])))]
    longest = max(pool, key=lambda index: len(_plain(cells[index])), default=None)
    return longest if longest is not None and _plain(cells[longest]) else None


def _is_marked(piece: Piece) -> bool:
    return is_title_link(piece) or (piece.kind == "text" and piece.bold)


def _cell(cited: Citation, role: str | None, pieces: list[Piece], venues: Venues) -> None:
    text = _plain(pieces)
    if text.lower() in EMPTY:
        return
    if role == "authors":
        got = people.names_in(text) or people.split(text)
        cited.authors, cited.et_al = got
    elif role == "venue":
        venue, year, known = dates.from_phrase(text, venues)
        linked = any(piece.kind == "link" for piece in pieces)
        word = word_kind(text)  # `IEEE TCSS` is none, `Blog` is
        other = dates.only_date(text) or (word and (linked or word != PAPER))
        said = known or bool(
            dates.REMARK.sub("", text).strip(venue_forms.EDGE)
        )  # more than `Preprint`
        if venue and said and (known or not other):
            cited.venue, cited.year = venue, cited.year or year
        else:
            cited.year = cited.year or year
    elif role == "published":
        venue, year, _ = dates.from_phrase(_without_links(pieces).partition(",")[0], venues)
        cited.published(venue, year)
    elif role == "year":
        inner = Citation()
        beside_title.take_all(inner, text, venues, named=True)
        cited.year = inner.year or dates.find_year(text) or cited.year
        cited.venue = cited.venue or inner.venue
    elif role in (None, "tool") and not any(piece.kind == "link" for piece in pieces):
        inner = Citation()
        beside_title.take_all(inner, text, venues)  # no authors: another column may hold institutes
        cited.venue, cited.year = cited.venue or inner.venue, cited.year or inner.year


def _named(piece: Piece, column: str, *, is_title: bool) -> Piece:
    """A link whose own words say nothing takes the word of its column."""
    if piece.kind != "link" or is_title or word_kind(piece.text):
        return piece
    kind = word_kind(inline.strip_markup(column))
    if kind and (is_generic(piece.text) or piece.text):
        return Piece("link", kind, piece.url)
    return piece
