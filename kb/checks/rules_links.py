"""Broken links: placeholders, broken Markdown, addresses with spaces."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kb.checks.catalogue import rule
from kb.checks.finding import Edit, Hit
from kb.checks.markup import UNPAIRED
from kb.lists.linkwords import word_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.checks.finding import Severity
    from kb.checks.listing import Item, Listing
    from kb.checks.markup import Link

PLACEHOLDERS = frozenset(
    [
        "link",
        "url",
        "href",
        "todo",
        "tbd",
        "tba",
        "tbc",
        "xx",
        "xxx",
        "xxxx",
        "n/a",
        "na",
        "none",
        "null",
        "nil",
        "nan",
        "...",
        "…",
        "#",
        "?",
        "-",
        "_",
        "/",
        "soon",
        "coming-soon",
        "comingsoon",
        "insert-link",
        "insert_link",
        "add-link",
        "add_link",
        "your-link",
        "your_link",
        "link-here",
        "link_here",
        "link_to_paper",
        "link-to-paper",
        "link_to_code",
        "link-to-code",
        "paper_link",
        "paper-link",
        "code_link",
        "code-link",
        "paper-url",
        "paper_url",
        "code-url",
        "code_url",
        "placeholder",
        "paper",
        "code",
        "pdf",
        "homepage",
        "dataset",
        "project",
        "website",
        "here",
        "http://",
        "https://",
        "http",
        "https",
    ]
)
PLACEHOLDER_ADDRESS = re.compile(
    r"https?://(?:(?:www\.)?example\.(?:com|org|net)\b.{0,500}|(?:www\.)?(?:link|url|todo|xxx+|\.\.\.|…)/?|"
    r"(?:www\.)?arxiv\.org/?(?:(?:abs|pdf)/?)?(?:[x.]{4,20})?|(?:www\.)?github\.com/?"
    r"(?:(?:xxx?x?|user|username|your-?name)/(?:xxx?x?|repo|project|repository)/?)?)",
    re.IGNORECASE,
)
NAMELESS = re.compile(r"\[\[([^\[\]\n]{2,40})\]\](?![\[(:\]]|[ \t]{0,5}\(|https?:)")
WEB = re.compile(r"https?://[^\s/:?#]", re.IGNORECASE)
OTHER_SCHEME = re.compile(r"(?:mailto|ftp|ftps|doi|magnet|tel|data):", re.IGNORECASE)
TWICE = re.compile(r"^(?:https?:/{0,2}){1,3}(?=https?://)", re.IGNORECASE)
MISSPELT_SCHEME = re.compile(
    r"^(?:h?t{1,3}p{1,3}s?|hhttps?|htpps?|httsp?|htttps?)(?::/{0,4}|;/{1,3}|/{1,3}|:\\{1,2})(?=[\w])",
    re.IGNORECASE,
)
BARE_HOST = re.compile(
    r"(?:www\.[\w-]{1,63}\.|(?:[a-z0-9-]{1,63}\.){1,5}(?:com|org|net|edu|gov|io|ai|cn|uk|de|fr|jp|ch)/)",
    re.IGNORECASE,
)
BARE_DOI = re.compile(r"10\.\d{4,9}/\S")


@rule(
    "error",
    reason="A link that leads nowhere looks like a resource that exists.",
    hint="Add the address, or remove the link.",
)
def placeholder_link(listing: Listing) -> Iterator[Hit]:
    """A link whose address is a placeholder, or that has no address."""
    for item in listing.items:
        for link in item.links:
            if not link.fault and is_placeholder(link.url) and not _is_file(listing, link.url):
                shown = f"{link.url!r} is a placeholder, not an address"
                message = shown if link.url else f"[[{link.label}]] has no address"
                yield Hit(*link.spot, message, _without(item, link), safe=False)
        for match in NAMELESS.finditer(item.bare):
            if word_kind(match[1]) and not _defined(listing, match[1]):
                start = item.start + match.start()
                yield Hit(start, start + len(match[0]), f"[[{match[1]}]] has no address")


def is_placeholder(url: str) -> bool:
    """Whether an address is a placeholder."""
    bare = url.strip().strip("<>{}[]$").strip().lower()
    return not bare or bare in PLACEHOLDERS or PLACEHOLDER_ADDRESS.fullmatch(bare) is not None


def _is_file(listing: Listing, url: str) -> bool:
    """Whether a relative address leads to an existing file."""
    if listing.folder is None or not url or url.startswith(("/", "#", ".")) or ":" in url:
        return False
    return (listing.folder / url).exists()


def _defined(listing: Listing, name: str) -> bool:
    """Whether the list defines `[name]: address`."""
    return f"[{name.lower()}]:" in listing.index(_lowered)


def _lowered(listing: Listing) -> str:
    return listing.text.lower()


def _without(item: Item, link: Link) -> tuple[Edit, ...]:
    """Remove the link and the white space before it."""
    start = link.start
    while start > item.start and item.text[start - 1 - item.start] in " \t":
        start -= 1
    return (Edit(start, link.end, ""),)


@rule(
    "error",
    reason="Markdown shows these as text or leads the reader to the wrong address.",
    hint="Write [[word]](https://...) with no space between the brackets and one scheme.",
)
def malformed_link(listing: Listing) -> Iterator[Hit]:
    """Brackets that do not pair, and addresses that browsers cannot open."""
    for link in listing.links:
        if link.fault:
            message, works = f"not a link as written: {link.fault}", link.fault == UNPAIRED
            severity: Severity | None = "warning" if works else None
            yield Hit(link.start, link.end, message, _rewritten(link), severity, safe=False)
        elif (fixed := repaired(link.url)) is not None and not _is_file(listing, link.url):
            message = f"{link.url[:80]!r} is not an address a browser can open"
            edit = Edit(link.url_start, link.url_end, fixed)
            yield Hit(*link.spot, message, (edit,), safe=False)


def _rewritten(link: Link) -> tuple[Edit, ...]:
    """The intended link; nothing if that is a guess."""
    guess = link.fault == UNPAIRED or not WEB.match(link.url) or not link.label
    return () if guess else (Edit(link.start, link.end, f"[[{link.label}]]({link.url})"),)


def repaired(url: str) -> str | None:
    """The intended address of a malformed one; None if it is well formed."""
    if not url or url.startswith(("#", "/", ".")) or is_placeholder(url):
        return None
    if match := TWICE.match(url):
        return url[match.end() :]
    if WEB.match(url) or OTHER_SCHEME.match(url):
        return None
    if match := MISSPELT_SCHEME.match(url):
        return f"https://{url[match.end() :].lstrip('/')}"
    if BARE_HOST.match(url):
        return f"https://{url}"
    return f"https://doi.org/{url}" if BARE_DOI.match(url) else None


@rule(
    "error",
    reason="Markdown ends an address at a space: the link shows as text.",
    hint="Remove the space; write %20 if it belongs to a file's name.",
    fixes=True,
)
def space_in_link(listing: Listing) -> Iterator[Hit]:
    """White space inside an address, or (warning) between it and its parentheses."""
    for item in listing.items:
        for link in item.links:
            before = item.text[link.url_start - 1 - item.start : link.url_start - item.start]
            if link.fault or before == "<" or not plausible(link.url):
                continue
            place = next((i for i, char in enumerate(link.url) if char.isspace()), None)
            if place is not None:
                fixed = (Edit(link.url_start, link.url_end, closed(link.url)),)
                several = (
                    " http" in link.url.lower()
                )  # two addresses: which is right would be a guess
                at = link.url_start + place
                what = "two addresses in one link" if several else "white space inside the address"
                yield Hit(at, at + 1, what, () if several else fixed)
            elif before.isspace():
                start = item.start + item.text.rindex("(", 0, link.url_start - item.start) + 1
                end = item.start + item.text.find(")", link.url_end - item.start)
                edits = (Edit(start, link.url_start, ""), *_after(item, link.url_end, end))
                yield Hit(start, link.url_start, "white space before the address", edits, "warning")


def _after(item: Item, start: int, end: int) -> tuple[Edit, ...]:
    """Remove white space between an address and its closing parenthesis."""
    between = item.text[start - item.start : end - item.start]
    return (Edit(start, end, ""),) if between and not between.strip() else ()


def plausible(url: str) -> bool:
    """Whether this is an address with a space, not a remark in parentheses."""
    return WEB.match(url) is not None or url.lower().startswith(("http", "www."))


def closed(url: str) -> str:
    """The address without spaces: removed beside a mark, `%20` between two words of a name."""
    shut = re.sub(r"(?<=[/:.?=&#_-])\s{1,50}|\s{1,50}(?=[/:.?=&#_-])", "", url)
    return re.sub(r"\s{1,50}", "%20", shut)
