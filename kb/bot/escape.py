"""Untrusted text: escaping for Markdown and workflow commands, and deceptive characters."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from kb.checks import formats

if TYPE_CHECKING:
    from collections.abc import Iterator


BREAK = "\u200b"  # a zero-width space: invisible, and ends any automatic link
_LINKS = re.compile(
    r"(?i)(?<=:)(?=//)|(?<=www)(?=\.)|(?<=gh)(?=-\d)|(?<=mailto)(?=:)|(?<=xmpp)(?=:)"
)
# Zero width, bidirectional overrides and isolates, tags, and the other format characters.
_NAMES = {"\u200b": "zero width space", "\ufeff": "byte order mark", "\u00ad": "soft hyphen"}
_JOINERS = "\u200c\u200d"  # between letters of scripts that need them, and in emoji
_WORD = re.compile(r"[^\W\d_]{2,}")
_ALPHABETS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "FULLWIDTH")


def hidden(text: str) -> Iterator[tuple[int, str]]:
    """Offset and name of each invisible character."""
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

    A Greek letter at the start or end of a Latin word (`alpha-CLIP` with its sign) is common in
    titles and allowed.
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


def text(value: str) -> str:
    """Markdown that shows `value` literally, on one line: no links, mentions or styles."""
    flat = " ".join(formats.visible(value).split())
    return _LINKS.sub(BREAK, formats.escape(flat))


def span(value: str) -> str:
    """A code span: GitHub neither links nor notifies from one."""
    flat = " ".join(formats.visible(value).split()) or " "
    fence = "`" * (_longest(flat) + 1)
    pad = " " if "`" in flat or not flat.strip() else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def block(value: str, kind: str = "markdown") -> str:
    """A fenced block whose fence is longer than any run of back-ticks in it."""
    fence = "`" * max(3, _longest(value) + 1)
    return f"{fence}{kind}\n{formats.visible(value)}\n{fence}"


def _longest(value: str) -> int:
    return max((len(run) for run in re.findall(r"`+", value)), default=0)


def data(value: str) -> str:
    """The message of a workflow command: it cannot end the command or begin another."""
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def attribute(value: str) -> str:
    """The same for one of its properties."""
    return data(value).replace(":", "%3A").replace(",", "%2C")
