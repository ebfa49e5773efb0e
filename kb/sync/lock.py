"""data/lock.json: the list at the last sync, one line per entry.

It is the base of the three-way merge, and it remembers which bytes it was made from, so that a
sync of an unchanged list and unchanged records is over at once.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kb.records import plainfile
from kb.records.errors import KBError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from kb.records.identity import Fields

ROOMS = ("papers", "datasets", "implementations")
GONE = "gone"  # marks an entry that has left the list; its last fields stay as the base


@dataclass
class Lock:
    """The list at the last sync: fields by record id, of papers, datasets and code.

    `lines`: digest of an entry's fields -> id of its record, where they are not the base's: one of
    several entries of a record, or one in conflict. So the next sync finds the same record.
    """

    rooms: dict[str, dict[str, Fields]] = field(default_factory=lambda: {r: {} for r in ROOMS})
    duplicates: list[list[int]] = field(default_factory=list)
    made_from: dict[str, str] = field(default_factory=dict)  # what -> digest, see `digest`
    counts: dict[str, int] = field(default_factory=dict)  # records the list names, by kind
    unread: list[int] = field(default_factory=list)  # lines of items that gave no entry
    lines: dict[str, dict[str, str]] = field(default_factory=lambda: {r: {} for r in ROOMS})

    def base(self, room: str, key: str) -> Fields | None:
        """The fields of a record in the list; None where it was never listed."""
        entry = self.rooms[room].get(key)
        return None if entry is None else {k: v for k, v in entry.items() if k != GONE}

    def gone(self, room: str, key: str) -> bool:
        """Whether the record's entry had left the list."""
        return bool(self.rooms[room].get(key, {}).get(GONE))

    def set(self, room: str, key: str, base: Fields, *, gone: bool = False) -> None:
        """Remember what the list says about a record now."""
        self.rooms[room][key] = {**base, GONE: True} if gone else base

    def text(self) -> str:
        """The file's text: a line an entry, so that a change is a line's change."""
        parts = [
            '"schema_version": 1',
            f'"made_from": {_line(self.made_from)}',
            f'"counts": {_line(self.counts)}',
            f'"duplicates": {_line(self.duplicates)}',
            *([f'"unread": {_line(self.unread)}'] if self.unread else []),
            *([f'"lines": {_line(self.lines)}'] if any(self.lines.values()) else []),
            *(f'"{room}": {_room(self.rooms[room])}' for room in ROOMS),
        ]
        return "{\n" + ",\n".join(parts) + "\n}\n"


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _room(entries: dict[str, Fields]) -> str:
    if not entries:
        return "{}"
    rows = (f"{_line(key)}: {_line(entries[key])}" for key in sorted(entries))
    return "{\n" + ",\n".join(rows) + "\n}"


def read(path: Path) -> Lock:
    """The lock in a file; an empty one where there is none.

    Raises KBError where the file is not a lock (merge markers of git, say).
    """
    if not path.exists():
        return Lock()
    try:
        document = json.loads(plainfile.read(path))
        rooms = {room: dict(document.get(room, {})) for room in ROOMS}
        for entries in rooms.values():
            for entry in entries.values():
                _check(entry)
        duplicates = [[int(a), int(b)] for a, b in document.get("duplicates", [])]
        made_from = {str(k): str(v) for k, v in document.get("made_from", {}).items()}
        counts = {str(k): int(v) for k, v in document.get("counts", {}).items()}
        unread = [int(line) for line in document.get("unread", [])]
        lines = {
            r: {str(k): str(v) for k, v in document.get("lines", {}).get(r, {}).items()}
            for r in ROOMS
        }
    except (ValueError, TypeError, AttributeError, OSError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise KBError(
            "not a lock file", where=path, line=line, hint="restore it from git, or delete it"
        ) from error
    return Lock(rooms, duplicates, made_from, counts, unread, lines)


def _check(entry: Any) -> None:
    for name, value in entry.items():
        links = isinstance(value, list) and all(isinstance(v, (str, dict)) for v in value)
        if not (links or isinstance(value, (str, int))):
            raise TypeError(name)
        if name == "links" and not all({"kind", "url"} <= set(link) for link in value):
            raise TypeError(name)


def digest(parts: Iterable[bytes]) -> str:
    """A short digest of some bytes, for `made_from`."""
    out = hashlib.sha256()
    for part in parts:
        out.update(hashlib.sha256(part).digest())
    return out.hexdigest()[:32]
