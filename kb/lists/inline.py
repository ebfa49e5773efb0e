"""The text of an entry -> pieces: plain text, code, links, images, each with where it stood.

One pass; brackets and parentheses are paired beforehand, so cost is linear in the text.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape

URL = re.compile(
    r"https?://[^\s<>\[\]\"|`\u3000-\u3003\u3008-\u3011\u3014-\u301b\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f\u201c\u201d\u2018\u2019…]{1,2000}",
    re.IGNORECASE,
)  # punctuation of Chinese and Japanese ends an address, too
UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
MATHS = re.compile(r"\$(?=[^\s$])[^$\n\r]{0,80}[^\s$\\]\$(?!\d)|\$[^\s$]\$(?!\d)")
RST_LINK = re.compile(r"(.*?)\s{0,9}<([^<>\s]{1,2000})>$", re.DOTALL)
RST_ROLE = re.compile(r":[a-z][a-z-]{1,20}:$")
TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,15})\b([^<>]{0,2000})>")
HREF = re.compile(
    r"\b(?:href|src)\s{0,5}=\s{0,5}(?:\"([^\"]{0,2000})\"|'([^']{0,2000})'|([^\s\"'>]{1,2000}))",
    re.IGNORECASE,
)
AUTOLINK = re.compile(r"<(https?://[^\s<>]{1,2000})>", re.IGNORECASE)
TITLE_PART = re.compile(r"\s+(?:\"[^\"]{0,500}\"|'[^']{0,500}')\s*$")
BADGE = re.compile(r"\s{0,5}!\[([^\[\]]{0,200})\]")
INNER_IMAGE = re.compile(r"!\[[^\[\]]{0,500}\]\([^()]{0,2000}\)")
INNER_TARGET = re.compile(r"\[([^\[\]]{0,500})\]\([^()]{0,2000}\)")
INNER_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,2000}>")
MARKS = re.compile(r"\\([`*_])|[`*\\]|(?<![^\W_])_{1,3}|_{1,3}(?![^\W_])")
SPECIAL = re.compile(r"[\\`\[!<*_hH$]")
SHORTCODE = re.compile(r"(?<![\w:/]):[a-z0-9_+-]{2,40}:(?!\w)")  # `:star:` is a picture
NESTED = re.compile(r"\[[^\[\]]{1,1000}\]\(([^()\s]{4,1000})\)")
LONGEST_TARGET = 2000


@dataclass
class Piece:
    """A run of the text. `text` is what a reader sees, markup off."""

    kind: str  # text | code | link | image
    text: str
    url: str = ""
    bold: bool = False
    italic: bool = False
    bare: bool = False  # a link that is only an address


def pairs(text: str) -> dict[int, int]:
    """Opening bracket or parenthesis -> where it closes; those in code or after a backslash do not count."""
    closing: dict[int, int] = {}
    square: list[int] = []
    round_: list[int] = []
    skip = -1
    for match in re.finditer(r"[\\\[\]()]", text):
        index, char = match.start(), match[0]
        if index == skip:
            continue
        if char == "\\":
            skip = index + 1
        elif char == "[":
            square.append(index)
        elif char == "(":
            round_.append(index)
        elif char == "]" and square:
            closing[square.pop()] = index
        elif char == ")" and round_:
            closing[round_.pop()] = index
    return closing


class Reader:
    """Reads one entry's text into pieces."""

    def __init__(self, text: str, definitions: dict[str, str]) -> None:
        self.text = text = UNSEEN.sub("", text)
        self.definitions = definitions
        self.pairs = pairs(text)
        self.pieces: list[Piece] = []
        self.plain: list[str] = []
        self.bold = self.italic = False
        self.anchor = ""  # the address of an open <a>
        self.readers: dict[str, Callable[[int], int]] = {
            "\\": self._escape,
            "`": self._code,
            "[": self._bracket,
            "!": self._image,
            "<": self._tag,
            "$": self._maths,
        }

    def read(self) -> list[Piece]:
        """All pieces, in order."""
        index = 0
        while match := SPECIAL.search(self.text, index):
            start = match.start()
            self.plain.append(self.text[index:start])
            index = self._at(start, match[0])
        self.plain.append(self.text[index:])
        self._flush()
        return self.pieces

    def _flush(self) -> None:
        text = unescape("".join(self.plain))
        self.plain.clear()
        if not text:
            return
        kind = "link" if self.anchor else "text"
        self.pieces.append(Piece(kind, text, self.anchor, self.bold, self.italic))

    def _push(self, piece: Piece) -> None:
        self._flush()
        piece.bold, piece.italic = self.bold, self.italic
        if self.anchor and not piece.url:
            piece.kind, piece.url = "link", self.anchor
        self.pieces.append(piece)

    def _keep(self, start: int, end: int) -> int:
        self.plain.append(self.text[start:end])
        return end

    def _at(self, start: int, char: str) -> int:
        """Read what begins at `start`; where reading goes on."""
        if char in "*_":
            return self._emphasis(start, char)
        return self.readers.get(char, self._address)(start)

    def _escape(self, start: int) -> int:
        after = self.text[start + 1 : start + 2]
        if not after or after in "\r\n":
            return start + 1  # a hard break
        if after.isalnum() or after.isspace():
            return self._keep(start, start + 1)  # a backslash escapes marks only
        return self._keep(start + 1, start + 2)

    def _code(self, start: int) -> int:
        run = start
        while run < len(self.text) and self.text[run] == "`":
            run += 1
        mark = self.text[start:run]
        end = self.text.find(mark, run, run + LONGEST_TARGET)
        if end < 0:
            return self._keep(start, run)
        inside, after = self.text[run:end].strip(), end + len(mark)
        if len(mark) == 1 and (after_role := self._restructured(inside, after)):
            return after_role
        self._push(Piece("code", inside))
        return after

    def _restructured(self, inside: str, after: int) -> int | None:
        """Read `text <url>`_, `name`_ and :role:`text` of reStructuredText; where it ends."""
        if self.plain and (role := RST_ROLE.search(self.plain[-1])):
            self.plain[-1] = self.plain[-1][: role.start()] + "\n"
            self.plain += [inside, "\n"]
            return after
        if self.text[after : after + 1] != "_" or self.text[after + 2 : after + 3].isalnum():
            return None
        match = RST_LINK.match(inside)
        url = match[2] if match else self.definitions.get(" ".join(inside.lower().split()))
        if url is None or not (match or url):
            return None
        seen = " ".join((match[1] if match else inside).split())
        self._push(Piece("link", seen or url, decoded(url), bare=not seen))
        return after + (2 if self.text[after + 1 : after + 2] == "_" else 1)

    def _maths(self, start: int) -> int:
        match = MATHS.match(self.text, start)
        return self._keep(start, match.end() if match else start + 1)

    def _target(self, close: int) -> tuple[str, int] | None:
        """The address after a closing bracket, and where it ends; None where there is none."""
        after = close + 1
        follows = self.text[after : after + 1]
        if follows == "(":
            end = self.pairs.get(after, -1)
            if end < 0:
                end = self.text.find(")", after, after + LONGEST_TARGET)
            if end < 0 or end - after > LONGEST_TARGET:
                return None
            return clean_target(self.text[after + 1 : end]), end + 1
        if follows == "[" and (end := self.pairs.get(after, -1)) > 0 and end - after < 200:  # noqa: PLR2004
            name = self.text[after + 1 : end].strip().lower()
            if name in self.definitions:
                return self.definitions[name], end + 1
        return None

    def _bracket(self, start: int) -> int:
        close = self.pairs.get(start, -1)
        if close < 0:
            return self._keep(start, start + 1)
        if self.text[start + 1 : start + 2] == "^" and close - start < 60:  # noqa: PLR2004
            return close + 1  # the mark of a footnote
        inside = self.text[start + 1 : min(close, start + LONGEST_TARGET)]
        target = self._target(close)
        if target is None:
            name = inside.strip().lower()
            if name in self.definitions:
                target = self.definitions[name], close + 1
        if target is None or close - start > LONGEST_TARGET:
            return self._keep(start, start + 1)
        badge = BADGE.match(inside)
        seen = strip_markup(inside) or (badge[1].strip() if badge else "")
        self._push(Piece("link", seen, target[0]))
        return target[1]

    def _image(self, start: int) -> int:
        if self.text[start + 1 : start + 2] != "[":
            return self._keep(start, start + 1)
        close = self.pairs.get(start + 1, -1)
        target = self._target(close) if close > 0 else None
        if target is None:
            return self._keep(start, start + 1)
        self._push(Piece("image", self.text[start + 2 : min(close, start + 500)], target[0]))
        return target[1]

    def _tag(self, start: int) -> int:
        if match := AUTOLINK.match(self.text, start):
            self._push(Piece("link", match[1], decoded(match[1]), bare=True))
            return match.end()
        if self.text.startswith("<!--", start):
            end = self.text.find("-->", start)
            return len(self.text) if end < 0 else end + 3
        match = TAG.match(self.text, start)
        if not match:
            return self._keep(start, start + 1)
        closing, name = bool(match[1]), match[2].lower()
        if name == "a":
            self._flush()
            self.anchor = "" if closing else attribute(match[3])
        elif name == "img":
            self._push(Piece("image", "", attribute(match[3])))
        elif name in {"b", "strong"}:
            self._flush()
            self.bold = not closing
        elif name in {"i", "em"}:
            self._flush()
            self.italic = not closing
        elif name in {"br", "p", "div", "li", "td", "tr", "th", "ul", "ol", "summary"}:
            self.plain.append("\n")
        return match.end()

    def _emphasis(self, start: int, char: str) -> int:
        end = start
        while end < len(self.text) and self.text[end] == char:
            end += 1
        before = self.text[start - 1 : start]
        after = self.text[end : end + 1]
        inside_word = char == "_" and before.isalnum() and after.isalnum()
        free = (not before or before.isspace()) and (not after or after.isspace())
        opens = not (after.isspace() or (before.isalnum() and not after.isalnum()))
        opened = self.bold if end - start == 2 else self.italic  # noqa: PLR2004
        stray = char == "*" and not opened and not (opens and self.text.find(char, end) > 0)
        if inside_word or free or stray or end - start > 3:  # noqa: PLR2004  (`***` is the longest mark)
            return self._keep(start, end)
        self._flush()
        if end - start >= 2:  # noqa: PLR2004  (`**` is bold)
            self.bold = not self.bold
        if end - start != 2:  # noqa: PLR2004
            self.italic = not self.italic
        return end

    def _address(self, start: int) -> int:
        match = URL.match(self.text, start)
        if not match or self.anchor:
            return self._keep(start, start + 1)
        address = trim_address(match[0])
        self._push(Piece("link", address, decoded(address), bare=True))
        return start + len(address)


def trim_address(address: str) -> str:
    """A bare address without the punctuation of the sentence around it."""
    address = address.rstrip(".,;:!?'*_")
    while address.endswith(")") and address.count(")") > address.count("("):
        address = address[:-1].rstrip(".,;:!?'*_")
    return address


def clean_target(target: str) -> str:
    """The address between the parentheses of a link: white space and title off."""
    target = target.strip()
    if " " in target or "\n" in target:
        target = TITLE_PART.sub("", target).strip()
    if match := NESTED.fullmatch(target):  # `([https://a.org](https://a.org))`
        target = match[1]
    if target.startswith("<") and target.endswith(">"):
        target = target[1:-1].strip()
    return decoded(target)


def decoded(address: str) -> str:
    """An address with its character references read: `?a=1&amp;b=2` leads to `?a=1&b=2`."""
    return ENTITY.sub(lambda match: unescape(match[0]), address) if "&" in address else address


def attribute(inside: str) -> str:
    """The href or src of a tag."""
    match = HREF.search(inside)
    return decoded(next((part for part in match.groups() if part), "")) if match else ""


def strip_markup(text: str) -> str:
    """What a reader sees of a link's text or a heading: images, addresses, tags and marks off."""
    text = INNER_IMAGE.sub("", text)
    text = INNER_TARGET.sub(r"\1", text)
    text = INNER_TAG.sub("", text)
    text = MARKS.sub(lambda mark: mark[1] or "", unescape(text))
    return " ".join(text.split())


def read(text: str, definitions: dict[str, str] | None = None) -> list[Piece]:
    """The pieces of an entry's text."""
    return Reader(text, definitions or {}).read()
