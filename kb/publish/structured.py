"""A page's metadata for machines: citation_* tags of scholarly indexes, schema.org as JSON-LD.

Scholarly indexes read a page's tags only if title, author and date are all there, so a record that
lacks one has none: https://scholar.google.com/intl/en/scholar/inclusion.html#indexing
"""

from typing import Any

from kb.publish import cited
from kb.publish.citation import is_company
from kb.publish.cited import Cited
from kb.publish.text import web_address
from kb.records import Dataset, Paper

CONTEXT = "https://schema.org"


def scholar(paper: Paper) -> list[dict[str, str]]:
    """The citation_* tags of a paper in their order; none where title, author or year is unknown."""
    one = cited.cited(paper)
    if not (one.title and one.authors and one.year):
        return []
    first, _, last = (one.pages or "").partition("-")
    tags: list[tuple[str, object]] = [("title", one.title)]
    tags += [("author", name) for name in one.authors]
    where = {"article": "journal_title", "inproceedings": "conference_title"}.get(one.form)
    tags += [("publication_date", one.year)]
    tags += [(where, cited.short_name(paper))] if where else []
    tags += [("volume", one.volume), ("issue", one.number), ("firstpage", first)]
    tags += [("lastpage", last), ("issn", one.issn), ("publisher", one.publisher)]
    tags += [("doi", one.doi), ("arxiv_id", one.arxiv)]
    return [{"name": name, "content": str(content)} for name, content in tags if content]


def article(paper: Paper) -> dict[str, Any]:
    """The paper as schema.org's ScholarlyArticle; absent values are left out."""
    one = cited.cited(paper)
    same = [f"https://doi.org/{one.doi}"] if one.doi else []
    same += [f"https://arxiv.org/abs/{one.arxiv}"] if one.arxiv else []
    first, _, last = (one.pages or "").partition("-")
    return _present(
        {
            "@context": CONTEXT,
            "@type": "ScholarlyArticle",
            "@id": same[0] if same else None,
            "name": one.title,
            "headline": one.title,
            "author": [_author(name) for name in one.authors],
            "datePublished": str(one.year) if one.year else None,
            "isPartOf": _container(one),
            "publisher": _organisation(one.publisher),
            "pageStart": first,
            "pageEnd": last,
            "identifier": _identifiers(one),
            "sameAs": same,
            "url": web_address(one.url or ""),
        }
    )


def _container(one: Cited) -> dict[str, Any] | None:
    """A journal's volume and issue, or the proceedings."""
    if one.container is None:
        return None
    if one.form != "article":
        book = {"@type": "Book", "name": one.container, "issn": one.issn}
        series = {"@type": "BookSeries", "name": one.series} if one.series else None
        return _present({**book, "isPartOf": series})
    within = _present({"@type": "Periodical", "name": one.container, "issn": one.issn})
    for kind, number, value in (
        ("PublicationVolume", "volumeNumber", one.volume),
        ("PublicationIssue", "issueNumber", one.number),
    ):
        within = {"@type": kind, number: value, "isPartOf": within} if value else within
    return within


def _identifiers(one: Cited) -> list[dict[str, str]]:
    known = [("DOI", one.doi), ("arXiv", one.arxiv)]
    return [
        {"@type": "PropertyValue", "propertyID": kind, "value": value}
        for kind, value in known
        if value
    ]


def _author(name: str) -> dict[str, str]:
    return {"@type": "Organization" if is_company(name) else "Person", "name": name}


def _organisation(name: str | None) -> dict[str, str] | None:
    return {"@type": "Organization", "name": name} if name else None


def dataset(one: Dataset) -> dict[str, Any]:
    """The dataset as schema.org's Dataset, with the description of 50 letters that indexes ask for."""
    urls = [web_address(link.url) for link in one.links]
    where = " ".join(str(part) for part in (one.venue, one.year) if part)
    quoted = f"\N{LEFT DOUBLE QUOTATION MARK}{one.title}\N{RIGHT DOUBLE QUOTATION MARK}"
    origin = f"{one.name}, introduced in {quoted}{f' ({where})' if where else ''}."
    return _present(
        {
            "@context": CONTEXT,
            "@type": "Dataset",
            "name": one.name,
            "description": f"{origin} A dataset for retrieval of videos by text.",
            "creator": [_author(name) for name in one.authors],
            "datePublished": str(one.year) if one.year else None,
            "identifier": _identifiers(cited.cited(one)),
            "url": next((url for url in urls if url), None),
        }
    )


def _present(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if value}
