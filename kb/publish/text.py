"""Text of a list is data: shown as text; only real web addresses become links."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from pydantic_core import to_json

# Marks that reorder what follows them (Unicode UAX #9), and the invisible tag letters.
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_MARKUP = re.compile(r"[^\w\s.,;/?%-]|_")


def clean(text: str) -> str:
    """One line of printable text: controls become U+FFFD, reordering marks their code point."""
    if text.isprintable():  # neither control, format character nor line break: most texts by far
        return text
    line = _UNPRINTABLE.sub("\ufffd", _BREAKS.sub(" ", text))
    return _REORDERING.sub(lambda mark: f"[U+{ord(mark[0]):04X}]", line)


def finalize(value: Any) -> Any:
    """Every value on its way into a page: text is cleaned, absence is empty, markup of ours stays."""
    if value is None:
        return ""
    return clean(value) if type(value) is str else value


def markdown(text: str) -> str:
    """Text for a line of Markdown: each character that Markdown or HTML could read is an entity."""
    line = _MARKUP.sub(lambda char: f"&#{ord(char[0])};", clean(text))
    return re.sub(r"^(\s*)([-+\d])", lambda start: f"{start[1]}&#{ord(start[2])};", line)


@lru_cache(maxsize=16_384)
def web_address(url: str) -> str | None:
    """The address if it is http(s) with a plain host and nothing hidden in it; else None."""
    if url != clean(url) or re.search(r"[\s\\<>\"]", url):
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    return url if parts.scheme in {"http", "https"} and host and "@" not in parts.netloc else None


def slug(text: str) -> str:
    """An anchor or filter value: lower-case letters and digits, joined by hyphens."""
    return re.sub(r"[\W_]+", "-", text.casefold()).strip("-") or "x"


def json_text(value: Any) -> str:
    """A JSON document for people too: letters as they are, reordering marks as escapes."""
    text = to_json(value, indent=1).decode()
    return _REORDERING.sub(lambda mark: json.dumps(mark[0])[1:-1], text) + "\n"


def number(value: float | None, digits: int | None = None) -> str:
    """A number as a table shows it: `digits` decimals, or as published if None; a dash if absent."""
    if value is None:
        return "\N{EN DASH}"
    return f"{value:.{digits}f}" if digits is not None else f"{value:g}"


def grouped(value: Any) -> Any:
    """A whole number as a table shows it, `10,000`, also where a record has it as text."""
    plain = re.fullmatch(r"\d{4,}", str(value))
    return f"{int(plain[0]):,}" if plain else value


def coded(text: str) -> list[tuple[str, bool]]:
    """The pieces of a text, each with whether it is between backticks."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a backtick without its pair is a letter like others
        return [(text, False)]
    return [(part, index % 2 == 1) for index, part in enumerate(parts) if part]


def names(authors: list[str], *, et_al: bool, most: int = 3) -> str:
    """Authors for a table: all up to `most`, else the first and "et al."."""
    if len(authors) > most or (et_al and authors):
        return f"{authors[0]} et al."
    return ", ".join(authors)


def options(values: Iterable[str | None], *, newest: bool = False) -> list[dict[str, Any]]:
    """The choices of a filter with how many rows each has; `none` stands for an absent value."""
    counts = Counter(value or "none" for value in values)
    ordered = sorted(counts, key=str.lower, reverse=newest)
    return [{"value": slug(v), "label": v, "count": counts[v]} for v in ordered]
