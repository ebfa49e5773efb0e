"""CSV: one row a paper."""

import csv
import io

from kb.publish.text import clean, web_address
from kb.records import Library, Paper

COLUMNS = (
    "id",
    "model",
    "basis",
    "title",
    "authors",
    "et_al",
    "venue",
    "year",
    "arxiv",
    "doi",
    "section",
    "datasets",
    "paper",
    "code",
    "status",
)
_FORMULA = ("=", "+", "-", "@")


def csv_text(library: Library) -> str:
    """RFC 4180, UTF-8; lists are joined with "; "."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for paper in library.papers:
        writer.writerow([cell(value) for value in _row(paper)])
    return stream.getvalue()


def _row(paper: Paper) -> list[object]:
    return [
        paper.id,
        paper.model,
        paper.basis,
        paper.title,
        "; ".join(paper.authors),
        paper.et_al,
        paper.venue,
        paper.year,
        paper.ids.arxiv,
        paper.ids.doi,
        paper.section,
        "; ".join(paper.datasets),
        _first(paper, "paper"),
        _first(paper, "code"),
        paper.status,
    ]


def _first(paper: Paper, kind: str) -> str | None:
    links = (web_address(link.url) for link in paper.links if link.kind == kind)
    return next((url for url in links if url), None)


def cell(value: object) -> str:
    """A cell; what a spreadsheet would run as a formula is made text by an apostrophe."""
    text = "" if value is None else clean(str(value))
    return f"'{text}" if text.startswith(_FORMULA) else text
