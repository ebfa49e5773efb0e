"""The schema of a records file as JSON Schema, for editors."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from kb.records.errors import KBError
from kb.records.schema import Dataset, Implementation, Paper, Published, Record

FILES: dict[str, dict[str, type[Record]]] = {
    "papers": {"papers": Paper, "implementations": Implementation},
    "datasets": {"datasets": Dataset},
    "published": {},
}


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of data/<name>.yaml.

    Raises KBError for a name that is no records file.
    """
    if name not in FILES:
        raise KBError(f"no records file is called {name!r}", hint=f"one of {', '.join(FILES)}")
    models: tuple[type[Record], ...] = tuple(FILES[name].values()) or (Published,)
    definitions: dict[str, Any] = {}
    for model in models:
        made = TypeAdapter(model).json_schema(ref_template="#/$defs/{model}")
        definitions |= made.pop("$defs", {})
        definitions[model.__name__] = made
    lists = {key: _list_of(model) for key, model in FILES[name].items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"data/{name}.yaml",
        "type": "object",
        "properties": lists,
        "additionalProperties": False if lists else _list_of(Published),
        "$defs": definitions,
    }


def _list_of(model: type[Record]) -> dict[str, Any]:
    return {"type": ["array", "null"], "items": {"$ref": f"#/$defs/{model.__name__}"}}
