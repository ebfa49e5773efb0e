"""Characters that deceive: those nobody sees, and letters of another alphabet inside a word."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Zero width, bidirectional overrides and isolates, tags, and the other format characters.
_NAMES = {"\u200b": "zero width space", "\ufeff": "byte order mark", "\u00ad": "soft hyphen"}
_JOINERS = "\u200c\u200d"  # between letters of scripts that need them, and in emoji
_WORD = re.compile(r"[^\W\d_]{2,}")
_ALPHABETS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "FULLWIDTH")


def hidden(text: str) -> Iterator[tuple[int, str]]:
    """Where a character stands that cannot be seen, and its name."""
    for index, char in enumerate(text):
        unseen = unicodedata.category(char) in {"Cf", "Cc", "Co", "Cn"} and char not in "\t\r\n"
        if unseen and not (char in _JOINERS and _joins(text, index)):
            name = _NAMES.get(char) or unicodedata.name(char, f"U+{ord(char):04X}").lower()
            yield index, name


def _joins(text: str, index: int) -> bool:
    around = text[max(0, index - 1) : index] + text[index + 1 : index + 2]
    return len(around) == 2 and not around.isascii()  # noqa: PLR2004  (one on each side)


def mixed(text: str) -> Iterator[tuple[int, str, str]]:
    """Words of Latin letters with a letter of another alphabet in them: place, word, that letter.

    A Greek letter that opens or closes a Latin word (`alpha-CLIP` with its sign) is common in titles
    and let be.
    """
    if text.isascii():
        return
    for word in _WORD.finditer(text):
        letters = word[0]
        if letters.isascii():
            continue
        scripts = [script(char) for char in letters]
        others = [index for index, name in enumerate(scripts) if name not in {"LATIN", ""}]
        edge = all(scripts[i] == "GREEK" and i in (0, len(letters) - 1) for i in others)
        if "LATIN" in scripts and others and not edge:
            yield word.start(), letters, unicodedata.name(letters[others[0]], "another").lower()


def script(char: str) -> str:
    """The alphabet of a letter, of those whose letters look like Latin ones; else empty."""
    name = unicodedata.name(char, "")
    return next((alphabet for alphabet in _ALPHABETS if name.startswith(alphabet)), "")
