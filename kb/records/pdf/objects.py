"""PDF objects: the tokens of a file or a content stream, streams decoded, references followed."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import dataclass, field
from typing import Any

LARGEST = 64 << 20  # bytes of one decoded stream; more is no page of text
DEEPEST = 50  # arrays and dictionaries in one another
_TOKEN = re.compile(
    rb"\s*(?:%[^\r\n]*[\r\n]\s*)*(?:"
    rb"(?P<dict><<)|(?P<end>>>|\])|(?P<hex><[0-9A-Fa-f\s]*>)|(?P<array>\[)|(?P<string>\()"
    rb"|(?P<ref>\d{1,10}\s+\d{1,5}\s+R(?![A-Za-z]))|(?P<number>[-+]?(?:\d+\.?\d*|\.\d+))"
    rb"|(?P<name>/[^\s()<>\[\]{}/%]*)|(?P<word>[^\s()<>\[\]{}/%]+|[{}>)]))"
)
_OBJECT = re.compile(rb"(?<!\d)(\d{1,10})\s+\d{1,5}\s+obj\b")
_STREAM = re.compile(rb"stream\r?\n?")
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


class Name(str):
    """A name such as /Type, without the slash."""

    __slots__ = ()


@dataclass(frozen=True)
class Ref:
    """A reference to an object by number."""

    number: int


@dataclass(frozen=True)
class Word:
    """An operator, or a keyword such as true."""

    text: str


@dataclass
class Stream:
    """A dictionary with bytes, still encoded."""

    entries: dict[str, Any]
    raw: bytes


class Lexer:
    """Values one after another from bytes; what cannot be read is skipped."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def value(self, depth: int = 0) -> Any:
        """The next value; None at the end, `Word("]")` or `Word(">>")` where a container closes."""
        match = _TOKEN.match(self.data, self.at)
        if match is None or depth > DEEPEST:
            return None
        self.at = match.end()
        kind, token = str(match.lastgroup), match[str(match.lastgroup)]
        if kind == "string":
            return self._string()
        if kind in {"array", "dict"}:
            return self._container(kind, depth)
        return _scalar(kind, token)

    def _container(self, kind: str, depth: int) -> Any:
        items, close = [], Word("]" if kind == "array" else ">>")
        while (item := self.value(depth + 1)) is not None and item != close:
            items.append(item)
        if kind == "array":
            return items
        pairs = zip(items[::2], items[1::2], strict=False)
        return {str(key): value for key, value in pairs if isinstance(key, Name)}

    def _string(self) -> bytes:
        out, open_, data = bytearray(), 1, self.data
        while self.at < len(data):
            char = data[self.at : self.at + 1]
            self.at += 1
            if char == b"\\":
                out += self._escape()
                continue
            open_ += (char == b"(") - (char == b")")
            if open_ == 0:
                break
            out += char
        return bytes(out)

    def _escape(self) -> bytes:
        if octal := re.compile(rb"[0-7]{1,3}").match(self.data, self.at):
            self.at = octal.end()
            return bytes([int(octal[0], 8) & 255])
        char = self.data[self.at : self.at + 1]
        self.at += 1
        if char in b"\r\n":
            self.at += char == b"\r" and self.data[self.at : self.at + 1] == b"\n"
            return b""
        return _ESCAPED.get(char, char)


def _scalar(kind: str, token: bytes) -> Any:
    if kind == "hex":
        digits = re.sub(rb"[^0-9A-Fa-f]", b"", token)
        return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
    if kind == "ref":
        return Ref(int(token.split()[0]))
    if kind == "number":
        return float(token) if b"." in token else int(token)
    text = token.decode("latin-1")
    if kind == "name":
        return Name(re.sub(r"#([0-9A-Fa-f]{2})", lambda m: chr(int(m[1], 16)), text[1:]))
    return Word(text)


@dataclass
class File:
    """The objects of a file by number, found by looking for them: a broken table hides none."""

    objects: dict[int, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, data: bytes) -> File:
        """All objects, those in object streams too; of two with one number the later."""
        file = cls()
        for match in _OBJECT.finditer(data):
            lexer = Lexer(data, match.end())
            value = lexer.value()
            stream = _STREAM.match(data, _past_space(data, lexer.at))
            if isinstance(value, dict) and stream:
                end = data.find(b"endstream", stream.end())
                value = Stream(value, data[stream.end() : end if end >= 0 else len(data)])
            file.objects[int(match[1])] = value
        for value in list(file.objects.values()):
            if isinstance(value, Stream) and value.entries.get("Type") == "ObjStm":
                file._unpack(value)
        return file

    def _unpack(self, stream: Stream) -> None:
        data, first = self.decoded(stream), self.get(stream.entries.get("First"))
        count = self.get(stream.entries.get("N"))
        if not isinstance(first, int) or not isinstance(count, int):
            return
        numbers = [int(part) for part in re.findall(rb"\d+", data[:first])][: 2 * count]
        for number, offset in zip(numbers[::2], numbers[1::2], strict=False):
            self.objects.setdefault(number, Lexer(data, first + offset).value())

    def get(self, value: Any) -> Any:
        """The value, references followed."""
        for _ in range(DEEPEST):
            if not isinstance(value, Ref):
                return value
            value = self.objects.get(value.number)
        return None

    def entries(self, value: Any) -> dict[str, Any]:
        """The value's dictionary; empty where it has none."""
        found = self.get(value)
        found = found.entries if isinstance(found, Stream) else found
        return found if isinstance(found, dict) else {}

    def decoded(self, value: Any) -> bytes:
        """The bytes of a stream; empty where they cannot be decoded."""
        stream = self.get(value)
        if not isinstance(stream, Stream):
            return b""
        filters = self.get(stream.entries.get("Filter")) or []
        data = stream.raw
        for name in filters if isinstance(filters, list) else [filters]:
            data = _decode(str(self.get(name)), data)
        return data


def _past_space(data: bytes, at: int) -> int:
    while data[at : at + 1].isspace():
        at += 1
    return at


def _decode(name: str, data: bytes) -> bytes:
    try:
        if name in {"FlateDecode", "Fl"}:
            return zlib.decompressobj().decompress(data.lstrip(b"\r\n"), LARGEST)
        if name in {"ASCIIHexDecode", "AHx"}:
            return bytes(_scalar("hex", data.partition(b">")[0]))
        if name in {"ASCII85Decode", "A85"}:
            return base64.a85decode(data.strip().removesuffix(b"~>").removeprefix(b"<~"))
    except (zlib.error, binascii.Error, ValueError):
        return b""
    return b""
