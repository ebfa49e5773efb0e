"""A renamed and relinked entry is its old record after all: the record goes on under its id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kb.lists.listed import from_record, updated
from kb.records import KBError
from kb.records.schema import Paper

if TYPE_CHECKING:
    from kb.records import Library
    from kb.sync.lock import Lock

ROOMS = ("papers", "datasets", "implementations")
OWN = ("claims", "versions", "extends", "datasets", "clips", "captions", "splits")


def keep_id(library: Library, known: Lock, pair: str) -> None:
    """Let the record OLD of `NEW=OLD` say what NEW says; NEW becomes an alias of it.

    Records and lock change in memory. Raises KBError (usage) where they are not two records of
    one kind, or where NEW has what a person wrote (claims, splits), which would be lost.
    """
    new_id, equals, old_id = (part.strip() for part in pair.partition("="))
    if not equals:
        raise KBError(
            f"--same {pair}: not NEW=OLD", hint="the ids of two records, as `kb list` has them"
        )
    for room in ROOMS:
        records: list[Any] = getattr(library, room)
        by_id = {record.id: record for record in records}
        if new_id in by_id and old_id in by_id and new_id != old_id:
            _join(records, by_id[old_id], by_id[new_id])
            _refer(library, new_id, old_id)
            if (base := known.rooms[room].pop(new_id, None)) is not None:
                known.rooms[room][old_id] = base
            lines = known.lines[room]
            known.lines[room] = {k: old_id if v == new_id else v for k, v in lines.items()}
            return
    raise KBError(f"--same {pair}: not two records of one kind", hint="see `kb list`")


def _join(records: list[Any], old: Any, new: Any) -> None:
    if any(getattr(new, name, None) for name in OWN):
        raise KBError(f"{new.id} has claims or splits of its own", hint="move them by hand first")
    fields = from_record(new)
    record = updated(old, fields).model_copy(update={"status": "active"})
    if hasattr(record, "aliases"):
        sources = {k: v for k, v in record.provenance.items() if k not in fields}
        aliases = [*dict.fromkeys([*record.aliases, *new.aliases, new.id])]
        record = record.model_copy(update={"aliases": aliases, "provenance": sources})
    if isinstance(record, Paper) and record.model is None and new.model != new.id:
        record = record.model_copy(update={"model": new.model})
    records[records.index(old)] = record
    records.remove(new)


def _refer(library: Library, new_id: str, old_id: str) -> None:
    """Let what names the one record name the other."""
    for number, code in enumerate(library.implementations):
        if code.paper == new_id:
            library.implementations[number] = code.model_copy(update={"paper": old_id})
    for number, paper in enumerate(library.papers):
        if paper.extends == new_id:
            library.papers[number] = paper.model_copy(update={"extends": old_id})
