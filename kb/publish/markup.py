"""The HTML that templates and themes write, cut into its pieces: quick, of well-formed HTML alone.

Python's own parser reads any HTML, at many times the cost. So each function here says when it
cannot answer for sure, and that parser is asked then.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from html.parser import HTMLParser

# A tag; a script that holds neither `</` nor `<!--`; a comment without `<` and `>`.
_PIECE = re.compile(
    r"(<(?:(?!script[\s>])/?[a-zA-Z][^<>]*>"
    r"|script[\s>][^<]*(?:<(?!/|!--)[^<]*)*</script>|!--[^<>]*-->|!doctype [^<>]*>))"
)
_NAME = r"[a-zA-Z_][\w:.-]*"
_TEXT = r"[^{0}<>&]*(?:&#?\w+;[^{0}<>&]*)*"
_VALUE = rf"""\"{_TEXT.format('"')}\"|'{_TEXT.format("'")}'|[\w-]+(?![^\s>])"""
_RAW = "script|style|textarea|xmp|iframe|noembed|noframes|plaintext"  # what they hold are no tags
_START = re.compile(
    rf"<(?!(?:{_RAW})[\s/>])(?P<name>[a-z][a-z0-9-]*)"
    rf"(?P<attributes>(?:\s+{_NAME}(?:=(?:{_VALUE}))?)*)\s*(?P<closed>/?)>",
    re.ASCII,
)
_ATTRIBUTE = re.compile(rf"({_NAME})(?:=({_VALUE}))?(?=\s|$)", re.ASCII)
_END = re.compile(r"</([a-zA-Z][\w:-]*)\s*>", re.ASCII)


class Start(NamedTuple):
    """A start tag as Python's parser reads it."""

    name: str
    attributes: list[tuple[str, str | None]]
    closed: bool  # `<br />`


def pieces(html: str) -> list[str] | None:
    """Text at even places; at odd ones a tag, a comment, or a script with what it holds.

    None where a `<` begins something else. Whether a tag is well-formed, `is_start` says.
    """
    cut = _PIECE.split(html)
    return None if "<" in "".join(cut[::2]) else cut


def is_start(piece: str) -> bool:
    """Whether a piece is a well-formed start tag, of an element that holds HTML."""
    return _START.fullmatch(piece) is not None


def is_end(piece: str) -> bool:
    """Whether a piece is a well-formed end tag."""
    return _END.fullmatch(piece) is not None


def start(piece: str) -> Start | None:
    """The start tag that a piece is; None if it is something else."""
    tag = _START.fullmatch(piece)
    if tag is None:
        return None
    named = _ATTRIBUTE.findall(tag["attributes"])
    return Start(
        tag["name"], [(name.lower(), _value(v)) for name, v in named], tag["closed"] == "/"
    )


def _value(written: str) -> str | None:
    if not written:
        return None
    return unescape(written[1:-1] if written[0] in "\"'" else written)


def feed(parser: HTMLParser, html: str) -> None:
    """Tell `parser` all of `html`, and that it ends there.

    Where it is well-formed, without the parser's own work: start tags, end tags and text with
    entities read; of comments and of scripts nothing is told then.
    """
    cut = pieces(html)
    tags = [_tag(piece) for piece in cut[1::2]] if cut else [None]
    if cut is None or None in tags:
        parser.feed(html)
        parser.close()
        return
    for text, tag in zip(cut[::2], [*tags, ""], strict=True):
        if text:
            parser.handle_data(unescape(text))
        if isinstance(tag, Start):
            parser.handle_starttag(tag.name, tag.attributes)
            if tag.closed:
                parser.handle_endtag(tag.name)
        elif tag:
            parser.handle_endtag(tag)


@lru_cache(maxsize=4096)
def _tag(piece: str) -> Start | str | None:
    """A start tag, or the name of the element that ends, empty for what is not told."""
    if end := _END.fullmatch(piece):
        return end[1].lower()
    return "" if piece.startswith(("<!", "<script")) else start(piece)
