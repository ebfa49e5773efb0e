"""Addresses that work but should be better: http, look-alike hosts, tracking, pinned versions."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import idna

from kb.checks.address import host, is_tracking, serves_tls
from kb.checks.catalogue import rule
from kb.checks.finding import Edit, Hit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.checks.listing import Listing

PINNED = re.compile(
    r"(arxiv\.org/(?:abs|pdf|html)/(?:\d{4}\.\d{4,5}|[a-z-]{2,12}(?:\.[A-Z]{2})?/\d{7}))(v\d{1,2})(?!\d)",
    re.IGNORECASE,
)
# Letters that most typefaces draw as these Latin ones.
LOOKALIKES = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0456\u0458\u0455\u0501\u051b\u051d\u04bb\u04cf"
    "\u03b1\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03f2\u0585\u057d\u0578\u0570\u0561\u0131\u0251\u0261\u026a\u029f",
    "abekmhopctyxijsdqwhl" + "aiknoptuxcounhwiagil",
)
FAMILIES = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")


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
        if name and (other := _punycode(name)):
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


def _family(letter: str) -> str:
    """The alphabet of a letter, of those that share shapes with Latin; else empty."""
    name = unicodedata.name(letter, "")
    return next((family for family in FAMILIES if name.startswith(family)), "")


def _deceives(label: str) -> bool:
    """Whether a label of a host name mixes alphabets, or looks like ASCII without being it."""
    if label.isascii():
        return False
    families = {_family(letter) for letter in label if letter.isalpha()}
    mixed = "LATIN" in families and len(families - {""}) > 1
    return mixed or label.translate(LOOKALIKES).isascii()


def _punycode(host: str) -> str | None:
    """The real (punycode) name of a look-alike host; None for any other host."""
    labels = unicodedata.normalize("NFKC", host).lower().rstrip(".").split(".")
    if not any(map(_deceives, labels)):
        return None
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except UnicodeError:
        return None  # no such name can be registered: another rule reports it
