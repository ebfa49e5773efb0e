"""The input of the rules: the text of a list, its entries with exact places, and the records."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from kb.checks import markup
from kb.checks.known import Known
from kb.checks.words import title_words
from kb.lists import Venues, parse
from kb.lists.blocks import LINE_END
from kb.lists.linkwords import CODE, PAPER, word_kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from kb.checks.markup import Link
    from kb.lists import Entry

T = TypeVar("T")
WORKS = frozenset({"paper", "dataset"})  # the kinds that cite a publication
UNSHOWN = "\\*_`"  # marks of Markdown that may occur between the letters of a title
LONGEST_READ = 400  # characters of an entry that are compared with another's


@dataclass
class Item:
    """One entry and its place: `text` is `document[start:end]`, line ends unchanged."""

    entry: Entry
    index: int
    start: int
    end: int
    text: str
    _places: dict[str, tuple[int, int] | None] = field(default_factory=dict, repr=False)

    @cached_property
    def bare(self) -> str:
        """The text with code spans blanked out, of the same length."""
        return markup.blank_code(self.text)

    @cached_property
    def links(self) -> list[Link]:
        """Every link as written, broken ones included; offsets of the document."""
        return markup.links(self.text, self.start)

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Address -> kind of link, as parsed."""
        return {link["url"]: link["kind"] for link in self.entry.links}

    def kind_of(self, link: Link) -> str | None:
        """paper, code, homepage, ...: by the link's words, or else as parsed."""
        return link.kind or self.kinds.get(link.url)

    @cached_property
    def papers(self) -> list[Link]:
        """The links labelled as the paper."""
        return [link for link in self.links if self.kind_of(link) == PAPER and link.url]

    @cached_property
    def codes(self) -> list[Link]:
        """The links labelled as code."""
        return [link for link in self.links if self.kind_of(link) == CODE and link.url]

    @cached_property
    def words(self) -> str:
        """The text with code spans and addresses blanked out, of the same length."""
        chars = list(self.bare)
        for link in self.links:
            keep = word_kind(link.label) is None and not link.label.startswith(("http", "!"))
            first = link.url_start if keep else link.start
            chars[first - self.start : link.end - self.start] = " " * (link.end - first)
        return "".join(chars)

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """The words a reader sees, folded and in order, names of links left out."""
        return title_words(self.words[:LONGEST_READ])

    def cites(self) -> bool:
        """Whether the entry is a citation (author, venue or year), not just a name with links."""
        entry = self.entry
        return bool(entry.authors or entry.venue or entry.year)

    def place(self, wanted: str | None) -> tuple[int, int] | None:
        """The place of a value in the entry, ignoring white space; None if it is not there."""
        if not wanted:
            return None
        if wanted not in self._places:
            self._places[wanted] = self._search(wanted)
        return self._places[wanted]

    def _search(self, wanted: str) -> tuple[int, int] | None:
        at = self.text.find(wanted)
        if at >= 0:
            return self.start + at, self.start + at + len(wanted)
        squeezed, origin = [], []
        for index, char in enumerate(self.text):
            if not char.isspace() and char not in UNSHOWN:
                squeezed.append(char)
                origin.append(index)
        compact = "".join(char for char in wanted if not char.isspace() and char not in UNSHOWN)
        at = "".join(squeezed).find(compact)
        if at < 0 or not compact:
            return None
        return self.start + origin[at], self.start + origin[at + len(compact) - 1] + 1

    @cached_property
    def label_place(self) -> tuple[int, int] | None:
        """The place of the label, without brackets and back-ticks."""
        label = self.entry.label
        return self.place(label) if label else None

    @cached_property
    def title_place(self) -> tuple[int, int] | None:
        """The place of the title."""
        return self.place(self.entry.title)


class Listing:
    """One list to lint: text, entries, venues and records."""

    def __init__(
        self,
        text: str,
        file: str,
        *,
        venues: Venues | None = None,
        known: Known | None = None,
        folder: Path | None = None,
    ) -> None:
        self.text = text.removeprefix("\ufeff")
        self.file = file
        self.folder = folder  # where relative links lead from
        self.venues = venues or Venues.load()
        self.known = known or Known()
        self.starts = [0, *(match.end() for match in LINE_END.finditer(self.text))]
        self.entries = parse(self.text, self.venues)
        self._indexes: dict[Callable[[Listing], Any], Any] = {}

    def index(self, build: Callable[[Listing], T]) -> T:
        """`build(self)`, cached: the lookup tables of the rules."""
        if build not in self._indexes:
            self._indexes[build] = build(self)
        return cast("T", self._indexes[build])

    @cached_property
    def items(self) -> list[Item]:
        """All entries with their places. An entry ends where the next one begins."""
        items: list[Item] = []
        for index, entry in enumerate(self.entries):
            later = self.entries[index + 1].line if index + 1 < len(self.entries) else None
            last = (
                entry.end_line
                if later is None or later == entry.line
                else max(entry.line, min(entry.end_line, later - 1))
            )
            start, end = self.starts[entry.line - 1], self.line_end(last)
            shared = later == entry.line or (items and items[-1].entry.line == entry.line)
            if shared and (at := self.text.find(entry.raw, start, end)) >= 0:
                start, end = at, at + len(entry.raw)  # one of several on this line
            items.append(Item(entry, index, start, end, self.text[start:end]))
        return items

    @cached_property
    def links(self) -> list[Link]:
        """The links of all entries."""
        return [link for item in self.items for link in item.links]

    def line_end(self, line: int) -> int:
        """The offset after the last character of a line, its end excluded."""
        if line >= len(self.starts):
            return len(self.text)
        end = self.starts[line]
        return end - (2 if self.text[end - 2 : end] == "\r\n" else 1)

    def locate(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both 1-based."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """One line without its line end."""
        return self.text[self.starts[line - 1] : self.line_end(line)]

    @cached_property
    def works(self) -> list[Item]:
        """The entries that cite a publication."""
        return [item for item in self.items if item.entry.kind in WORKS]
