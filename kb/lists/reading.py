"""List -> entries: every block of the document that holds one, read into fields."""

from kb.lists import blocks, citation, identifiers, inline, kinds, labels, people
from kb.lists.blocks import Block
from kb.lists.entry import Entry, Kind
from kb.lists.inline import Piece
from kb.lists.linkwords import CODE, PAPER, host_kind, word_kind
from kb.lists.venues import Venues


def parse(text: str, venues: Venues | None = None) -> list[Entry]:
    """Every entry of a list, in order of lines.

    Fields that the text does not give are None. Any text is accepted; one without entries gives [].
    """
    return [entry for entry, _ in Document(text, venues or Venues.load()).found()]


class Document:
    """A list's text, its blocks, and how a block of it reads as an entry."""

    def __init__(self, text: str, venues: Venues) -> None:
        self.venues = venues
        self.blocks, self.scanner = blocks.scan(text)
        levels = [level for level, _, _ in self.scanner.headings]
        alone = bool(levels) and levels[0] == 1 and levels.count(1) == 1
        self.title_level = 1 if alone else 0  # the list's own title is no section

    def found(self) -> list[tuple[Entry, Block]]:
        """The entries with the blocks they stand in, in order of lines."""
        pairs = ((self.entry(block), block) for block in self.blocks if block.kind == "item")
        return [(entry, block) for entry, block in pairs if entry is not None]

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
        pieces = inline.read(block.text, self.scanner.definitions)
        label_text, rest = labels.take(pieces)
        entry = Entry(
            line=block.line,
            end_line=block.end_line,
            kind="paper",
            section=" / ".join(section) or None,
            raw=block.raw,
            label=label_text,
        )
        label = labels.read(label_text, self.venues) if label_text else None
        cited = citation.read(rest, self.venues, trusted=label is not None)
        _fields(entry, label, cited)
        entry.links = [_link(piece, entry) for piece in rest if piece.kind == "link" and piece.url]
        _identifiers(entry, rest)
        kind = kinds.of(entry, section)
        return None if kind is None else _settle(entry, kind, rest)


def _fields(entry: Entry, label: labels.Label | None, cited: citation.Citation) -> None:
    """Fields of label and text together: the label wins a year, the text a spelt-out author list."""
    entry.title = cited.title
    entry.authors, entry.et_al = cited.authors, cited.et_al
    entry.venue, entry.year = cited.venue, cited.year
    if label is None:
        pass
    elif label.authors and not (len(cited.authors) > len(label.authors)):
        entry.authors, entry.et_al = label.authors, label.et_al
    if label is not None:
        entry.year = label.year if label.year is not None else cited.year
        entry.venue = label.venue or cited.venue
    entry.first_author = people.surname(entry.authors[0]) if entry.authors else None


def _link(piece: Piece, entry: Entry) -> dict[str, str]:
    kind = word_kind(piece.text)
    if kind is None:
        is_title = entry.title is not None and piece.text.strip().startswith(entry.title[:40])
        kind = host_kind(piece.url) or ("homepage" if is_title else "link")
    return {"kind": kind, "url": piece.url}


def _identifiers(entry: Entry, pieces: list[Piece]) -> None:
    """ArXiv id and DOI: what the text says beats what an address says."""
    text = " ".join(piece.text for piece in pieces if piece.kind == "text")
    urls = [link["url"] for link in entry.links]
    papers = [link["url"] for link in entry.links if link["kind"] == PAPER]
    entry.arxiv, entry.arxiv_version = identifiers.arxiv_in_text(text)
    for url in (*papers, *urls):
        found, version = identifiers.arxiv_in_url(url)
        if found and entry.arxiv in (None, found):
            entry.arxiv = found
            entry.arxiv_version = entry.arxiv_version or version
            break
    entry.doi = identifiers.doi_in(text)
    for url in papers:
        entry.doi = entry.doi or identifiers.doi_in(url)


def _settle(entry: Entry, kind: Kind, pieces: list[Piece]) -> Entry:
    """Fields as this kind of entry has them."""
    entry.kind = kind
    if kind == "pointer":
        entry.title = entry.label = entry.venue = entry.year = entry.first_author = None
        entry.authors, entry.et_al = [], False
        entry.links = [
            {"kind": word_kind(p.text) or "link", "url": p.url} for p in pieces if p.kind == "link"
        ]
    elif kind in ("implementation", "toolkit"):
        linked = next((piece for piece in pieces if piece.kind == "link" and piece.text), None)
        entry.title = citation.clean_title(linked.text) if linked else entry.title
        for link in entry.links:
            link["kind"] = CODE if link["kind"] in ("link", "homepage") else link["kind"]
    return entry
