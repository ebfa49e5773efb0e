"""Records on disk: errors name the line, and writing changes only changed records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from kb.records import atomic, canonical, plainfile, splice, yamlfile
from kb.records.errors import KBError
from kb.records.runs import Run
from kb.records.schema import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

R = TypeVar("R", bound=Record)

LARGEST_RUN = 32 << 20  # bytes; ranks of a million queries take some 10 MB
_RESTORE = "restore it from git"


def load(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; empty where there is no file."""
    return RecordFile(path).document


def read(path: Path, key: str, model: type[R]) -> list[R]:
    """The records under one top-level key of a YAML file."""
    return RecordFile(path).records(key, model)


class RecordFile:
    """A YAML file of records under top-level keys, read once; writing keeps unchanged blocks.

    A record equal to its block keeps that block's bytes; the others are written in canonical
    form, with their comments.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.source = yamlfile.read_text(path)
        self.document = yamlfile.parse(self.source.text, path)

    def records(self, key: str, model: type[R]) -> list[R]:
        """The records under a key; an invalid one is an error that names its line."""
        items = self.document.get(key) or []
        if not isinstance(items, list):
            raise KBError(
                f"`{key}` is not a list", where=self.path, hint="one `- id: ...` per record"
            )
        records, seen = [], set()
        for index, item in enumerate(items):
            try:
                record = model.model_validate(item)
            except ValidationError as error:
                raise self._invalid(error, key, index) from error
            name = getattr(record, "id", index)
            if name in seen:
                line, column = self.place(key, index, "id")
                raise KBError(
                    f"the id {name} occurs twice",
                    where=self.path,
                    line=line,
                    column=column,
                    hint="give one of them another id",
                )
            seen.add(name)
            records.append(record)
        return records

    def text(
        self, lists: Mapping[str, Sequence[Record]], header: str = "", *, afresh: bool = False
    ) -> str:
        """The file's text with these records; `header` opens a file that is new.

        With `afresh` no block keeps its bytes: all come out in canonical form.
        """
        wanted = {key: [canonical.plain(item) for item in items] for key, items in lists.items()}
        models = {key: type(items[0]) for key, items in lists.items() if items}
        same_models = {} if afresh else models
        return splice.splice(
            self.source.text or header, self.document, wanted, same_models, afresh=afresh
        )

    def bytes(
        self, lists: Mapping[str, Sequence[Record]], header: str = "", *, afresh: bool = False
    ) -> bytes:
        """That text with the file's own line ends and byte-order mark."""
        return self.source.encode(self.text(lists, header, afresh=afresh))

    def write(self, lists: Mapping[str, Sequence[Record]], header: str = "") -> bool:
        """Write these records; False where the file needs no change."""
        return atomic.write(self.path, self.bytes(lists, header))

    def place(self, *path: str | int) -> tuple[int | None, int | None]:
        """Line and column of the value at a path of keys and indices, as deep as it goes."""
        return yamlfile.place(self.source.text, path) or (None, None)

    def _invalid(self, error: ValidationError, key: str, index: int) -> KBError:
        problems = error.errors()
        unknown = [problem for problem in problems if problem["type"] == "extra_forbidden"]
        first = (unknown or problems)[0]
        item = self.document[key][index]
        field = ".".join(str(part) for part in first["loc"]) or "record"
        name = item.get("id") if isinstance(item, dict) else None
        advice = "fix the value"
        if first["type"] == "string_type" and isinstance(first["input"], (int, float)):
            advice = "put it in quotes: YAML reads it as a number"
        elif first["type"] == "extra_forbidden":
            advice = "no field has this name; `kb schema` lists them"
        line, column = self.place(key, index, *first["loc"])
        return KBError(
            f"record {name or f'number {index + 1}'}: {field}: {first['msg']}",
            where=self.path,
            line=line,
            column=column,
            hint=advice,
        )


def read_run(path: Path) -> Run:
    """One measured run. KBError where the file is none, with the first thing that is wrong in it."""
    try:
        return Run.model_validate_json(plainfile.read(path, LARGEST_RUN))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        what = f"{field}: {first['msg']}" if field else first["msg"]
        raise KBError(f"not a run record ({what})", where=path, hint=_RESTORE) from error
