"""Local OAI-PMH, DataCite, Crossref, OpenAlex and DBLP: their addresses, forms, statuses and silences."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.servers.arxiv_feed import OAI, now, oai_error

ARXIV_NS = 'xmlns="http://arxiv.org/OAI/arXiv/"'


@dataclass
class State:
    """What the services know, which of them are down, and what was asked."""

    preprints: dict[str, dict[str, Any]]  # arXiv id -> id, title, authors, published, doi
    works: dict[str, dict[str, Any]]  # DOI in lower case -> title, authors, year, volume, ...
    down: dict[str, int] = field(default_factory=dict)  # service -> status it answers with
    asked: list[tuple[str, str]] = field(default_factory=list)  # service, path


def oai(paper: dict[str, Any]) -> bytes:
    """GetRecord in format `arXiv`."""
    people = "".join(
        f"<author><keyname>{escape(family)}</keyname><forenames>{escape(given)}</forenames></author>"
        for given, _, family in (name.rpartition(" ") for name in paper["authors"])
    )
    doi = f"<doi>{escape(paper['doi'])}</doi>" if paper.get("doi") else ""
    record = (
        f"<arXiv {ARXIV_NS}><id>{paper['id']}</id><created>{paper['published'][:10]}</created>"
        f"<authors>{people}</authors><title>{escape(paper['title'])}</title>"
        f"<categories>cs.CV cs.IR</categories>{doi}<abstract>Not kept.</abstract></arXiv>"
    )
    header = f"<header><identifier>oai:arXiv.org:{paper['id']}</identifier></header>"
    return (
        f"{OAI}<responseDate>{now()}</responseDate><GetRecord><record>{header}"
        f"<metadata>{record}</metadata></record></GetRecord></OAI-PMH>\n"
    ).encode()


def datacite(paper: dict[str, Any]) -> dict[str, Any]:
    """A DOI's JSON:API document."""
    split = [name.rpartition(" ") for name in paper["authors"]]
    doi = f"10.48550/arxiv.{paper['id']}"
    related = [
        {
            "relationType": "IsVersionOf",
            "relatedIdentifier": paper.get("doi"),
            "relatedIdentifierType": "DOI",
        }
    ]
    attributes = {
        "doi": doi,
        "creators": [
            {
                "name": f"{family}, {given}" if given else family,
                "nameType": "Personal",
                "givenName": given,
                "familyName": family,
                "affiliation": [],
            }
            for given, _, family in split
        ],
        "titles": [{"title": paper["title"]}],
        "publisher": "arXiv",
        "publicationYear": int(paper["published"][:4]),
        "dates": [{"date": paper["published"], "dateType": "Submitted"}],
        "version": "2",
        "relatedIdentifiers": related if paper.get("doi") else [],
    }
    return {"data": {"id": doi, "type": "dois", "attributes": attributes}}


def crossref(doi: str, work: dict[str, Any]) -> dict[str, Any]:
    """A work as Crossref's REST API has it."""
    split = [name.rpartition(" ") for name in work["authors"]]
    item = {
        "DOI": doi,
        "type": "journal-article",
        "title": [work["title"]],
        "author": [{"given": g, "family": f, "sequence": "additional"} for g, _, f in split],
        "published": {"date-parts": [[work["year"], 6]]},
        "container-title": [work.get("venue", "")],
        "volume": work.get("volume"),
        "issue": work.get("number"),
        "page": work.get("pages"),
        "publisher": work.get("publisher"),
        "updated-by": [{"type": "retraction", "DOI": f"{doi}.r"}]
        if work.get("retracted")
        else None,
    }
    return {name: value for name, value in item.items() if value is not None}


def openalex(state: State, doi: str, work: dict[str, Any]) -> dict[str, Any]:
    """A work as OpenAlex has it; its number is its place among the works."""
    first, _, last = str(work.get("pages") or "").partition("-")
    numbers = {key: number for number, key in enumerate(state.works, start=1)}
    cited = [numbers[key] for key in work.get("cites", [])]
    return {
        "id": f"https://openalex.org/W{numbers[doi]}",
        "doi": f"https://doi.org/{doi}",
        "title": work["title"],
        "publication_year": work["year"],
        "authorships": [{"author": {"display_name": name}} for name in work["authors"]],
        "biblio": {
            "volume": work.get("volume"),
            "issue": work.get("number"),
            "first_page": first or None,
            "last_page": last or None,
        },
        "is_retracted": bool(work.get("retracted")),
        "referenced_works": [f"https://openalex.org/W{number}" for number in cited],
        "primary_location": {"source": {"display_name": work.get("venue")}},
    }


def dblp(doi: str, work: dict[str, Any]) -> dict[str, Any]:
    """The `info` of a publication in DBLP's search API."""
    people = [{"@pid": f"1/{n}", "text": name} for n, name in enumerate(work["authors"])]
    info = {
        "authors": {"author": people[0] if len(people) == 1 else people},
        "title": f"{work['title'].replace('&', '&amp;')}.",
        "venue": work.get("short") or "CVPR",
        "volume": work.get("volume"),
        "number": work.get("number"),
        "pages": work.get("pages"),
        "year": str(work["year"]),
        "type": "Conference and Workshop Papers",
        "access": "closed",
        "key": f"conf/x/{doi.rpartition('/')[2]}",
        "doi": None if work.get("no_doi") else doi.upper(),
        "ee": f"https://doi.org/{doi}",
        "url": "https://dblp.org/rec/conf/x/1",
    }
    return {name: value for name, value in info.items() if value is not None}


def _dblp(state: State, query: dict[str, str]) -> bytes:
    """A search: the preprint of each hit stands before it; one hit alone is no list's difference."""
    hits = []
    for doi, work in found(state, query.get("q", "")):
        info = dblp(doi, work)
        preprint = {**info, "venue": "CoRR", "doi": "10.48550/ARXIV.1", "key": "journals/corr/1"}
        for one in (preprint, info):
            hits.append({"@score": "7", "@id": str(len(hits)), "info": one, "url": "URL#1"})
    total = str(len(hits))
    numbers = {"@total": total, "@computed": total, "@sent": total, "@first": "0"}
    result = {
        "query": query.get("q", ""),
        "status": {"@code": "200", "text": "OK"},
        "hits": {**numbers, **({"hit": hits} if hits else {})},
    }
    return json.dumps({"result": result}).encode()


def answer(state: State, path: str, query: dict[str, str]) -> tuple[str, int, bytes]:
    """(service, status, body) for an address."""
    if path == "/oai":
        paper = state.preprints.get(query.get("identifier", "").removeprefix("oai:arXiv.org:"))
        unknown = oai_error("idDoesNotExist", "no such record")
        return "oai", 200, oai(paper) if paper else unknown
    if path.startswith("/dois/"):
        base = unquote(path).lower().removeprefix("/dois/10.48550/arxiv.")
        paper = state.preprints.get(base)
        missing = json.dumps({"errors": [{"status": "404", "title": "not found"}]}).encode()
        return (
            "datacite",
            200 if paper else 404,
            json.dumps(datacite(paper)).encode() if paper else missing,
        )
    if path.startswith("/crossref"):
        return "crossref", *_crossref(
            state, unquote(path).removeprefix("/crossref").strip("/"), query
        )
    if path == "/dblp":
        return "dblp", 200, _dblp(state, query)
    return "openalex", *_openalex(state, unquote(path).removeprefix("/openalex").strip("/"), query)


def _crossref(state: State, doi: str, query: dict[str, str]) -> tuple[int, bytes]:
    if doi:
        work = state.works.get(doi.lower())
        if work is None:
            return 404, b"Resource not found."
        message: dict[str, Any] = crossref(doi.lower(), work)
        return 200, json.dumps(
            {"status": "ok", "message-type": "work", "message": message}
        ).encode()
    items = [crossref(key, one) for key, one in found(state, query.get("query.bibliographic", ""))]
    message = {"total-results": len(items), "items": [*items, {"DOI": "10.9999/untitled"}]}
    return 200, json.dumps(
        {"status": "ok", "message-type": "work-list", "message": message}
    ).encode()


def _openalex(state: State, rest: str, query: dict[str, str]) -> tuple[int, bytes]:
    if rest:
        doi = rest.lower().removeprefix("https://doi.org/")
        work = state.works.get(doi)
        body = json.dumps(openalex(state, doi, work)).encode() if work else b""
        return (200, body) if work else (404, b"<h1>404</h1>")
    results = [openalex(state, key, one) for key, one in _filtered(state, query.get("filter", ""))]
    meta: dict[str, Any] = {"count": len(results)}
    if "cursor" in query:
        start = 0 if query["cursor"] == "*" else int(query["cursor"])
        end = start + int(query.get("per-page", "25"))
        meta["next_cursor"] = str(end) if start < len(results) else None
        results = results[start:end]
    return 200, json.dumps({"meta": meta, "results": results}).encode()


def _filtered(state: State, text: str) -> list[tuple[str, dict[str, Any]]]:
    """Works by a filter: title.search:, doi:A|B, cites:W1|W2, from_publication_date:."""
    kinds = dict(part.split(":", 1) for part in text.split(",") if ":" in part)
    if "title.search" in kinds:
        return found(state, kinds["title.search"])
    works = list(state.works.items())
    if "doi" in kinds:
        works = [(doi, one) for doi, one in works if doi in kinds["doi"].split("|")]
    if "cites" in kinds:
        wanted = {int(name.removeprefix("W")) for name in kinds["cites"].split("|")}
        cited = {doi for number, doi in enumerate(state.works, start=1) if number in wanted}
        works = [(doi, one) for doi, one in works if cited & {*one.get("cites", [])}]
    since = int(kinds.get("from_publication_date", "0000")[:4])
    return [(doi, one) for doi, one in works if one["year"] >= since]


def found(state: State, title: str) -> list[tuple[str, dict[str, Any]]]:
    """Works that share a word of five letters with the title, as a search has them."""
    words = {word for word in title.lower().split() if len(word) > 4}
    return [
        (doi, one)
        for doi, one in state.works.items()
        if words & {*one["title"].lower().replace(":", " ").split()}
    ]


class Server:
    """The five services on one loopback address."""

    def __init__(self, state: State) -> None:
        self.state = state
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """One answer."""
                parts = urlsplit(self.path)
                query = {key: values[0] for key, values in parse_qs(parts.query).items()}
                service, status, body = answer(server.state, parts.path, query)
                server.state.asked.append((service, self.path))
                status = server.state.down.get(service, status)
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "3600")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Silent."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.http.server_port}"

    def start(self) -> None:
        """Listen."""
        self.thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(5)
