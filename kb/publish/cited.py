"""What is cited of a record: its published appearance, with the venue's full name.

Conference and journal come before the preprint. An appearance under another title is another text,
and is not cited for this one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any

from kb.lists.venues import Venues
from kb.publish.text import web_address
from kb.records import Dataset, Imprint, Paper, Version, yamlfile

JOURNAL = re.compile(r"\b(?:Journal|Transactions|Letters|Magazine|Annals|Review)\b")
KEY = re.compile(r"[a-z]+\d{4}\w+")
_NO_IMPRINT = Imprint()
_FORMS = {"journal": "article", "preprint": "misc"}


@dataclass(frozen=True)
class Cited:
    """One work as a bibliography writes it. Absent values are None."""

    key: str
    form: str  # article, inproceedings or misc
    title: str
    authors: tuple[str, ...]
    et_al: bool
    year: int | None
    container: str | None  # journal, or proceedings with the short name behind it
    doi: str | None
    arxiv: str | None
    url: str | None
    volume: str | None = None
    number: str | None = None
    pages: str | None = None
    series: str | None = None
    publisher: str | None = None
    issn: str | None = None


@dataclass
class _Appearance:
    venue: str | None
    year: int | None
    doi: str | None
    kinds: list[str] = field(default_factory=list)  # what the record's versions say of the venue


@lru_cache(maxsize=1)
def table() -> dict[str, dict[str, Any]]:
    """Short name -> name, names of earlier years, publisher, ISSN (venues.yaml)."""
    with resources.as_file(resources.files("kb.publish") / "venues.yaml") as path:
        return yamlfile.parse(yamlfile.read_text(path).text, path)


@lru_cache(maxsize=1)
def _long_names() -> dict[str, list[str]]:
    with resources.as_file(resources.files("kb.lists") / "venues.yaml") as path:
        venues = yamlfile.parse(yamlfile.read_text(path).text, path)["venues"]
    return {short: list(entry.get("names") or []) for short, entry in venues.items()}


def full_name(venue: str, year: int | None) -> str:
    """The venue's name in that year: `IEEE Conference on ...` for CVPR 2016; else the short name."""
    if entry := table().get(venue):
        if year in (entry.get("years") or {}):
            return str(entry["years"][year])
        for end, name in sorted((entry.get("before") or {}).items()):
            if year is not None and year < end:
                return str(name)
        return str(entry["name"])
    names = [name for name in _long_names().get(venue, []) if " " in name]
    return names[0] if names else venue


def form(paper: Paper | Dataset) -> str:
    """The BibTeX entry type that the cited venue calls for."""
    return _form(_appearance(paper))


def short_name(paper: Paper | Dataset) -> str | None:
    """The cited venue under its short name, by which indexes know it: CVPR."""
    return _appearance(paper).venue


def _form(one: _Appearance) -> str:
    if one.venue is None:
        return "misc"
    return _form_of(one.venue, one.kinds[0] if one.kinds else None)


@lru_cache(maxsize=1024)
def _form_of(venue: str, told: str | None) -> str:
    venues = Venues.load()
    kind = venues.kind(venue) or told
    if kind is None and (JOURNAL.search(venue) or venues.is_abbreviated(venue)):
        kind = "journal"
    return _FORMS.get(kind or "", "inproceedings")


def _appearance(record: Paper | Dataset) -> _Appearance:
    """The record's own venue; where that is a preprint, its published version if there is one."""
    versions: list[Version] = record.versions if isinstance(record, Paper) else []
    kinds = [one.kind for one in versions if one.venue == record.venue]
    own = _Appearance(record.venue, record.year, record.ids.doi, [str(kind) for kind in kinds])
    published = [one for one in versions if one.kind != "preprint" and one.title is None]
    if published and _form(own) == "misc":
        one = published[0]
        return _Appearance(one.venue, one.year, one.doi or record.ids.doi, [one.kind])
    return own


def address(record: Paper | Dataset) -> str | None:
    """Where it can be read: its publisher's page, its DOI, arXiv, else its first paper link."""
    if record.imprint and record.imprint.url:
        return record.imprint.url
    if record.ids.doi:
        return f"https://doi.org/{record.ids.doi}"
    if record.ids.arxiv:
        return f"https://arxiv.org/abs/{record.ids.arxiv}"
    links = (web_address(link.url) for link in record.links if link.kind == "paper")
    return next((url for url in links if url), None)


def cited(record: Paper | Dataset) -> Cited:
    """The work that a reader of the record cites."""
    one, imprint = _appearance(record), record.imprint or _NO_IMPRINT
    kind = _form(one)
    entry = table().get(one.venue or "", {}) if kind != "misc" else {}
    year = imprint.year or one.year or record.year
    return Cited(
        key=_key(record),
        form=kind,
        title=imprint.title or record.title,
        authors=tuple(record.authors),
        et_al=record.et_al,
        year=year,
        container=_container(one.venue, year, kind),
        doi=one.doi,
        arxiv=record.ids.arxiv,
        url=address(record),
        volume=imprint.volume,
        number=imprint.number,
        pages=imprint.pages,
        series=imprint.series,
        publisher=imprint.publisher or entry.get("publisher"),
        issn=entry.get("issn"),
    )


def _key(record: Paper | Dataset) -> str:
    """A paper's id; of a dataset the alias with its author and year, if it has one."""
    if isinstance(record, Paper):
        return record.id
    return next((alias for alias in record.aliases if KEY.fullmatch(alias)), record.id)


def _container(venue: str | None, year: int | None, kind: str) -> str | None:
    """`IEEE Transactions on Multimedia`; `European Conference on Computer Vision (ECCV)`."""
    if venue is None or kind == "misc":
        return None
    name = full_name(venue, year)
    return name if kind == "article" or name == venue else f"{name} ({venue})"
