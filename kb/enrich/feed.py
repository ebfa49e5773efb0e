"""arXiv's answers, parsed as hostile bytes: the Atom feed of the API, OAI records."""

from dataclasses import asdict, dataclass, field
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from kb.enrich.matching import parse as parse_id
from kb.enrich.matching import untex

ATOM = "{http://www.w3.org/2005/Atom}"
ARXIV = "{http://arxiv.org/schemas/atom}"
SEARCH = "{http://a9.com/-/spec/opensearch/1.1/}"
RAW = "{http://arxiv.org/OAI/arXivRaw/}"
API, OAI, DATACITE = "arxiv", "oai", "datacite"
OAI_ARXIV = "{http://arxiv.org/OAI/arXiv/}"
OAI_PMH = "{http://www.openarchives.org/OAI/2.0/}"
IGNORED = "I"  # source type of a version that was withdrawn
ABS = ("http://arxiv.org/abs/", "https://arxiv.org/abs/")


class FeedError(Exception):
    """The answer is not a feed, or is truncated: retry."""


class RefusedError(Exception):
    """arXiv refuses the request itself: do not retry."""


@dataclass
class ArxivRecord:
    """arXiv's data on the latest version of a paper."""

    id: str  # base identifier
    version: int
    title: str
    authors: list[str]
    published: str  # date of version 1, ISO 8601
    updated: str  # date of this version
    comment: str | None = None
    journal_ref: str | None = None
    doi: str | None = None
    categories: list[str] = field(default_factory=list)
    via: str = API  # the service that answered: API, OAI or DATACITE

    def as_json(self) -> dict[str, Any]:
        """The JSON object in data/arxiv.json; the API itself is not named."""
        return {key: value for key, value in asdict(self).items() if (key, value) != ("via", API)}


@dataclass
class Feed:
    """One page of an answer."""

    total: int
    entries: list[ArxivRecord]


def read(body: bytes) -> Feed:
    """Parse an answer's bytes.

    Raises FeedError for broken XML and for the sporadic page that announces results and has none;
    RefusedError for arXiv's error entry.
    """
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise FeedError(f"not a feed ({type(error).__name__})") from error
    if root.tag != f"{ATOM}feed":
        raise FeedError("not an Atom feed")
    elements = root.findall(f"{ATOM}entry")
    for element in elements:
        _refuse_error(element)
    total, start = (_count(root, f"{SEARCH}{name}") for name in ("totalResults", "startIndex"))
    if not elements and start < total:
        raise FeedError("an empty page where results were announced")
    records = [record for element in elements if (record := _entry(element))]
    return Feed(total, records)


def _refuse_error(element: Element) -> None:
    ident = _text(element, f"{ATOM}id") or ""
    # The manual and today's service differ: accept either form.
    titled = _text(element, f"{ATOM}title") == "Error" and not ident.startswith(ABS)
    if "/api/errors#" in ident or titled:
        raise RefusedError(_text(element, f"{ATOM}summary") or "arXiv refused the request")


def _entry(element: Element) -> ArxivRecord | None:
    address = _text(element, f"{ATOM}id") or ""
    prefix = next((p for p in ABS if address.startswith(p)), None)
    ref = parse_id(address.removeprefix(prefix)) if prefix else None
    title = _text(element, f"{ATOM}title")
    if ref is None or title is None:
        return None
    names = (_text(author, f"{ATOM}name") for author in element.findall(f"{ATOM}author"))
    return ArxivRecord(
        id=ref.base,
        version=ref.version or 1,
        title=untex(title),
        authors=[untex(name) for name in names if name],
        published=_text(element, f"{ATOM}published") or "",
        updated=_text(element, f"{ATOM}updated") or "",
        comment=_text(element, f"{ARXIV}comment"),
        journal_ref=_text(element, f"{ARXIV}journal_ref"),
        doi=_text(element, f"{ARXIV}doi"),
        categories=[c.get("term", "") for c in element.findall(f"{ATOM}category")],
    )


def _count(root: Element, tag: str) -> int:
    text = _text(root, tag) or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004
        raise FeedError("a count that is not a number")
    return int(text)


def _text(element: Element, tag: str) -> str | None:
    """An element's text with white space collapsed; None where there is none."""
    child = element.find(tag)
    text = " ".join((child.text or "").split()) if child is not None else ""
    return text or None


def read_oai(body: bytes) -> ArxivRecord | None:
    """An OAI-PMH record in format `arXiv`; None for an identifier that arXiv does not know.

    It does not say which version it describes: version 0. Raises FeedError for any other answer.
    """
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise FeedError(f"not an OAI answer ({type(error).__name__})") from error
    refused = root.find(f"{OAI_PMH}error")
    if refused is not None:
        if refused.get("code") == "idDoesNotExist":
            return None
        raise FeedError(f"OAI error {refused.get('code')}")
    record = next(root.iter(f"{OAI_ARXIV}arXiv"), None)
    title = None if record is None else _text(record, f"{OAI_ARXIV}title")
    base = None if record is None else _text(record, f"{OAI_ARXIV}id")
    ref = parse_id(base or "")
    if record is None or title is None or ref is None:
        raise FeedError("an OAI answer without a record")
    return ArxivRecord(
        id=ref.base,
        version=0,
        title=untex(title),
        authors=[name for one in record.iter(f"{OAI_ARXIV}author") if (name := _oai_name(one))],
        published=_text(record, f"{OAI_ARXIV}created") or "",
        updated=_text(record, f"{OAI_ARXIV}updated") or "",
        comment=_text(record, f"{OAI_ARXIV}comments"),
        journal_ref=_text(record, f"{OAI_ARXIV}journal-ref"),
        doi=_text(record, f"{OAI_ARXIV}doi"),
        categories=(_text(record, f"{OAI_ARXIV}categories") or "").split(),
        via=OAI,
    )


def _oai_name(author: Element) -> str:
    parts = (_text(author, f"{OAI_ARXIV}{part}") for part in ("forenames", "keyname", "suffix"))
    return untex(" ".join(part for part in parts if part))


def read_withdrawn(body: bytes) -> bool | None:
    """Whether an OAI record (arXivRaw) marks its last version as withdrawn; None if not stated.

    Raises FeedError if the answer is not XML.
    """
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise FeedError(f"not an OAI answer ({type(error).__name__})") from error
    versions = list(root.iter(f"{RAW}version"))
    if not versions:
        return None
    kind = versions[-1].find(f"{RAW}source_type")
    return kind is not None and IGNORED in (kind.text or "")
