"""arXiv ids and DOIs, in running text and in addresses."""

import re
from urllib.parse import unquote

NEW = r"\d{4}\.\d{4,5}"
OLD = r"[a-z-]{2,12}(?:\.[a-z-]{2,10})?/\d{7}"  # math.GT/0309136 is math/0309136
VERSION = r"(?:v(\d{1,2}))?(?![\d.]*\d)"
ARXIV_TEXT = re.compile(
    rf"arxiv(?:\.org)?(?:\s{{0,3}}preprint)?[\s:,]{{0,4}}(?:arxiv:\s{{0,2}})?(?:abs/|pdf/)?({NEW}|{OLD}){VERSION}",
    re.IGNORECASE,
)
ARXIV_URL = re.compile(
    rf"(?:arxiv\.org|ar5iv\.org|ar5iv\.labs\.arxiv\.org|alphaxiv\.org|arxiv-vanity\.com)/"
    rf"(?:abs|pdf|html|ftp|format|src|e-print|papers|overview)/(?:arxiv:)?({NEW}|{OLD}){VERSION}",
    re.IGNORECASE,
)
ARXIV_ELSEWHERE = re.compile(
    rf"(?:huggingface\.co/papers|scirate\.com/arxiv|doi\.org/10\.48550/arxiv\.|10\.48550/arxiv\.)/?({NEW}){VERSION}",
    re.IGNORECASE,
)
DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>\[\]{}|\\^`]{1,200}", re.IGNORECASE)
SICI = re.compile(
    r"\b10\.\d{4,9}/\((?:SICI|ISSN)\)[^\s\"{}|\\^`]{1,200}", re.IGNORECASE
)  # has < and >
ACM_FILE = re.compile(r"10\.1145/\d{5,9}/\d{5,9}/")  # a file of delivery.acm.org, no DOI
TAIL = re.compile(
    r"(?:/(?:abstract|full|pdf|epdf|fulltext|meta|html)|\.(?:pdf|short|full|long|abstract))$",
    re.IGNORECASE,
)


def _id_and_version(match: re.Match[str] | None) -> tuple[str | None, int | None]:
    if match is None:
        return None, None
    archive, slash, number = match[1].lower().rpartition("/")
    return archive.partition(".")[0] + slash + number, int(match[2]) if match[2] else None


def arxiv_in_text(text: str) -> tuple[str | None, int | None]:
    """The first arXiv id that the text names as such, and its version."""
    return _id_and_version(ARXIV_TEXT.search(text) if "rxiv" in text.lower() else None)


def arxiv_in_url(url: str) -> tuple[str | None, int | None]:
    """The arXiv id of an address of arXiv or of a mirror that keeps its ids, and its version."""
    return _id_and_version(ARXIV_URL.search(url) or ARXIV_ELSEWHERE.search(url))


def doi_in(text: str) -> str | None:
    """The first DOI in a text or address; arXiv's own DOIs are arXiv ids, not DOIs of a venue."""
    text = unquote(text) if "%" in text else text
    match = SICI.search(text) or DOI.search(text)
    if match is None or ACM_FILE.match(match[0]):
        return None
    queried = re.search(r"\?\S*$", text[: match.start()])  # `?id=10.1371/x&type=print`
    doi = match[0].partition("&")[0] if queried else match[0]
    doi = doi.split("?")[0].split("#")[0].rstrip(".,;:'*_")
    while doi.endswith(")") and doi.count(")") > doi.count("("):
        doi = doi[:-1].rstrip(".,;:'")
    doi = TAIL.sub("", doi)
    return None if doi.lower().startswith("10.48550/arxiv") else doi
