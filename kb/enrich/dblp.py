"""DBLP: venue, volume, number, pages and DOI, from its search API or from a dump (dblp.xml).

The API answers with JSON (`result.hits.hit[].info`); the dump has one element per publication, with
entities of its DTD for letters. Both give a `Work`; preprints (CoRR) are none.
"""

from __future__ import annotations

import gzip
import html
import html.entities
import os
import re
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from kb.enrich import matching
from kb.enrich.registries import FEW, Registry, Work, text_of
from kb.records import plainfile
from kb.records.errors import KBError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from io import BufferedIOBase
    from pathlib import Path

NAME = "DBLP"
API = "https://dblp.org/search/publ/api"
_PREPRINTS = frozenset({"CoRR"})
_KINDS = frozenset({"article", "inproceedings", "incollection"})
_BLOCK = 1 << 20
_LONGEST = 100_000  # characters of one field
_NUMBERED = re.compile(r" \d{4}$")  # of a person who has the name of others: Jie Li 0003
_ENTITY = re.compile(r"&([A-Za-z]\w{0,30});")
_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})
_ENCODING = re.compile(rb'<\?xml[^>]{0,40}encoding="(UTF-8|ISO-8859-1|US-ASCII)"', re.IGNORECASE)
_DOI = re.compile(r"https?://(?:dx\.)?doi\.org/(10\.\S+)", re.IGNORECASE)


def registry() -> Registry:
    """The search API (`KB_DBLP_ENDPOINT`), which is asked for titles."""
    return Registry(
        NAME,
        os.environ.get("KB_DBLP_ENDPOINT") or API,
        None,
        lambda title: {"q": _words(title), "format": "json", "h": FEW, "c": "0"},
        lambda hit: _work(_info(hit)),
        lambda document: document,
        _hits,
    )


def _words(title: str) -> str:
    """A title as a query: only its words, since dashes, bars and stops are operators."""
    return " ".join("".join(char if char.isalnum() else " " for char in title).split())


def _hits(document: dict[str, Any]) -> list[dict[str, Any]]:
    hits = document["result"]["hits"]
    items = hits.get("hit") or []
    return list(items if isinstance(items, list) else [items])


def _info(hit: dict[str, Any]) -> dict[str, Any]:
    """The fields of a hit in the dump's form: lists of text."""
    info = hit["info"]
    authors = (info.get("authors") or {}).get("author") or []
    people = authors if isinstance(authors, list) else [authors]
    fields = {name: value if isinstance(value, list) else [value] for name, value in info.items()}
    names = [one["text"] if isinstance(one, dict) else one for one in people]
    return {**fields, "author": [html.unescape(str(name)) for name in names]}


def _work(fields: dict[str, Any]) -> Work:
    """A publication's fields as a work. ValueError for a preprint."""

    def first(*names: str) -> str | None:
        values = (value for name in names for value in fields.get(name) or [])
        return next((text for value in values if (text := text_of(value))), None)

    venue = first("venue", "booktitle", "journal")
    if venue in _PREPRINTS:
        raise ValueError("a preprint")
    links = [match[1] for ee in fields.get("ee") or [] if (match := _DOI.match(str(ee)))]
    title = html.unescape(" ".join(str(fields["title"][0]).split())).removesuffix(".").rstrip()
    year = first("year")
    return Work(
        NAME,
        doi=(first("doi") or next(iter(links), "")).lower(),
        title=title,
        authors=[_NUMBERED.sub("", " ".join(name.split())) for name in fields.get("author") or []],
        year=int(year) if year and year.isdecimal() else None,
        volume=first("volume"),
        number=first("number"),
        pages=first("pages"),
        venue=html.unescape(venue) if venue else None,
        key=str(fields["key"][0])[:200],
    )


def dump(path: Path, titles: Iterable[str]) -> dict[str, list[Work]]:
    """The works of a dump, packed with gzip or not, that have one of these titles.

    Args:
        path: dblp.xml, dblp.xml.gz, or a part with the same root element.
        titles: titles of papers.

    Returns:
        Plain title (`matching.plain`) -> its works.

    Raises:
        KBError: the file cannot be read or is no such XML.
    """
    target = _Publications({matching.plain(title) for title in titles})
    parser = XMLParser(target=target, encoding="utf-8")
    try:
        with _opened(path) as file:
            _feed(file, parser.feed)
        parser.close()
    except (OSError, EOFError) as error:
        raise KBError(f"cannot be read ({error})", where=path) from error
    except (ParseError, DefusedXmlException, UnicodeDecodeError, ValueError) as error:
        raise KBError(f"no dump of DBLP ({error})", where=path, hint="give dblp.xml.gz") from error
    if not target.number:
        raise KBError("has no publication", where=path, hint="give dblp.xml.gz")
    return target.works


def _opened(path: Path) -> BufferedIOBase:
    plainfile.refuse_devices(path, "give dblp.xml.gz")
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")


def _feed(file: BufferedIOBase, feed: Callable[[str], None]) -> None:
    """Hand a dump on in blocks of whole lines, without its DTD, whose entities become letters."""
    encoding, rest = "iso-8859-1", b""
    while block := file.read(_BLOCK):
        if not rest and (stated := _ENCODING.match(block)):
            encoding = stated[1].decode("ascii").lower()
        lines = (rest + block).rpartition(b"\n")
        if len(lines[2]) > _LONGEST:
            raise ValueError("a line without end")
        rest = lines[2]
        text = (lines[0] + lines[1]).decode(encoding)
        feed(_ENTITY.sub(_letter, re.sub(r"<\?xml[^>]*\?>|<!DOCTYPE[^>\[]*>", "", text)))
    feed(_ENTITY.sub(_letter, rest.decode(encoding)))


def _letter(match: re.Match[str]) -> str:
    """The letter of an entity; those of XML stay, and one that nobody knows is left out."""
    return match[0] if match[1] in _XML else html.entities.html5.get(f"{match[1]};", "")


class _Publications:
    """Collects the works with wanted titles from a parser's events; keeps no other element."""

    def __init__(self, wanted: set[str]) -> None:
        self.wanted, self.number = wanted, 0
        self.works: dict[str, list[Work]] = {}
        self.fields: dict[str, list[str]] | None = None
        self.depth, self.text = 0, list[str]()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins: a publication, one of its fields, or markup in a field."""
        self.depth += 1
        if self.depth == 2 and tag in _KINDS:  # noqa: PLR2004  (below the root)
            self.fields = {"key": [attributes.get("key", "")]}
            self.number += 1
        elif self.depth == 3:  # noqa: PLR2004  (a field)
            self.text = []

    def data(self, text: str) -> None:
        """Text of a field."""
        if self.fields is not None and sum(map(len, self.text)) < _LONGEST:
            self.text.append(text)

    def end(self, tag: str) -> None:
        """An element ends: a field is filed, a publication judged."""
        if self.depth == 3 and self.fields is not None:  # noqa: PLR2004  (a field)
            self.fields.setdefault(tag, []).append("".join(self.text))
        elif self.depth == 2 and self.fields is not None:  # noqa: PLR2004  (a publication)
            self._judge(self.fields)
            self.fields = None
        self.depth -= 1

    def _judge(self, fields: dict[str, list[str]]) -> None:
        if matching.plain(" ".join(fields.get("title", [""])).strip(" .")) not in self.wanted:
            return
        try:
            work = _work(fields)
        except (KeyError, ValueError):
            return
        self.works.setdefault(matching.plain(work.title), []).append(work)

    def close(self) -> None:
        """The end of the file."""
