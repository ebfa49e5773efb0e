"""Crossref and OpenAlex: DOI, volume, number, pages, publisher and retraction of published papers."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from kb.enrich.feed import FeedError
from kb.enrich.polite import RequestQueue

if TYPE_CHECKING:
    from collections.abc import Callable

UNKNOWN = frozenset({404})
FEW = "5"  # results of a search that are looked at


@dataclass
class Work:
    """A published work as one registry describes it."""

    registry: str  # Crossref, OpenAlex or DBLP
    doi: str  # empty where it has none
    title: str
    authors: list[str]
    year: int | None = None
    volume: str | None = None
    number: str | None = None
    pages: str | None = None
    publisher: str | None = None
    retracted: bool = False
    venue: str | None = None  # as DBLP abbreviates it
    key: str | None = None  # of DBLP's record

    @property
    def detail(self) -> str:
        """What was read: its DOI, or DBLP's key."""
        return self.doi or f"dblp:{self.key}"

    @property
    def imprint(self) -> dict[str, str]:
        """The fields of a record's imprint that it states."""
        named = {name: getattr(self, name) for name in ("volume", "number", "pages", "publisher")}
        return {name: value for name, value in named.items() if value}


@dataclass
class Registry:
    """One registry: where it is asked, and how its answers read."""

    name: str
    address: str
    work: (
        Callable[[str], tuple[str, dict[str, str]]] | None
    )  # doi -> address, parameters; None: by title
    search: Callable[[str], dict[str, str]]  # title -> parameters
    one: Callable[[dict[str, Any]], Work]
    document: Callable[[dict[str, Any]], dict[str, Any]]  # of an answer about one work
    items: Callable[[dict[str, Any]], list[dict[str, Any]]]  # of an answer to a search
    queue: RequestQueue = field(init=False)

    def __post_init__(self) -> None:
        self.queue = RequestQueue(name=self.name, unknown=UNKNOWN)

    def by_doi(self, doi: str) -> Work | None:
        """The work with this DOI; None if the registry does not know it, or finds none by DOI."""
        if self.work is None:
            return None
        address, params = self.work(doi)
        body = self.queue.get(address, params, self._one)
        return self._one(body) if body else None

    def by_title(self, title: str) -> list[Work]:
        """Works with these words in the title."""
        body = self.queue.get(self.address, self.search(title), self._many)
        return self._many(body) if body else []

    def _one(self, body: bytes) -> Work:
        return _read(body, lambda document: self.one(self.document(document)))

    def _many(self, body: bytes) -> list[Work]:
        works = (_usable(self.one, item) for item in _read(body, self.items))
        return [work for work in works if work]


_Read = TypeVar("_Read")


def _read(body: bytes, parse: Callable[[dict[str, Any]], _Read]) -> _Read:
    try:
        return parse(json.loads(body))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise FeedError(f"not a registry's answer ({type(error).__name__})") from error


def _usable(one: Callable[[dict[str, Any]], Work], item: dict[str, Any]) -> Work | None:
    """The work; None where it has no DOI or no title, as search results may."""
    try:
        return one(item)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError):
        return None


def _crossref(item: dict[str, Any]) -> Work:
    parts = (item.get("published") or item.get("issued") or {}).get("date-parts") or [[None]]
    names = [_joined(one.get("given"), one.get("family")) for one in item.get("author") or []]
    updates = item.get("updated-by") or []
    return Work(
        "Crossref",
        doi=str(item["DOI"]).lower(),
        title=" ".join(str(item["title"][0]).split()),
        authors=[name for name in names if name],
        year=int(parts[0][0]) if parts[0] and parts[0][0] else None,
        volume=text_of(item.get("volume")),
        number=text_of(item.get("issue")),
        pages=text_of(item.get("page")),
        publisher=text_of(item.get("publisher")),
        retracted=any(one.get("type") in {"retraction", "withdrawal"} for one in updates),
    )


def _openalex(item: dict[str, Any]) -> Work:
    biblio = item.get("biblio") or {}
    first, last = text_of(biblio.get("first_page")), text_of(biblio.get("last_page"))
    people = [
        (one.get("author") or {}).get("display_name") for one in item.get("authorships") or []
    ]
    return Work(
        "OpenAlex",
        doi=str(item["doi"]).lower().removeprefix("https://doi.org/"),
        title=" ".join(str(item["title"]).split()),
        authors=[str(name) for name in people if name],
        year=item.get("publication_year"),
        volume=text_of(biblio.get("volume")),
        number=text_of(biblio.get("issue")),
        pages=f"{first}-{last}" if first and last and first != last else first,
        retracted=item.get("is_retracted") is True,
    )


def _joined(given: Any, family: Any) -> str:
    return " ".join(str(part) for part in (given, family) if part)


def text_of(value: Any) -> str | None:
    """A value as one line of a hundred characters at most; None where there is none."""
    text = " ".join(str(value).split()) if value is not None else ""
    return text[:100] or None


def registries(*, only: str | None = None) -> list[Registry]:
    """Crossref (`KB_CROSSREF_ENDPOINT`), then OpenAlex (`KB_OPENALEX_ENDPOINT`)."""
    crossref = os.environ.get("KB_CROSSREF_ENDPOINT") or "https://api.crossref.org/works"
    openalex = os.environ.get("KB_OPENALEX_ENDPOINT") or "https://api.openalex.org/works"
    both = [
        Registry(
            "Crossref",
            crossref,
            lambda doi: (f"{crossref}/{quote(doi, safe='/')}", {}),
            lambda title: {"query.bibliographic": title, "rows": FEW},
            _crossref,
            lambda document: dict(document["message"]),
            lambda document: list(document["message"]["items"]),
        ),
        Registry(
            "OpenAlex",
            openalex,
            lambda doi: (f"{openalex}/https://doi.org/{quote(doi, safe='/')}", {}),
            lambda title: {"filter": f"title.search:{_words(title)}", "per-page": FEW},
            _openalex,
            lambda document: document,
            lambda document: list(document["results"]),
        ),
    ]
    return [one for one in both if only in {None, one.name.lower()}]


def _words(title: str) -> str:
    """A title as a filter takes it: commas and bars would end it."""
    return " ".join("".join(char if char.isalnum() else " " for char in title).split())
