"""Reading records from YAML and JSON: a broken file names its line and how to mend it."""

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from kb.records.errors import KBError
from kb.records.runs import Run
from kb.records.schema import Record

R = TypeVar("R", bound=Record)


def load(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; empty where there is no file."""
    if not path.exists():
        return {}
    try:
        document = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "not readable as UTF-8 YAML"
        raise KBError(
            str(what), where=path, line=mark.line + 1 if mark else None, mend="mend the YAML there"
        ) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise KBError("not a mapping at the top", where=path, mend="it starts with `papers:`")
    return document


def _validate(model: type[R], value: object, path: Path, index: int) -> R:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "record"
        name = value.get("id", f"number {index + 1}") if isinstance(value, dict) else index + 1
        raise KBError(
            f"record {name}: {field}: {first['msg']}", where=path, mend="mend the value"
        ) from error


def read(path: Path, key: str, model: type[R]) -> list[R]:
    """The records under one top-level key of a YAML file."""
    items = load(path).get(key) or []
    if not isinstance(items, list):
        raise KBError(f"`{key}` is not a list", where=path, mend="one `- id: ...` per record")
    return [_validate(model, item, path, index) for index, item in enumerate(items)]


def read_grouped(path: Path, model: type[R]) -> dict[str, list[R]]:
    """Records grouped by paper id: `{id: [record, ...]}`."""
    return {
        key: [_validate(model, item, path, index) for index, item in enumerate(items or [])]
        for key, items in load(path).items()
    }


def read_run(path: Path) -> Run:
    """One measured run."""
    try:
        return Run.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise KBError(
            f"not a run record ({type(error).__name__})", where=path, mend="restore it from git"
        ) from error
