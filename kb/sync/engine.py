"""Sync: the list, the lock and the records become one state; ids stay, nothing is lost."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from kb.lists import Venues, parse
from kb.records import KBError, Library, atomic, identity
from kb.records.schema import Implementation, Paper
from kb.sync import lock, make, said
from kb.sync.merge import Resolve, merge
from kb.sync.report import Report
from kb.sync.source import decode, fetch
from kb.sync.suggest import Lookalikes

if TYPE_CHECKING:
    from pathlib import Path

    from kb.lists import Entry
    from kb.records.identity import Fields
    from kb.sync.lock import Lock
    from kb.sync.said import Item, Said

COUNTED = {
    "paper": "papers",
    "dataset": "datasets",
    "implementation": "implementations",
    "toolkit": "toolkits",
}


def sync(root: Path, source: str, *, write: bool = True, resolve: Resolve | None = None) -> Report:
    """Merge the list at a path or address into the records under `root`.

    With `write` off nothing is written; `Report.outdated` names the files that would be.
    Raises KBError where the list, a record or the lock cannot be read; then nothing changed.
    """
    data = fetch(source)
    text = decode(data, source)
    if resolve is None and (report := _nothing_new(root, data)):
        return report
    venues = Venues.load(root)
    entries = parse(text, venues)
    if not any(said.ROOMS.get(entry.kind) for entry in entries):
        mend = "an entry is a list item with a title and a link; see `kb parse`"
        raise KBError("no entries found", where=source, mend=mend)
    if not write:
        return _Sync(Library(root), venues, resolve).run(entries, data, write=False)
    with Library.editing(root) as library:
        return _Sync(library, venues, resolve).run(entries, data, write=True)


def _digests(root: Path, data: bytes) -> dict[str, str]:
    """What a sync's outcome depends on: the list and its reader, and the records' files."""
    reader = [
        file.read_bytes()
        for file in sorted(resources.files("kb.lists").iterdir(), key=lambda file: file.name)
        if file.name.endswith((".py", ".yaml"))
    ]
    paths = {name: root / "data" / f"{name}.yaml" for name in ("papers", "datasets", "venues")}
    held = {name: path.read_bytes() if path.is_file() else b"" for name, path in paths.items()}
    return {
        "list": lock.digest([data, *reader, held["venues"]]),
        "papers": lock.digest([held["papers"]]),
        "datasets": lock.digest([held["datasets"]]),
    }


def _nothing_new(root: Path, data: bytes) -> Report | None:
    """The report at once, where list and records are the very bytes of the last sync."""
    known = lock.read(root / "data" / "lock.json")
    if not known.made_from or known.made_from != _digests(root, data):
        return None
    named = {
        room: sum(lock.GONE not in e for e in known.rooms[room].values()) for room in lock.ROOMS
    }
    return Report(
        duplicates=known.duplicates, unchanged=sum(named.values()), counts=dict(known.counts)
    )


class _Sync:
    """One run: room by room, every entry finds its record, every record its entries."""

    def __init__(self, library: Library, venues: Venues, resolve: Resolve | None) -> None:
        self.library, self.venues, self.resolve = library, venues, resolve
        self.lock_path = library.data / "lock.json"
        self.known = lock.read(self.lock_path)
        self.lock = json_copy(self.known)
        self.report = Report(counts=dict.fromkeys(COUNTED.values(), 0))
        self.looks = Lookalikes()
        named: list[Any] = [*library.papers, *library.datasets]
        self.taken = {key for record in named for key in (record.id, *record.aliases)}
        self.taken |= {paper.model for paper in library.papers if paper.model}

    def run(self, entries: list[Entry], data: bytes, *, write: bool) -> Report:
        """Merge all entries; write records first, the lock last."""
        all_said = [one for one in map(said.said, entries) if one]
        for one in all_said:
            self.report.skipped += [{"line": one.line, "reason": why} for why in one.skipped]
        self.room("papers", self.library.papers, all_said)
        self.room("datasets", self.library.datasets, all_said)
        self.room("implementations", self.library.implementations, all_said)
        self.link_code()
        self.report.duplicates.sort()
        self.finish(data, write=write)
        return self.report

    def room(self, room: str, records: list[Any], all_said: list[Said]) -> None:
        """Merge the entries of one room into its records, which are replaced in place."""
        entries = [one for one in all_said if one.room == room]
        ids = [record.id for record in records]
        # A record somebody deleted by hand comes back under its old id.
        ids += [key for key in self.known.rooms[room] if key not in set(ids)]
        faces = [self.face(room, key, record) for key, record in _paired(ids, records)]
        groups = self.groups(room, entries, ids, faces, records)
        for number, record in enumerate(records):
            records[number] = self.merged(room, record, groups.get(number, []))
            self.looks.add(record.id, faces[number])
        for number, group in groups.items():
            if number >= len(records):
                key = ids[number] if number < len(ids) else None
                self.added(room, records, group, key)

    def face(self, room: str, key: str, record: Item | None) -> identity.Face:
        """All states a record is known by: its own, the list's last, its other versions."""
        states: list[Fields | None] = [self.known.base(room, key)]
        if record is not None:
            states.append(said.held(record))
        if isinstance(record, Paper):
            states += [version.model_dump(exclude_none=True) for version in record.versions]
        return identity.face(*states)

    def groups(
        self,
        room: str,
        entries: list[Said],
        ids: list[str],
        faces: list[identity.Face],
        records: list[Any],
    ) -> dict[int, list[Said]]:
        """Entries by the number of their record; new records have numbers past the known."""
        last = [self.known.base(room, key) or {} for key in ids]

        def ties(entry: int, record: int) -> float:
            says, was = entries[entry].fields, last[record]
            same: int = sum(
                says.get(k) == was.get(k) for k in ("year", "venue", "section", "title")
            )
            removed = record < len(records) and records[record].status != "active"
            return same - 10 * removed

        numbers = identity.assign([identity.face(one.fields) for one in entries], faces, ties)
        out: dict[int, list[Said]] = {}
        for number, one in zip(numbers, entries, strict=True):
            out.setdefault(number, []).append(one)
        return out

    def merged(self, room: str, record: Any, group: list[Said]) -> Item:
        """A known record after the merge with the entries that name it."""
        base = self.known.base(room, record.id)
        if not group:
            return self.gone(room, record, base)
        fields = self.joined(group, base)
        ours = said.held(record)
        out = merge(
            base, fields, ours, sourced=getattr(record, "provenance", ()), resolve=self.resolve
        )
        self.lock.set(room, record.id, out.base)
        for name in out.conflicts:
            sides = {
                "base": (base or {}).get(name),
                "list": fields.get(name),
                "record": ours.get(name),
            }
            self.report.conflicts.append({"id": record.id, "field": name, **sides})
        new: Item = self.lineage(said.updated(record, out.changes), [base or {}, *_states(group)])
        new = _resourced(new, out.changes)
        back = record.status == "removed" and (base is None or self.known.gone(room, record.id))
        if back:
            new = new.model_copy(update={"status": "active"})
        self.tell(record, new, {**out.changes, **({"status": "active"} if back else {})}, ours)
        self.count(group)
        return new

    def tell(self, old: Item, new: Item, changes: Fields, ours: Fields) -> None:
        """Report a known record: what changed, whether it moved, or that nothing happened."""
        fields = {
            name: [getattr(old, name) if name == "status" else ours.get(name), value]
            for name, value in changes.items()
            if name != "section"
        }
        if fields:
            self.report.changed.append({"id": new.id, "fields": fields})
        if "section" in changes:
            sections = {"from": old.section, "to": changes["section"]}
            self.report.moved.append({"id": new.id, **sections})
        conflict = any(row["id"] == new.id for row in self.report.conflicts[-9:])
        self.report.unchanged += not (changes or conflict)

    def joined(self, group: list[Said], base: Fields | None) -> Fields:
        """What the entries of one record say together; repeats are reported."""
        lines = sorted(one.line for one in group)
        self.report.duplicates += [[lines[0], line] for line in lines[1:]]
        return make.join(group, base, self.venues.kind)

    def lineage(self, record: Any, states: list[Fields]) -> Any:
        """The record with the preprints it was listed as among its versions."""
        if not isinstance(record, Paper):
            return record
        known = {(version.venue, version.arxiv) for version in record.versions}
        earlier = make.earlier(states, said.held(record), self.venues.kind)
        fresh = {(v.venue, v.arxiv): v for v in earlier if (v.venue, v.arxiv) not in known}
        versions = [*record.versions, *fresh.values()]
        return record.model_copy(update={"versions": versions}) if fresh else record

    def gone(self, room: str, record: Item, base: Fields | None) -> Item:
        """A record no entry names: removed if the list named it before, else a person's own."""
        if base is None or self.known.gone(room, record.id):
            return record
        self.lock.set(room, record.id, base, gone=True)
        self.report.removed.append(record.id)
        return (
            record.model_copy(update={"status": "removed"}) if record.status == "active" else record
        )

    def added(self, room: str, records: list[Any], group: list[Said], key: str | None) -> None:
        """A new record for entries that no known record is."""
        fields = self.joined(group, None)
        record = make.new_record(group[0], fields, self.taken, key)
        line = group[0].line
        if record is None:
            missing = "no address" if room == "implementations" else "no title"
            self.report.skipped.append({"line": line, "reason": missing})
            return
        record = self.lineage(record, _states(group))
        face = identity.face(fields)
        for other, why in self.looks.like(face):
            row = {"line": line, "id": record.id, "looks_like": other, "why": why}
            self.report.suggestions.append(row)
        self.looks.add(record.id, face)
        self.taken |= {record.id, getattr(record, "model", None) or record.id}
        self.lock.set(room, record.id, fields)
        self.report.added.append(record.id)
        self.count(group)
        records.append(record)

    def count(self, group: list[Said]) -> None:
        """One more record that the list names."""
        self.report.counts[COUNTED[group[0].kind]] += 1

    def link_code(self) -> None:
        """Give each repository the one paper that names the same address as its code."""
        owners: dict[str, set[str]] = {}
        for paper in self.library.papers:
            for link in paper.links:
                owners.setdefault(identity.address(link.url), set()).add(paper.id)
        for number, code in enumerate(self.library.implementations):
            owner = owners.get(identity.address(code.url), set())
            if code.paper is None and len(owner) == 1:
                found = code.model_copy(update={"paper": next(iter(owner))})
                self.library.implementations[number] = found

    def finish(self, data: bytes, *, write: bool) -> None:
        """Name what is out of date, and write it: a killed sync is completed by the next."""
        texts = self.library.texts()
        for path, new in texts.items():
            if not path.is_file() or path.read_bytes() != new:
                self.report.outdated.append(str(path.relative_to(self.library.root)))
                if write:
                    atomic.write(path, new)
        if not self.report.outdated and self.lock_path.is_file() and self.lock.same(self.known):
            return
        self.report.outdated.append("data/lock.json")
        if write:
            self.lock.duplicates = self.report.duplicates
            self.lock.counts = self.report.counts
            self.lock.made_from = {}
            if not (self.report.conflicts or self.report.suggestions or self.report.skipped):
                self.lock.made_from = _digests(self.library.root, data)
            atomic.write(self.lock_path, self.lock.text().encode())


def json_copy(known: Lock) -> Lock:
    """An independent copy of a lock."""
    return lock.Lock(json.loads(json.dumps(known.rooms)))


def _paired(ids: list[str], records: list[Any]) -> list[tuple[str, Any]]:
    missing = len(ids) - len(records)
    return list(zip(ids, [*records, *[None] * missing], strict=True))


def _states(group: list[Said]) -> list[Fields]:
    return [one.fields for one in group]


def _resourced(record: Any, changes: Fields) -> Any:
    """The record without the sources of values that now come from the list."""
    if isinstance(record, Implementation) or not set(changes) & set(record.provenance):
        return record
    kept = {name: source for name, source in record.provenance.items() if name not in changes}
    return record.model_copy(update={"provenance": kept})
