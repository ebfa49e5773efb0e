"""arXiv identifiers: found in addresses and text, checked before anything is asked."""

import re
from typing import NamedTuple

NEW = re.compile(r"(?<![\d.])(\d{4}\.\d{4,5})(v\d{1,3})?(?![\d])")
OLD = re.compile(r"(?<![\w/-])([a-z-]{2,20}(?:\.[A-Z]{2})?/\d{7})(v\d{1,3})?(?!\d)")
ADDRESS = re.compile(
    r"^https?://(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html|src)/([^?#\s]{1,64})", re.IGNORECASE
)
FIVE_DIGITS_FROM = 1501  # identifiers have four digits before January 2015 and five since


class ArxivRef(NamedTuple):
    """A base identifier and the version that was named, if any."""

    base: str
    version: int | None


def parse(text: str) -> ArxivRef | None:
    """The identifier that `text` is: 2104.08860, 2104.08860v2, hep-th/9901001, math.GT/0309136."""
    for pattern in (NEW, OLD):
        found = pattern.fullmatch(text.removesuffix(".pdf"))
        if found and plausible(found[1]):
            return ArxivRef(found[1], int(found[2][1:]) if found[2] else None)
    return None


def in_address(url: str) -> ArxivRef | None:
    """The identifier an arXiv address points to; None for any other address."""
    found = ADDRESS.match(url)
    return parse(found[1].rstrip("/")) if found else None


def plausible(base: str) -> bool:
    """Whether month and length agree with the scheme of the identifier's date."""
    if "/" in base:
        return 1 <= int(base[-5:-3]) <= 12  # noqa: PLR2004  (months)
    stamp, number = base.split(".")
    digits = 5 if int(stamp) >= FIVE_DIGITS_FROM else 4
    return 1 <= int(stamp[2:]) <= 12 and int(stamp) >= 704 and len(number) == digits  # noqa: PLR2004
