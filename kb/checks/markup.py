"""Links of a stretch of Markdown with their exact places, broken ones included.

The parser of kb.lists reads what a page shows; a linter needs what was written: where each
address starts and ends, and the links that a page does not show because they are broken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kb.lists.linkwords import word_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKS = re.compile(r"[\[\]()\\]")
BACKTICKS = re.compile(r"`{1,200}")
TAG_LINK = re.compile(  # a picture leads nowhere
    r"<a\b[^<>]{0,500}?\bhref\s{0,5}=\s{0,5}[\"']([^\"'<>]{0,2000})[\"']",
    re.IGNORECASE,
)
AUTOLINK = re.compile(r"<(https?://[^\s<>]{1,2000})>", re.IGNORECASE)
DETACHED = re.compile(r"[ \t]{1,5}\((?=https?://|www\.)")
GLUED = re.compile(r"https?://[^\s()\[\]<>]{1,2000}\)?")
LONGEST_LABEL, LONGEST_TARGET = 500, 2000
UNPAIRED = "brackets that do not pair"  # it shows as a link, with a bracket beside it
QUOTES = {'"': '"', "'": "'", ")": "("}


@dataclass(frozen=True)
class Link:
    """A link as written. Offsets are those of the text it was found in."""

    start: int  # its first bracket
    end: int  # after its last
    label: str  # the words in the brackets
    kind: str | None  # paper, code, ...: what the label's words name
    url: str  # stripped of white space
    url_start: int
    url_end: int
    fault: str = ""  # what keeps it from being a link

    @property
    def spot(self) -> tuple[int, int]:
        """Where to point: the address, or the whole link where the address is empty."""
        empty = self.url_end == self.url_start
        return (self.start, self.end) if empty else (self.url_start, self.url_end)


def blank_code(text: str) -> str:
    """The text with code spans blanked out, same length: a template in backticks is no link."""
    pieces, done = [], 0
    while match := BACKTICKS.search(text, done):
        mark, end = match[0], match.end()
        close = text.find(mark, end, end + LONGEST_TARGET)
        if close < 0:
            close = end - len(mark)
        pieces += [text[done : match.start()], " " * (close + len(mark) - match.start())]
        done = close + len(mark)
    return "".join([*pieces, text[done:]]) if pieces else text


def pair(text: str) -> tuple[dict[int, int], set[int]]:
    """Closing mark -> its opening one, square and round apart; and the marks without a partner."""
    pairs: dict[int, int] = {}
    waiting: dict[str, list[int]] = {"]": [], ")": []}
    stray: set[int] = set()
    skip = -1
    for match in MARKS.finditer(text):
        index, char = match.start(), match[0]
        if index == skip:
            continue
        if char == "\\":
            skip = index + 1
        elif char in "[(":
            waiting["]" if char == "[" else ")"].append(index)
        elif waiting[char]:
            pairs[index] = waiting[char].pop()
        else:
            stray.add(index)
    return pairs, stray.union(waiting["]"], waiting[")"])


def links(text: str, offset: int = 0) -> list[Link]:
    """Every link of a text, in order; `offset` is added to all places."""
    bare = blank_code(text)
    if "](" not in bare and "http" not in bare and "<" not in bare:
        return []
    candidates = list(_BracketScanner(bare).links())
    candidates += [_tag(match) for match in TAG_LINK.finditer(bare)]
    candidates += [_tag(match) for match in AUTOLINK.finditer(bare)]
    outermost = sorted(_outermost(candidates), key=lambda link: link.start)
    return [_moved(link, offset) for link in outermost]


class _BracketScanner:
    """Finds the bracketed links of a text without code spans."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pairs, self.stray = pair(text)

    def links(self) -> Iterator[Link]:
        closings = {close: start for close, start in self.pairs.items() if self.text[close] == "]"}
        for close in self.stray:
            if self.text.startswith("](", close):  # one closing bracket too many
                closings[close] = max(self.text.rfind("[", max(0, close - 200), close), 0)
        for close, start in closings.items():
            if start and self.text[start - 1] == "!":
                continue  # a picture leads nowhere
            if self.text.startswith("(", close + 1):
                yield self._inline(start, close, close + 1)
            elif word_kind(self._label(start, close)):
                yield from self._broken(start, close)

    def _label(self, start: int, close: int) -> str:
        return self.text[start : min(close + 1, start + LONGEST_LABEL)].strip("[]! ")

    def _broken(self, start: int, close: int) -> list[Link]:
        """A link that its author intended: the address is detached from its brackets."""
        if gap := DETACHED.match(self.text, close + 1):
            link = self._inline(start, close, gap.end() - 1)
            return [replace(link, fault="white space between brackets and address")]
        if glued := GLUED.match(self.text, close + 1):
            label = self._label(start, close)
            url = glued[0].rstrip(").,;")
            where = close + 1
            return [
                Link(start, glued.end(), label, word_kind(label), url, where, where + len(url),
                     "no opening parenthesis")
            ]  # fmt: skip
        return []

    def _inline(self, start: int, close: int, opening: int) -> Link:
        """The link whose brackets end at `close` and whose parenthesis is at `opening`."""
        end, fault = self._closing(opening), ""
        if end < 0:
            end, fault = self._until_blank(opening + 1), "no closing parenthesis"
        elif close in self.stray:
            fault = "one closing bracket too many"
        elif any(self.text[p] in "[])" for p in (start - 1, end + 1) if p in self.stray):
            fault = UNPAIRED
        url, shift = _target(self.text[opening + 1 : end])
        label = self._label(start, close)
        at = opening + 1 + shift
        after = end if fault == "no closing parenthesis" else end + 1
        return Link(start, after, label, word_kind(label), url, at, at + len(url), fault)

    def _closing(self, opening: int) -> int:
        """Where the parenthesis at `opening` closes; -1 where it does not."""
        index = self.text.find(")", opening, opening + LONGEST_TARGET)
        for _ in range(16):  # no address nests deeper
            if index < 0 or self.pairs.get(index) == opening:
                return index
            index = self.text.find(")", index + 1, opening + LONGEST_TARGET)
        return -1

    def _until_blank(self, index: int) -> int:
        limit = min(len(self.text), index + LONGEST_TARGET)
        while index < limit and not self.text[index].isspace() and self.text[index] not in "[]":
            index += 1
        return index


def _target(inside: str) -> tuple[str, int]:
    """The address in the parentheses, title off, and how far inside it starts."""
    body = inside.rstrip()
    if body and body[-1] in QUOTES and len(body) > 1:
        opening = body.rfind(QUOTES[body[-1]], 0, len(body) - 1)
        if opening > 0 and body[opening - 1].isspace():
            body = body[:opening].rstrip()
    shift = len(body) - len(body.lstrip())
    url = body[shift:]
    if url.startswith("<") and url.endswith(">"):
        return url[1:-1], shift + 1
    return url, shift


def _outermost(candidates: list[Link]) -> list[Link]:
    """One link per address: `[[a]](b)` is one, and so is a badge with an image inside."""
    by_target: dict[int, Link] = {}
    for link in candidates:
        other = by_target.get(link.url_start)
        if other is None or link.start < other.start:
            by_target[link.url_start] = link
    return list(by_target.values())


def _tag(match: re.Match[str]) -> Link:
    start, end = match.span(1)
    return Link(match.start(), match.end(), "", None, match[1], start, end)


def _moved(link: Link, offset: int) -> Link:
    return replace(
        link,
        start=link.start + offset,
        end=link.end + offset,
        url_start=link.url_start + offset,
        url_end=link.url_end + offset,
    )
