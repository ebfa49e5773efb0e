"""List -> entries: every block of the document that holds one, read into fields."""

from collections import Counter

from kb.lists import (
    citation,
    dates,
    dating,
    facts,
    gathering,
    identifiers,
    inline,
    kinds,
    labels,
    leading,
    marking,
    people,
    restructured,
    rows,
    scanning,
    sentences,
    several,
    titles,
)
from kb.lists.blocks import Block
from kb.lists.entry import Entry, Kind
from kb.lists.facts import PREPRINT, Citation
from kb.lists.inline import Piece
from kb.lists.linkwords import (
    BLOG_HOSTS,
    CODE,
    PAPER,
    host,
    host_kind,
    is_download,
    is_word,
    word_kind,
)
from kb.lists.marking import is_title_link
from kb.lists.venues import Venues


def parse(text: str, venues: Venues | None = None) -> list[Entry]:
    """Every entry of a list, in order of lines.

    Fields that the text does not give are None. Any text is accepted; one without entries gives [].
    """
    return [entry for entry, _ in Document(text, venues or Venues.load()).entries()]


def unread(text: str, venues: Venues | None = None) -> list[int]:
    """The lines of items with a link to a paper that `parse` gives no record for."""
    document = Document(text, venues or Venues.load())
    document.entries()
    return document.unread


COMMA = "comma"  # the style of entries that begin with authors and commas


def _style(blocks_: list[Block]) -> str:
    """What follows the authors where entries of a list begin with them: `colon`, `comma` or none.

    Then one name before that mark is an author, too; else it may be a method's name.
    """
    texts = [block.text for block in blocks_ if block.kind in ("item", "paragraph")]
    texts = [text for text in texts if text[:1].isalpha()]  # no label, link or bold title first
    colons = Counter(leading.colon_authors(text) for text in texts)
    commas = Counter(leading.comma_authors(text) for text in texts)
    if colons[True] and colons[True] * 2 >= max(colons[None], commas[True]):
        return "colon"
    return COMMA if commas[True] and commas[True] * 2 >= commas[None] else ""


class Document:
    """A list's text, its blocks, and how a block of it reads as an entry."""

    def __init__(self, text: str, venues: Venues) -> None:
        self.venues = venues
        found, self.scanner = scanning.scan(text)
        self.blocks = restructured.with_footnotes(found)
        levels = [level for level, _, _ in self.scanner.headings]
        alone = bool(levels) and levels[0] == 1 and levels.count(1) == 1
        self.title_level = 1 if alone else 0  # the list's own title is no section
        self.style = _style(self.blocks)
        self.years = dating.heading_years(self.scanner.headings, self.blocks, venues)
        self.unread: list[int] = []  # lines of items with a paper link that gave no record

    def entries(self) -> list[tuple[Entry, Block]]:
        """The entries with the blocks they stand in, in order of lines."""
        pairs, passed = [], []
        reads = gathering.Reads(self._is_facts, self._is_citation)
        for gathered in gathering.gather(self.blocks, self.scanner.lines, reads):
            for block in self._each(gathered):
                entry = self.entry(block)
                if entry is not None:
                    pairs.append((entry, block))
                if entry is None or entry.kind == "pointer":
                    passed.append(block)
        self.unread = self._unread(passed, [entry for entry, _ in pairs])
        return pairs

    def _unread(self, passed: list[Block], entries: list[Entry]) -> list[int]:
        """Lines of items and rows whose links to a paper stand in no entry that was read."""
        read = {link["url"] for entry in entries if entry.kind != "pointer" for link in entry.links}
        lines = []
        for block in passed:
            if block.kind == "paragraph" or kinds.is_contents(self.section(block)):
                continue
            pieces = inline.read(block.text, self.scanner.definitions)
            urls = [piece.url for piece in pieces if piece.kind == "link"]
            if any(host_kind(url) == PAPER and url not in read for url in urls):
                lines.append(block.line)
        return sorted(set(lines))

    def _is_facts(self, text: str) -> bool:
        """Whether a text gives authors, venue, year or links and nothing else."""
        pieces = inline.read(text, self.scanner.definitions)
        if any(
            piece.kind == "link" and not (piece.bare or is_word(piece.text)) for piece in pieces
        ):
            return False
        running = "".join("\n" if p.kind in ("link", "image") else p.text for p in pieces)
        parts = sentences.split(running)
        return bool(parts) and all(facts.take(Citation(), part, self.venues) for part in parts)

    def _is_citation(self, text: str) -> bool:
        """Whether a text gives several authors, a title, and a venue, year or arXiv id."""
        if not leading.comma_authors(text) or self._is_facts(text):
            return False
        cited = citation.read(inline.read(text, self.scanner.definitions), self.venues, style=COMMA)
        dated = cited.venue or cited.year or identifiers.arxiv_in_text(text)[0]
        whole = cited.title and len(cited.title.split()) >= kinds.FEW
        return bool(
            whole and dated and len(cited.authors) > 1 and not people.grade(cited.title or "")
        )

    def _each(self, block: Block) -> list[Block]:
        """The block, or its parts where one line holds several papers."""
        line = block.lines[0]
        if block.kind != "item" or len(block.lines) > 1 or not several.may_hold(line):
            return [block]
        pieces = inline.read(block.text, self.scanner.definitions)
        starts = several.title_links(pieces, self.venues)
        return several.parts(block, [pieces[start].url for start in starts]) if starts else [block]

    def section(self, block: Block) -> tuple[str, ...]:
        """The headings above a block, without the list's title."""
        inner = (name for level, name in block.section if level > self.title_level)
        return tuple(name for text in inner if (name := inline.strip_markup(text)))

    def heading_line(self, section: str) -> int | None:
        """The line of the heading that a section such as `Papers / 2021` ends in."""
        path: list[tuple[int, str]] = []
        for level, text, line in self.scanner.headings:
            path = [part for part in path if part[0] < level]
            path.append((level, inline.strip_markup(text)))
            names = (name for depth, name in path if depth > self.title_level and name)
            if " / ".join(names) == section:
                return line
        return None

    def entry(self, block: Block) -> Entry | None:
        """The entry that a block holds; None where it holds none."""
        section = self.section(block)
        entry = Entry(
            line=block.line,
            end_line=block.end_line,
            kind="paper",
            section=" / ".join(section) or None,
            raw=block.raw,
        )
        listed = False
        if block.kind == "row":
            row = rows.read(block, self.scanner.definitions, self.venues)
            label, cited, pieces = None, row.cited, row.pieces
            listed = row.titled and cited.year is not None and kinds.is_of_papers(section)
            if block.citation:
                cited.fill(self._cited(None, inline.read(block.citation, self.scanner.definitions)))
        else:
            pieces = inline.read(block.text, self.scanner.definitions)
            pieces = marking.headed(pieces) if block.kind == "heading" else pieces
            label, pieces = labels.take(pieces)
            cited = self._cited(label, pieces)
            listed = self._is_below_meeting(block, pieces, section)
            listed = listed or self._is_linked_paper(cited, pieces, section)
            if block.citation:
                below = inline.read(block.citation, self.scanner.definitions)
                cited = citation.read(below, self.venues, style=COMMA)
        if label is not None and cited.title is None and label.is_title:
            cited.title, label = titles.clean_title(label.text), None
        _fields(entry, label, cited)
        _links(entry, pieces, self.venues, listed=listed)
        _identifiers(entry, pieces)
        self._date_by_section(entry, section, listed=listed)
        if entry.title is None and kinds.by_section(section) in ("implementation", "toolkit"):
            entry.title = _linked_name(pieces)
            _without_title(entry)
        kind = kinds.of(entry, section, listed=listed)
        if kind is None or not kinds.is_whole(entry, block.kind, pieces):
            return None
        return _settle(entry, kind, pieces)

    def _is_below_meeting(
        self, block: Block, pieces: list[Piece], section: tuple[str, ...]
    ) -> bool:
        """Whether an item is a title in bold below a venue and its year: `### 2016 FPGA`."""
        first = next((piece for piece in pieces if any(map(str.isalnum, piece.text))), None)
        bold = first is not None and first.kind == "text" and first.bold
        heads = block.kind == "item" and bold and section
        return bool(heads and dates.meeting_year(section[-1], self.venues))

    def _is_linked_paper(
        self, cited: Citation, pieces: list[Piece], section: tuple[str, ...]
    ) -> bool:
        """Whether a title is linked to a host that tells nothing, below a heading of papers."""
        inner = [part for part in section if not dates.heading_year(part, self.venues)][-1:]
        if not inner or not kinds.names_papers(inner[0]):
            return False
        first = next((piece for piece in pieces if any(map(str.isalnum, piece.text))), None)
        titled = first is not None and is_title_link(first) and len(first.text.split()) >= kinds.FEW
        if first is None or not titled or not cited.title or cited.title not in first.text:
            return False
        return host_kind(first.url) is None and host(first.url) not in BLOG_HOSTS

    def _date_by_section(self, entry: Entry, section: tuple[str, ...], *, listed: bool) -> None:
        """Give a citation without a year that of its heading, and mark it."""
        if entry.year is not None or not (entry.title and (listed or kinds.cites(entry))):
            return
        entry.year = self.years.of(section, entry.line)
        entry.year_from = "section" if entry.year else None

    def _cited(self, label: labels.Label | None, pieces: list[Piece]) -> Citation:
        if label is None:
            return citation.read(pieces, self.venues, style=self.style)
        labels.read(label, self.venues)
        named = not (label.authors or label.venue)
        authored = bool(label.authors)
        cited = citation.read(
            pieces, self.venues, labelled=label.coded, named=named, authored=authored
        )
        if cited.year and not cited.dated and label.year and not (label.venue or label.authors):
            label.year = None  # `[2023/10]` is a date; the venue's year outweighs it
        return cited


def _fields(entry: Entry, label: labels.Label | None, cited: Citation) -> None:
    """Fields of label and text: a label wins the year, the text a spelt-out list of authors."""
    entry.title = cited.title
    entry.authors, entry.et_al = cited.authors, cited.et_al
    entry.venue, entry.year = cited.venue, cited.year
    if label is not None:
        entry.label = label.text
        if label.authors and len(cited.authors) <= len(label.authors):
            entry.authors, entry.et_al = label.authors, label.et_al
        entry.year = label.year if label.year is not None else cited.year
        named = not (label.coded or label.authors or label.year)
        other = cited.venue if cited.venue != PREPRINT else None
        if not (named and other):  # `[CL] Composition of Kites (ECCV)` has one venue
            entry.venue = label.venue or cited.venue
    _without_title(entry)


def _without_title(entry: Entry) -> None:
    """Take a title that was read as a name from the authors."""
    title = (entry.title or "").lower()
    entry.authors = [name for name in entry.authors if name.lower() != title]
    entry.first_author = people.surname(entry.authors[0]) if entry.authors else None


def _links(entry: Entry, pieces: list[Piece], venues: Venues, *, listed: bool) -> None:
    """The entry's links, each with its kind: its own word, the word before it, or its host.

    `listed`: a table gives the title its year, so that the link of the title is a paper's.
    """
    before, after_words = "", False
    for piece in pieces:
        if piece.kind == "link" and piece.url:
            person = after_words and piece.text.strip(" *") in entry.authors
            kind = "link" if person else _kind(piece, before, entry, venues)
            link = {"kind": kind, "url": piece.url}
            if link not in entry.links:
                entry.links.append(link)
        before = piece.text if piece.kind != "image" else before
        after_words = after_words or (piece.kind != "image" and any(map(str.isalnum, piece.text)))
    kinds_seen = {link["kind"] for link in entry.links}
    cites = entry.venue or entry.authors or listed
    if PAPER not in kinds_seen and cites and "title" in kinds_seen:
        _rename(entry, "title", PAPER)
    _rename(entry, "title", "homepage")


def _rename(entry: Entry, old: str, new: str) -> None:
    for link in entry.links:
        link["kind"] = new if link["kind"] == old else link["kind"]


def _kind(piece: Piece, before: str, entry: Entry, venues: Venues) -> str:
    is_title = entry.title is not None and entry.title[:40] in " ".join(piece.text.split())
    if not is_title and (kind := word_kind(piece.text)):
        return "blog" if kind == PAPER and host(piece.url) in BLOG_HOSTS else kind
    if not is_title and before.rstrip().endswith((":", "：", "(")):  # `Code: url`, `[code] (url)`
        last = before.rstrip(" :：\n([]").rsplit("\n", 1)[-1].split(".")[-1].rsplit("[", 1)[-1]
        if kind := word_kind(" ".join(last.split()[-2:])):
            return kind
    if kind := host_kind(piece.url):
        return kind
    if is_title:
        return "title"
    _, year, known = dates.from_phrase(piece.text, venues)
    return PAPER if known and (year or piece.text.startswith("[")) else "link"


def _identifiers(entry: Entry, pieces: list[Piece]) -> None:
    """ArXiv id and DOI: what the text says beats what an address says."""
    text = " ".join(piece.text for piece in pieces if piece.kind == "text")
    urls = [link["url"] for link in entry.links]
    papers = [link["url"] for link in entry.links if link["kind"] == PAPER]
    entry.arxiv, entry.arxiv_version = identifiers.arxiv_in_text(text)
    for url in (*papers, *urls):
        identifier, version = identifiers.arxiv_in_url(url)
        if identifier and entry.arxiv in (None, identifier):
            entry.arxiv = identifier
            entry.arxiv_version = entry.arxiv_version or version
            break
    entry.doi = identifiers.doi_in(text)
    for url in papers:
        entry.doi = entry.doi or identifiers.doi_in(url)


def _settle(entry: Entry, kind: Kind, pieces: list[Piece]) -> Entry:
    """Fields as this kind of entry has them."""
    entry.kind = kind
    if kind in ("pointer", "implementation", "toolkit"):
        entry.year, entry.year_from = (None, None) if entry.year_from else (entry.year, None)
    links = [piece for piece in pieces if piece.kind == "link" and piece.url]
    if kind == "pointer":
        entry.title = entry.label = entry.venue = entry.year = entry.first_author = None
        entry.authors, entry.et_al = [], False
        named = [{"kind": word_kind(piece.text) or "link", "url": piece.url} for piece in links]
        entry.links = [link for i, link in enumerate(named) if link not in named[:i]]
    elif kind == "paper" and len(links) == 1 and is_download(links[0].text):
        entry.links[0]["kind"] = PAPER  # a book, a thesis
    elif kind in ("implementation", "toolkit"):
        entry.title = _linked_name(links) or entry.title
        if entry.links and entry.links[0]["kind"] in ("link", "homepage"):
            entry.links[0]["kind"] = CODE
    return entry


def _linked_name(pieces: list[Piece]) -> str | None:
    """The words of the first link that are a name, and no word for what it leads to."""
    linked = (p.text for p in pieces if p.kind == "link" and p.url)
    name = next((text for text in linked if not is_word(text) and "://" not in text), None)
    return titles.clean_title(name) if name else None
