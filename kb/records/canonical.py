"""Records as canonical YAML: one form for one meaning, a line for a fact, defaults unsaid.

Written by hand because a general dumper takes thirty times as long on ten thousand records and
leaves quoting to its own taste. What it writes is read back by any YAML 1.1 or 1.2 reader alike.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from kb.records.schema import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kb.records.schema import Record

FLOW = {"mechanism", "metrics", "provenance"}  # fields whose small mappings are on one line

# Plain scalars every reader takes for a string: nothing that could be a number, a date, a
# boolean of YAML 1.1, an indicator or a comment.
_START = re.compile(r"[^\s\-?:,\[\]{}#&*!|>'\"%@`=~<+.\d]")
_DIGITS = re.compile(r"[\d.+-]")
_NUMBER_LIKE = re.compile(r"[-+.]?[\d][\d_,.:eExXoO+\-a-fA-F]*|\d{4}-\d\d?-\d\d?.*|[-+.].*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"}
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


@lru_cache(maxsize=4096)
def scalar(text: str, *, flow: bool = False) -> str:
    """A string as YAML: plain if that is unambiguous, or else quoted."""
    if _CONTROL.search(text):
        return _double(text)
    risky = (
        not text
        or text != text.strip()
        or ": " in text
        or " #" in text
        or text.endswith(":")
        or text.lower() in _WORDS
        or (flow and re.search(r"[,\[\]{}:?]", text) is not None)
    )
    opening = _START.match(text) or (
        _DIGITS.match(text) and text[:1].isdigit() and not _NUMBER_LIKE.fullmatch(text)
    )
    if risky or not opening:
        return "'" + text.replace("'", "''") + "'"
    return text


def _double(text: str) -> str:
    def escape(match: re.Match[str]) -> str:
        char = match[0]
        return _ESCAPES.get(char) or f"\\u{ord(char):04X}"

    return '"' + re.sub(rf'["\\]|{_CONTROL.pattern}', escape, text) + '"'


def value(item: Any, *, flow: bool = False) -> str:
    """A leaf: None, a boolean, a number or a string; in a flow mapping also a list of them."""
    if isinstance(item, list):
        return f"[{', '.join(value(one, flow=True) for one in item)}]"
    if item is None:
        return "null"
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, float):
        return _float(item)
    return str(item) if isinstance(item, int) else scalar(str(item), flow=flow)


def _float(number: float) -> str:
    text = repr(number)
    # YAML 1.1 takes `1e-05` for a string: it wants the point and the sign.
    mantissa, exponent, power = text.partition("e")
    if exponent and "." not in mantissa:
        mantissa += ".0"
    if exponent and power[:1] not in "+-":
        power = f"+{power}"
    return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, mantissa + exponent + power)


def plain(record: Record) -> dict[str, Any]:
    """A record as plain data, in the schema's order, without empty and default values."""
    out: dict[str, Any] = {}
    for name, default in _defaults(type(record)):
        item = getattr(record, name)
        if item is None or item in ([], {}) or (item == default and default is not None):
            continue
        item = _plain(item)
        if item not in ({}, []):
            out[name] = item
    return out


def _plain(item: Any) -> Any:
    if isinstance(item, BaseModel):
        data = plain(item)  # type: ignore[arg-type]  # every model here is a Record
        return data["name"] if isinstance(item, Source) and data.keys() == {"name"} else data
    if isinstance(item, list):
        return [_plain(element) for element in item]
    if isinstance(item, dict):
        return {key: _plain(element) for key, element in item.items()}
    return item


@lru_cache(maxsize=64)
def _defaults(model: type[Record]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, field.default) for name, field in model.model_fields.items())


def lines(data: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """A mapping as YAML lines, without line ends."""
    for key, item in data.items():
        name = f"{indent}{scalar(key)}:"
        if isinstance(item, dict) and (key in FLOW or not item):
            yield from _flow_field(name, key, item, indent)
        elif isinstance(item, dict):
            yield name
            yield from lines(item, indent + "  ")
        elif isinstance(item, list) and item:
            yield name
            yield from _items(item, indent)
        else:
            yield f"{name} {'[]' if isinstance(item, list) else value(item)}"


def _items(items: list[Any], indent: str) -> Iterator[str]:
    for item in items:
        if isinstance(item, dict):
            yield from entry(item, indent)
        else:
            yield f"{indent}- {value(item)}"


def entry(data: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """A mapping as one item of a list: `- id: ...` and what follows."""
    dash = f"{indent}- "
    for line in lines(data, indent + "  "):
        yield dash + line[len(dash) :]
        dash = f"{indent}  "


def _flow_field(name: str, key: str, item: Mapping[str, Any], indent: str) -> Iterator[str]:
    if key == "provenance" and item:
        yield name
        for field, source in item.items():
            yield f"{indent}  {scalar(field)}: {_flow(source)}"
    else:
        yield f"{name} {_flow(item)}"


def _flow(mapping: Mapping[str, Any]) -> str:
    pairs = (f"{scalar(key, flow=True)}: {value(item, flow=True)}" for key, item in mapping.items())
    return "{" + ", ".join(pairs) + "}"
