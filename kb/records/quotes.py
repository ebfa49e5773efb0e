"""`kb check --pdf`: the rows of published numbers that a reader's own PDF holds, and those it lacks.

A quote is found where its text stands on a page, white space and table marks aside; failing that,
where its numbers stand there one after another. A row without a quote is found where all its
numbers stand on one line.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kb.records import pdf

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from kb.records.library import Library
    from kb.records.pdf import Page
    from kb.records.schema import Published

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?!\w)")
_FEWEST = 3  # numbers in a row that no other row is likely to share
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")


@dataclass(frozen=True)
class Place:
    """A row of published numbers and where in the PDF it was found."""

    paper: str
    row: Published
    page: int | None  # the first being 1; None where it was not found
    by: str | None  # quote, numbers or line

    @property
    def ok(self) -> bool:
        """Whether it was found, and on the page that the record names."""
        recorded = self.row.source.page
        return self.page is not None and recorded in {None, self.page}

    def line(self) -> str:
        """The place in words."""
        row = self.row
        what = f"{self.paper}: {row.dataset} {row.test_split} {row.direction}"
        what += f", {row.variant}" if row.variant else ""
        if self.page is None:
            return f"not found  {what}: {row.source.quote or row.metrics}"
        other = "" if self.ok else f", recorded on page {row.source.page}"
        return f"page {self.page:<4}  {what}: by its {self.by}{other}"

    def as_json(self) -> dict[str, Any]:
        """The place as `--json` has it."""
        return {
            "paper": self.paper,
            "dataset": self.row.dataset,
            "test_split": self.row.test_split,
            "direction": self.row.direction,
            "source": self.row.source.name,
            "quote": self.row.source.quote,
            "recorded_page": self.row.source.page,
            "page": self.page,
            "by": self.by,
            "ok": self.ok,
        }


def check(library: Library, path: Path, papers: Iterable[str] = ()) -> list[Place]:
    """The rows that stand in this PDF, with those of the same source that do not.

    Args:
        library: its published numbers are looked up.
        path: a PDF with a text layer.
        papers: ids; only rows of these are looked up, each of them. []: those of the source that
            most rows say they are from.

    Raises:
        KBError: the file is no PDF, is encrypted, or has no text.
    """
    wanted = {library.paper(key).id for key in papers}
    texts = [_Text(page) for page in pdf.read(path)]
    by_source: dict[str, list[Place]] = defaultdict(list)
    for paper, rows in library.published.items():
        for row in rows if not wanted or paper in wanted else []:
            page, by = _find(row, texts)
            by_source[_source(row)].append(Place(paper, row, page, by))
    if wanted:
        return [place for places in by_source.values() for place in places]
    best = max(by_source.values(), key=_found, default=[])
    return best if _found(best) > (0, 0) else []


def _source(row: Published) -> str:
    return (row.source.url or row.source.name).partition("#")[0]


def _found(places: list[Place]) -> tuple[int, int]:
    """(rows found by their text, rows found at all)."""
    return sum(place.by == "quote" for place in places), sum(bool(place.page) for place in places)


class _Text:
    """One page in the forms that are compared."""

    def __init__(self, page: Page) -> None:
        self.squeezed = [squeezed(page.drawn), squeezed(page.placed)]
        self.numbers = [_sequence(page.drawn), _sequence(page.placed)]
        lines = [*page.drawn.split("\n"), *page.placed.split("\n")]
        self.lines = [set(_NUMBER.findall(_plain(line))) for line in lines]


def _find(row: Published, texts: list[_Text]) -> tuple[int | None, str | None]:
    for number, text in enumerate(texts, start=1):
        if row.source.quote and any(squeezed(row.source.quote) in form for form in text.squeezed):
            return number, "quote"
    sequence = _sequence(row.source.quote or "")
    if sequence.count(" ") > _FEWEST:
        for number, text in enumerate(texts, start=1):
            if any(sequence in form for form in text.numbers):
                return number, "numbers"
    figures = {_figure(value) for value in row.metrics.values() if value is not None}
    if row.source.quote is None and len(figures) >= _FEWEST:
        for number, text in enumerate(texts, start=1):
            if any(all(names & line for names in figures) for line in text.lines):
                return number, "line"
    return None, None


def _figure(value: float) -> frozenset[str]:
    """A figure as it may be printed: 7, 7.0."""
    return frozenset({f"{value:g}", f"{value:.1f}"} if float(value).is_integer() else {f"{value}"})


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_DASHES)


def squeezed(text: str) -> str:
    """The text without white space and table marks, in lower case."""
    return re.sub(r"[\s|]+", "", _plain(text)).casefold()


def _sequence(text: str) -> str:
    """Its numbers one after another, each between spaces."""
    return " " + "".join(f"{number} " for number in _NUMBER.findall(_plain(text)))
