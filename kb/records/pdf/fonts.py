"""From the codes of a PDF's strings to text: ToUnicode maps, encodings, glyph names."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kb.records.pdf.objects import Lexer, Name, Word

if TYPE_CHECKING:
    from kb.records.pdf.objects import File

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
GLYPHS = {name: str(number) for number, name in enumerate(_DIGITS)} | {
    "space": " ", "period": ".", "comma": ",", "colon": ":", "semicolon": ";", "hyphen": "-",
    "minus": "-", "endash": "-", "emdash": "-", "plus": "+", "plusminus": "±", "percent": "%",
    "parenleft": "(", "parenright": ")", "bracketleft": "[", "bracketright": "]", "slash": "/",
    "braceleft": "{", "braceright": "}", "asterisk": "*", "equal": "=", "quoteright": "'",
    "quoteleft": "'", "quotedblleft": '"', "quotedblright": '"', "at": "@", "ampersand": "&",
    "underscore": "_", "dagger": "†", "daggerdbl": "‡", "ff": "ff", "fi": "fi", "fl": "fl",
    "ffi": "ffi", "ffl": "ffl", "multiply": "x", "less": "<", "greater": ">", "arrowright": "→",
    "arrowdblright": "⇒",
}  # fmt: skip


@dataclass
class Font:
    """How one font's codes read."""

    width: int = 1  # bytes of a code
    text: dict[int, str] = field(default_factory=dict)  # code -> text
    plain: bool = True  # whether a code that is not in `text` is a character of Latin-1

    def decode(self, data: bytes) -> str:
        """The text of a string that is shown in this font."""
        steps = range(0, len(data), self.width)
        codes = (int.from_bytes(data[at : at + self.width], "big") for at in steps)
        return "".join(self.text.get(code) or (chr(code) if self.plain else "") for code in codes)


def font(file: File, value: Any) -> Font:
    """The font of a resource."""
    entries = file.entries(value)
    composite = entries.get("Subtype") == "Type0"
    made = Font(width=2 if composite else 1, plain=not composite)
    made.text = {} if composite else _differences(file, entries.get("Encoding"))
    if mapped := file.decoded(entries.get("ToUnicode")):
        _read_map(mapped, made)
    return made


def _differences(file: File, encoding: Any) -> dict[int, str]:
    """Codes that an encoding gives other glyphs than the standard ones."""
    text, code = {}, 0
    for item in file.get(file.entries(encoding).get("Differences")) or []:
        if isinstance(item, int):
            code = item
        elif isinstance(item, Name):
            text[code] = _glyph(item)
            code += 1
    return text


def _glyph(name: str) -> str:
    if name in GLYPHS or len(name) == 1:
        return GLYPHS.get(name, name)
    if uni := re.fullmatch(r"u(?:ni)?([0-9A-Fa-f]{4,6})", name):
        return chr(int(uni[1], 16)) if int(uni[1], 16) < 0x110000 else ""  # noqa: PLR2004  (Unicode)
    spelled = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    try:
        return unicodedata.lookup(spelled)
    except KeyError:
        return ""


def _read_map(data: bytes, made: Font) -> None:
    """Add a ToUnicode map (bfchar and bfrange) to a font."""
    lexer, items = Lexer(data), list[Any]()
    while (item := lexer.value()) is not None:
        if not isinstance(item, Word):
            items.append(item)
            continue
        if item.text == "endcodespacerange" and items and isinstance(items[-1], bytes):
            made.width = max(1, len(items[-1]))
        elif item.text == "endbfchar":
            for code, text in zip(items[::2], items[1::2], strict=False):
                _put(made, code, 0, text)
        elif item.text == "endbfrange":
            for low, high, text in zip(items[::3], items[1::3], items[2::3], strict=False):
                _range(made, low, high, text)
        items = []


def _range(made: Font, low: Any, high: Any, text: Any) -> None:
    if not isinstance(low, bytes) or not isinstance(high, bytes):
        return
    span = min(int.from_bytes(high, "big") - int.from_bytes(low, "big") + 1, 65536)
    for step in range(max(span, 0)):
        if isinstance(text, list):
            if step < len(text):
                _put(made, low, step, text[step])
        elif isinstance(text, bytes):
            value = int.from_bytes(text, "big") + step
            _put(made, low, step, value.to_bytes(max(len(text), 2), "big"))


def _put(made: Font, code: Any, step: int, text: Any) -> None:
    if isinstance(code, bytes) and isinstance(text, bytes):
        made.text[int.from_bytes(code, "big") + step] = text.decode("utf-16-be", "replace")
