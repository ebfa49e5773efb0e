"""Where arXiv's metadata is too: its OAI-PMH interface, then DataCite (10.48550/arXiv.*).

They answer for one identifier a request, so they are asked only while the query API is silent.
"""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import quote, urlsplit

from kb.enrich import feed
from kb.enrich.feed import DATACITE, ArxivRecord, FeedError
from kb.enrich.matching import untex
from kb.enrich.polite import RequestQueue, Unreachable, of_arxiv

OAI = "https://oaipmh.arxiv.org/oai"
DOIS = "https://api.datacite.org/dois"
PREFIX = "10.48550/arXiv."
UNKNOWN = frozenset({404})


def of(endpoint: str) -> SecondSources | None:
    """The second sources of arXiv's API at this address.

    Another API has none, unless `KB_DATACITE_ENDPOINT` names one.
    """
    configured = os.environ.get("KB_DATACITE_ENDPOINT")
    if not configured and not of_arxiv(urlsplit(endpoint).hostname):
        return None
    return SecondSources(os.environ.get("KB_ARXIV_OAI") or OAI, configured or DOIS)


class SecondSources:
    """OAI-PMH, then DataCite; one that failed is not asked again."""

    def __init__(self, oai: str, dois: str) -> None:
        self.oai, self.dois = oai, dois
        self.queues = {
            "OAI-PMH": RequestQueue(name="arXiv"),  # arXiv's own: one connection to all of it
            "DataCite": RequestQueue(name="DataCite", unknown=UNKNOWN),
        }
        self.down: dict[str, str] = {}  # service -> why

    def get(self, base: str, error: Unreachable) -> ArxivRecord | None:
        """The record of an identifier; None if the service that answered does not know it.

        Raises Unreachable, with the reason of each service, if none answers; `error`: the API's.
        """
        asks = {"OAI-PMH": self._from_oai, "DataCite": self._from_datacite}
        for name, ask in asks.items():
            if name in self.down:
                continue
            try:
                return ask(base)
            except Unreachable as failure:
                self.down[name] = failure.what
        reasons = "; ".join(f"{name}: {why}" for name, why in self.down.items())
        raise Unreachable(f"{error.what}; {reasons}")

    def _from_oai(self, base: str) -> ArxivRecord | None:
        params = {"verb": "GetRecord", "metadataPrefix": "arXiv"}
        params["identifier"] = f"oai:arXiv.org:{base}"
        return feed.read_oai(self.queues["OAI-PMH"].get(self.oai, params, feed.read_oai))

    def _from_datacite(self, base: str) -> ArxivRecord | None:
        address = f"{self.dois}/{quote(PREFIX + base, safe='/')}"
        body = self.queues["DataCite"].get(address, {}, read_datacite)
        return read_datacite(body) if body else None


def read_datacite(body: bytes) -> ArxivRecord:
    """A DataCite record of an arXiv paper. Raises FeedError for any other answer."""
    try:
        given: dict[str, Any] = json.loads(body)["data"]["attributes"]
        titles, dates = given["titles"], given.get("dates") or []
        creators, related = given["creators"], given.get("relatedIdentifiers") or []
        doi = str(given["doi"])
        title = str(titles[0]["title"])
        names = [_name(one) for one in creators]
        days = {str(one.get("dateType")): str(one.get("date") or "") for one in dates}
        version = str(given.get("version") or "")
        published: dict[str, Any] = next((one for one in related if _is_version(one)), {})
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise FeedError(f"not a DataCite record ({type(error).__name__})") from error
    base = doi.casefold().removeprefix(PREFIX.casefold())
    if base == doi.casefold():
        raise FeedError("a DataCite record of something else")
    return ArxivRecord(
        id=base,
        version=int(version) if version.isdecimal() and len(version) < 4 else 0,  # noqa: PLR2004
        title=untex(" ".join(title.split())),
        authors=[untex(name) for name in names if name],
        published=days.get("Submitted", ""),
        updated=days.get("Updated", ""),
        doi=str(published["relatedIdentifier"]) if published else None,
        via=DATACITE,
    )


def _is_version(related: dict[str, Any]) -> bool:
    """Whether a related identifier is the DOI of the published paper."""
    kinds = (related.get("relationType"), related.get("relatedIdentifierType"))
    return kinds == ("IsVersionOf", "DOI") and bool(related.get("relatedIdentifier"))


def _name(creator: dict[str, Any]) -> str:
    """Given name, then family name."""
    if creator.get("familyName"):
        return " ".join(
            str(creator.get("givenName") or "").split() + str(creator["familyName"]).split()
        )
    family, comma, given = str(creator["name"]).partition(",")
    return f"{given.strip()} {family.strip()}" if comma else family.strip()
