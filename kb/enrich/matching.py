"""Compare two descriptions of papers: identifiers, title, shared surname, years."""

import html
import logging
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import unquote

from kb.records.keys import surname

NEW = re.compile(r"(?<![\d.])(?P<base>\d{4}\.\d{4,5})(?:v(?P<version>\d{1,3}))?(?!\d)")
# The subject class is no part of the identifier: math.GT/0309136 is math/0309136.
OLD = re.compile(
    r"(?<![\w/-])(?P<archive>[a-z-]{2,20})(?:\.[A-Za-z]{2})?/(?P<number>\d{7})"
    r"(?:v(?P<version>\d{1,3}))?(?!\d)"
)
ADDRESS = re.compile(
    r"^https?://(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html|src)/([^?#\s]{1,64})", re.IGNORECASE
)
FIVE_DIGITS_FROM = 1501  # identifiers have four digits before January 2015 and five since
DOI = re.compile(r"10\.\d{4,9}/\S+")
TEX = re.compile(r"[\\${}~]")
LONGEST_TEX = 4000  # characters
WITHDRAWN = re.compile(r"\bwithdrawn\b|\bretracted\b", re.IGNORECASE)


class ArxivRef(NamedTuple):
    """A base identifier and the version that was named, if any."""

    base: str
    version: int | None


def parse(text: str) -> ArxivRef | None:
    """The identifier that `text` is: 2104.08860v2, hep-th/9901001, math.GT/0309136 (math/0309136)."""
    text = text.removesuffix(".pdf")
    return _reference(NEW.fullmatch(text)) or _reference(OLD.fullmatch(text))


def find(text: str) -> ArxivRef | None:
    """The first identifier inside a text."""
    for pattern in (NEW, OLD):
        for match in pattern.finditer(text):
            if (ref := _reference(match)) is not None:
                return ref
    return None


def _reference(match: re.Match[str] | None) -> ArxivRef | None:
    if match is None:
        return None
    parts = match.groupdict()
    base = parts.get("base") or f"{parts['archive']}/{parts['number']}"
    version = int(parts["version"]) if parts["version"] else None
    return ArxivRef(base, version) if plausible(base) else None


def base_of(identifier: str) -> str:
    """The normal form of an identifier, for comparison; any other text unchanged."""
    ref = parse(identifier)
    return ref.base if ref else identifier


def in_address(url: str) -> ArxivRef | None:
    """The identifier an arXiv address points to; None for any other address."""
    match = ADDRESS.match(url)
    return parse(match[1].rstrip("/")) if match else None


def plausible(base: str) -> bool:
    """Whether month and length agree with the scheme of the identifier's date."""
    if "/" in base:
        return 1 <= int(base[-5:-3]) <= 12  # noqa: PLR2004  (months)
    stamp, number = base.split(".")
    digits = 5 if int(stamp) >= FIVE_DIGITS_FROM else 4
    return 1 <= int(stamp[2:]) <= 12 and int(stamp) >= 704 and len(number) == digits  # noqa: PLR2004


def doi_in(text: str) -> str | None:
    """The DOI inside a text, with percent signs, entities and TeX decoded.

    A DOI may hold brackets and angles: 10.1002/(SICI)1097-4571(199806)49:8<693::AID-ASI4>3.0.CO;2-O.
    """
    plain_text = text.replace("\\textless{}", "<").replace("\\textgreater{}", ">")
    plain_text = plain_text.replace("\\textless", "<").replace("\\textgreater", ">")
    match = DOI.search(untex(html.unescape(unquote(plain_text))).replace("\\", ""))
    if match is None:
        return None
    doi = match[0]
    while doi and (doi[-1] in ".,;'\"" or (doi[-1] in ")]}" and not _closes(doi))):
        doi = doi[:-1]
    return doi


def _closes(text: str) -> bool:
    """Whether the last bracket of a text has its partner in it."""
    return text.count(text[-1]) <= text.count({")": "(", "]": "[", "}": "{"}[text[-1]])


@cache
def _latex() -> Any:
    from pylatexenc.latex2text import LatexNodes2Text  # noqa: PLC0415  (slow to import)

    logging.getLogger("pylatexenc").setLevel(logging.ERROR)
    return LatexNodes2Text(keep_comments=True)


def untex(text: str) -> str:
    """TeX as text on one line, with composed accents and without braces."""
    if TEX.search(text) and len(text) <= LONGEST_TEX:
        escaped = re.sub(r"(?<!\\)((?:\\\\)*)%", r"\1\\%", text)  # a bare % would begin a comment
        try:
            text = _latex().latex_to_text(escaped)
        except Exception:  # noqa: BLE001  (what is no TeX is shown as it is written)
            return " ".join(text.split())
        text = text.replace("{", "").replace("}", "")
    return " ".join(text.split())


def plain(text: str) -> str:
    """Letters and digits only, without TeX, accents and case: how titles are compared."""
    folded = unicodedata.normalize("NFKD", untex(text)).casefold()
    return "".join(c for c in folded if c.isalnum())


def same_title(one: str, other: str) -> bool:
    """Whether two titles are the same but for case, accents, spaces and punctuation."""
    return plain(one) == plain(other) != ""


def shortened(short: str, title: str) -> bool:
    """Whether `short` is the part of `title` before its first colon."""
    head, colon, _ = title.partition(":")
    return bool(colon) and same_title(short, head)


def share_author(ours: Iterable[str], theirs: Iterable[str]) -> bool:
    """Whether one of our names has its surname among theirs; no names of ours exclude nothing.

    Of ours the surname is known by its place (`Xu R`, `Ran Xu`); of theirs any part may be it,
    for arXiv gives names as their authors wrote them.
    """
    mine = {surname(untex(name)) for name in ours}
    names = [untex(name) for name in theirs]
    parts = {part for name in names for part in (surname(name), *map(surname, name.split()))}
    return not mine or bool(mine & parts)


def near_year(one: int | None, other: int | None) -> bool:
    """Whether the years are at most one apart; an unknown year excludes nothing."""
    return one is None or other is None or abs(one - other) <= 1


def mentions_withdrawal(comment: str | None) -> bool:
    """Whether a comment mentions a withdrawal: only a suspicion, it may be another paper's."""
    return bool(comment and WITHDRAWN.search(comment))
