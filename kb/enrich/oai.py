"""Confirming a withdrawal: arXivRaw says of the last version that it has no source."""

import os
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from kb.enrich.feed import FeedError
from kb.enrich.polite import Line

ENDPOINT = "https://oaipmh.arxiv.org/oai"
RAW = "{http://arxiv.org/OAI/arXivRaw/}"
IGNORED = "I"  # source type of a version that was withdrawn


def withdrawn(line: Line, base: str) -> bool | None:
    """Whether arXiv itself marks the last version as withdrawn; None where it does not say.

    `KB_ARXIV_OAI` names another endpoint. Raises Unreachable.
    """
    address = os.environ.get("KB_ARXIV_OAI") or ENDPOINT
    params = {
        "verb": "GetRecord",
        "identifier": f"oai:arXiv.org:{base}",
        "metadataPrefix": "arXivRaw",
    }
    return read(line.get(address, params, read))


def read(body: bytes) -> bool | None:
    """The answer in a GetRecord body; FeedError where it is not XML."""
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise FeedError(f"not an OAI answer ({type(error).__name__})") from error
    versions = list(root.iter(f"{RAW}version"))
    if not versions:
        return None
    kind = versions[-1].find(f"{RAW}source_type")
    return kind is not None and IGNORED in (kind.text or "")
