"""An entry's fields in the terms of a record: one value per field, absent where the list gives none."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from kb.records.identity import ET_AL, Fields
from kb.records.keys import slug
from kb.records.schema import (
    ArxivId,
    Dataset,
    Doi,
    Ids,
    Implementation,
    Link,
    Paper,
    Text,
    Year,
)

if TYPE_CHECKING:
    from kb.lists.entry import Entry

Item = Paper | Dataset | Implementation
ItemT = TypeVar("ItemT", Paper, Dataset, Implementation)

PAPER_FIELDS = (
    "title", "authors", "venue", "year", "arxiv", "doi", "label", "section", "links",
)  # fmt: skip
CODE_FIELDS = ("name", "url", "framework", "section", "kind")
FRAMEWORKS = {
    slug(name): name
    for name in (
        "PyTorch", "TensorFlow", "Keras", "JAX", "MXNet", "Caffe", "Caffe2", "Theano", "Torch",
        "Chainer", "PaddlePaddle", "MindSpore", "Flax", "MATLAB", "Lua", "Julia",
    )
}  # fmt: skip
ROOMS = {
    "paper": "papers",
    "dataset": "datasets",
    "implementation": "implementations",
    "toolkit": "implementations",
}
_CHECKS: dict[str, TypeAdapter[Any]] = {
    "year": TypeAdapter(Year),
    "arxiv": TypeAdapter(ArxivId),
    "doi": TypeAdapter(Doi),
}
_TEXT: TypeAdapter[str] = TypeAdapter(Text)


@dataclass
class ListedFields:
    """The fields of one entry; `skipped`: values that no record may have, and why."""

    kind: str
    line: int
    fields: Fields
    skipped: list[str] = field(default_factory=list)

    @cached_property
    def text(self) -> str:
        """All fields as one text to compare by."""
        return text_of(self.fields)

    @cached_property
    def digest(self) -> str:
        """A short digest of all fields."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    @property
    def room(self) -> str:
        """The list of records it belongs to: papers, datasets or implementations."""
        return ROOMS[self.kind]

    @property
    def name(self) -> str | None:
        """Its title or, of code, its name."""
        named: str | None = self.fields.get("title") or self.fields.get("name")
        return named


def text_of(fields: Fields) -> str:
    """Fields as one text: equal where all values are."""
    return json.dumps(fields, sort_keys=True)


def from_entry(entry: Entry) -> ListedFields | None:
    """The fields of an entry; None for a pointer, which is no record."""
    if entry.kind not in ROOMS:
        return None
    raw = _paper(entry) if entry.kind in ("paper", "dataset") else _code(entry)
    out = ListedFields(entry.kind, entry.line, {})
    for name, value in raw.items():
        if value in (None, [], ""):
            continue
        try:
            out.fields[name] = _checked(name, value)
        except ValidationError as error:
            out.skipped.append(f"{name} {value!r:.80}: {error.errors()[0]['msg']}")
    return out


def _paper(entry: Entry) -> Fields:
    authors = list(entry.authors) or ([entry.first_author] if entry.first_author else [])
    return {
        "title": entry.title,
        "authors": [*authors, ET_AL] if authors and entry.et_al else authors,
        "venue": entry.venue,
        "year": entry.year,
        "arxiv": entry.arxiv,
        "doi": entry.doi,
        "label": entry.label,
        "section": entry.section,
        "links": [
            {"kind": link["kind"], "url": link["url"]}
            for link in entry.links
            if _leads(link["url"])
        ],
    }


def _leads(url: str) -> bool:
    """Whether an address can lead anywhere: the `(link)` of a template cannot."""
    return "/" in url or "." in url


def _code(entry: Entry) -> Fields:
    url = next((link["url"] for link in entry.links), None)
    return {
        "name": entry.title or entry.label,
        "url": url,
        "framework": _framework(entry) if entry.kind == "implementation" else None,
        "section": entry.section,
        "kind": entry.kind,
    }


def _framework(entry: Entry) -> str | None:
    """A framework in brackets at the entry's end, or the one its heading names."""
    brackets = re.search(r"\(([\w+. -]{1,30})\)\s*$", entry.raw)
    heading = (entry.section or "").rsplit("/", 1)[-1]
    for text in (brackets[1] if brackets else "", heading):
        if (name := slug(text.strip()) if text.strip() else "") in FRAMEWORKS:
            return FRAMEWORKS[name]
    return None


def _checked(name: str, value: Any) -> Any:
    if name in _CHECKS:
        return _CHECKS[name].validate_python(value)
    if name == "authors":
        return [_TEXT.validate_python(author) for author in value]
    if name == "links":
        return [{key: _TEXT.validate_python(text) for key, text in link.items()} for link in value]
    return _TEXT.validate_python(value)


def from_record(record: Item) -> Fields:
    """The same fields of a record; what is empty is absent."""
    if isinstance(record, Implementation):
        fields: Fields = {name: getattr(record, name) for name in CODE_FIELDS}
    else:
        authors = list(record.authors)
        fields = {
            "title": record.title,
            "authors": [*authors, ET_AL] if authors and record.et_al else authors,
            "venue": record.venue,
            "year": record.year,
            "arxiv": record.ids.arxiv,
            "doi": record.ids.doi,
            "label": record.label,
            "section": record.section,
            "links": [{"kind": link.kind, "url": link.url} for link in record.links],
        }
    return {name: value for name, value in fields.items() if value not in (None, [])}


def updated(record: ItemT, changes: Fields) -> ItemT:
    """The record with these fields set; what only a record has (official links) stays."""
    values: Fields = {}
    for name, value in changes.items():
        if name == "authors":
            values["et_al"] = bool(value) and value[-1] == ET_AL
            values["authors"] = value[:-1] if values["et_al"] else list(value or [])
        elif name in ("arxiv", "doi") and not isinstance(record, Implementation):
            values["ids"] = Ids(**{**record.ids.model_dump(), **_ids(values), name: value})
        elif name == "links" and not isinstance(record, Implementation):
            known = {(link.kind, link.url): link for link in record.links}
            values["links"] = [
                known.get((link["kind"], link["url"])) or Link(**link) for link in value or []
            ]
        else:
            values[name] = value
    return record.model_copy(update=values)


def _ids(values: Fields) -> Fields:
    return values["ids"].model_dump() if "ids" in values else {}
