"""Addresses that work but should be better: http, tracking, pinned versions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kb.checks.address import host, is_tracking, serves_tls
from kb.checks.catalogue import rule
from kb.checks.finding import Edit, Hit
from kb.checks.lookalikes import punycode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.checks.listing import Listing

PINNED = re.compile(
    r"(arxiv\.org/(?:abs|pdf|html)/(?:\d{4}\.\d{4,5}|[a-z-]{2,12}(?:\.[A-Z]{2})?/\d{7}))(v\d{1,2})(?!\d)",
    re.IGNORECASE,
)


@rule(
    "warning",
    reason="A page without TLS can be altered in transit, and browsers warn before opening it.",
    hint="Write https; if the host does not serve it (info), leave the address.",
    fixes=True,
)
def http_link(listing: Listing) -> Iterator[Hit]:
    """An address that starts with http:// (info where the host is not known to serve https)."""
    for link in listing.links:
        if link.url[:7].lower() != "http://" or link.fault or not host(link.url):
            continue
        if serves_tls(link.url):
            edit = Edit(link.url_start, link.url_start + 7, "https://")
            yield Hit(*link.spot, f"http: {host(link.url)} serves https", (edit,))
        else:
            message = f"http: check whether {host(link.url)} serves https"
            yield Hit(*link.spot, message, severity="info")


@rule(
    "warning",
    reason="A host name in another alphabet can imitate a host that readers trust.",
    hint="Open the address under the name in the message; if it is the right host, write that name.",
)
def lookalike_host(listing: Listing) -> Iterator[Hit]:
    """A host name with letters of another alphabet that look like Latin ones."""
    for link in listing.links:
        name = host(link.url)
        if name and (other := punycode(name)):
            yield Hit(*link.spot, f"this host is {other}, in letters that look like Latin ones")


@rule(
    "warning",
    reason="A pinned version hides corrections and makes one paper look like several.",
    hint="Drop the vN: arXiv then shows the newest version.",
    fixes=True,
)
def arxiv_pinned_version(listing: Listing) -> Iterator[Hit]:
    """An arXiv address that names a version."""
    for link in listing.links:
        if match := PINNED.search(link.url):
            start, end = link.url_start + match.start(2), link.url_start + match.end(2)
            yield Hit(start, end, f"the address pins {match[2]}", (Edit(start, end, ""),))


@rule(
    "warning",
    reason="It tracks readers, and makes equal addresses look different.",
    hint="Drop the parameter: the page is the same without it.",
    fixes=True,
)
def tracking_parameter(listing: Listing) -> Iterator[Hit]:
    """A query parameter that only tracks where a reader came from."""
    for link in listing.links:
        query = link.url.find("?")
        if query < 0 or link.fault:
            continue
        parameters, fragment = _query(link.url[query + 1 :])
        tracked = [p for p in parameters if is_tracking(p)]
        if tracked:
            remaining = "&".join(p for p in parameters if not is_tracking(p))
            start = link.url_start + link.url.index(tracked[0], query)
            end = link.url_start + query + 1
            edit = Edit(end - 1, link.url_end, f"?{remaining}{fragment}" if remaining else fragment)
            names = ", ".join(p.partition("=")[0][:40] for p in tracked[:4])
            yield Hit(start, start + len(tracked[0]), f"tracking parameter {names}", (edit,))


def _query(text: str) -> tuple[list[str], str]:
    """The parameters of a query, and the fragment after it."""
    query, mark, fragment = text.partition("#")
    return query.split("&"), mark + fragment
