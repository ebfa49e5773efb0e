"""One sync of papers, datasets and code: every entry finds its record, every record its entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kb.lists import listed
from kb.records import identity
from kb.records.schema import Implementation, Paper
from kb.sync import lock, make, suggest
from kb.sync.fingerprints import Fingerprints
from kb.sync.kind_change import KindChange
from kb.sync.merge import Merged, Resolve, merge
from kb.sync.report import SyncReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from kb.lists.listed import Item, ListedFields
    from kb.records import Library
    from kb.records.identity import Fields

COUNTED = {
    "paper": "papers",
    "dataset": "datasets",
    "implementation": "implementations",
    "toolkit": "toolkits",
}


class Merger:
    """Merges entries into a library's records, in memory: `merge`, then `lock` is the new lock."""

    def __init__(
        self,
        library: Library,
        known: lock.Lock,
        kind: Callable[[str], str | None],
        resolve: Resolve | None,
    ) -> None:
        self.library, self.kind, self.resolve = library, kind, resolve
        self.known = lock.Lock({room: dict(entries) for room, entries in known.rooms.items()})
        self.known.lines = known.lines
        self.added: dict[str, int] = {}  # id -> line
        self.lock = self.known  # the new one takes its place in `merge`
        self.report = SyncReport(counts=dict.fromkeys(COUNTED.values(), 0))
        self.fingerprints = Fingerprints(library, kind)
        named: list[Any] = [*library.papers, *library.datasets]
        self.taken = {key for record in named for key in (record.id, *record.aliases)}
        self.taken |= {paper.model for paper in library.papers if paper.model}
        self.kind_change = KindChange(library, self.known, self.fingerprints, self.taken)

    def merge(self, entries: list[ListedFields]) -> SyncReport:
        """Merge all entries into the library's records, which are replaced in place."""
        self._change_kinds(entries)
        self.lock = lock.Lock({room: dict(known) for room, known in self.known.rooms.items()})
        for one in entries:
            self.report.skipped += [{"line": one.line, "reason": why} for why in one.skipped]
        rooms: dict[str, list[Any]] = {
            "papers": self.library.papers,
            "datasets": self.library.datasets,
            "implementations": self.library.implementations,
        }
        for room, records in rooms.items():
            self._room(room, records, [one for one in entries if one.room == room])
        self._link_code()
        self._suggest_same()
        self.report.duplicates.sort()
        return self.report

    def _change_kinds(self, entries: list[ListedFields]) -> None:
        """Let records follow their entries between papers and datasets."""
        self.kind_change.run(entries)
        self.report.suggestions += self.kind_change.stayed

    def _room(self, room: str, records: list[Any], entries: list[ListedFields]) -> None:
        ids = [record.id for record in records]
        # A record somebody deleted by hand comes back under the id it had.
        recorded = set(ids)
        ids += [key for key in self.known.rooms[room] if key not in recorded]
        last = [self.known.base(room, key) for key in ids]
        numbers = {key: number for number, key in enumerate(ids)}
        known = self.known.lines[room].items()
        lines = {digest: numbers[key] for digest, key in known if key in numbers}
        groups = self.fingerprints.groups(records, last, entries, lines)
        for number, record in enumerate(list(records)):
            group = groups.get(number)
            records[number] = (
                self._merged(room, record, group) if group else self._mark_removed(room, record)
            )
        for number in sorted(number for number in groups if number >= len(recorded)):
            key = ids[number] if number < len(ids) else None
            if record := self._new(room, groups[number], key):
                records.append(record)
                ids[number:] = [record.id] if number == len(ids) else ids[number:]
        self._remember_lines(room, {ids[n]: group for n, group in groups.items() if n < len(ids)})

    def _remember_lines(self, room: str, groups: dict[str, list[ListedFields]]) -> None:
        """Note in the lock which entries are whose, where the base does not tell."""
        for key, group in groups.items():
            base = self.lock.base(room, key)
            text = None if base is None else listed.text_of(base)
            for one in group:
                if base is not None and one.text != text:
                    self.lock.lines[room][one.digest] = key

    def _suggest_same(self) -> None:
        """Name new records that took the place of one that left: renamed and relinked, maybe."""
        removed = [r for r in self.library.papers if r.id in set(self.report.removed)]
        added = [r for r in self.library.papers if r.id in self.added]
        for new, old, why in suggest.successors(added, removed):
            row = {"line": self.added[new.id], "id": new.id, "looks_like": old.id, "why": why}
            pair = (new.id, old.id)
            rows = [r for r in self.report.suggestions if (r["id"], r["looks_like"]) == pair]
            if not rows:
                self.report.suggestions += (rows := [row])
            rows[0]["same"] = f"{new.id}={old.id}"

    def _merged(self, room: str, record: Any, group: list[ListedFields]) -> Item:
        """A known record after the merge with the entries that name it."""
        base = self.known.base(room, record.id)
        theirs, ours = self._joined(group, base), listed.from_record(record)
        sourced = getattr(record, "provenance", ())
        out = merge(base, theirs, ours, sourced=sourced, resolve=self.resolve)
        self.lock.set(room, record.id, out.base)
        new: Any = listed.updated(record, out.changes) if out.changes else record
        new = _resourced(self._lineage(new, base, group), out.changes)
        versions = _appearances(record), _appearances(new)
        back = record.status == "removed" and (base is None or self.known.gone(room, record.id))
        if back:
            new = new.model_copy(update={"status": "active"})
        sides = {"base": base or {}, "list": theirs, "record": ours}
        news: Fields = {"status": ["removed", "active"]} if back else {}
        if versions[0] != versions[1]:
            news["versions"] = list(versions)
        if record.id in self.kind_change.crossed:
            news["kind"] = self.kind_change.crossed[record.id]
        self._tell(record, out, sides, news)
        self.report.counts[COUNTED[group[0].kind]] += 1
        return new  # type: ignore[no-any-return]  # an Item, as `record` was

    def _tell(self, record: Item, out: Merged, sides: dict[str, Fields], news: Fields) -> None:
        """SyncReport a known record: what changed, whether it moved, or that nothing happened."""
        for name in out.conflicts:
            values = {side: fields.get(name) for side, fields in sides.items()}
            self.report.conflicts.append({"id": record.id, "field": name, **values})
        ours = sides["record"]
        fields = {k: [ours.get(k), v] for k, v in out.changes.items() if k != "section"}
        fields |= news
        if fields:
            self.report.changed.append({"id": record.id, "fields": fields})
        if "section" in out.changes:
            sections = {"from": ours.get("section"), "to": out.changes["section"]}
            self.report.moved.append({"id": record.id, **sections})
        self.report.unchanged += not (fields or out.changes or out.conflicts)

    def _joined(self, group: list[ListedFields], base: Fields | None) -> Fields:
        """What the entries of one record say together; repeats are reported."""
        lines = sorted(one.line for one in group)
        self.report.duplicates += [[lines[0], line] for line in lines[1:]]
        return make.join(group, base, self.kind)

    def _lineage(self, record: Item, base: Fields | None, group: list[ListedFields]) -> Item:
        """The record with its other appearances in the list among its versions."""
        if not isinstance(record, Paper):
            return record
        known = {(version.venue, version.arxiv) for version in record.versions}
        fields = [one.fields for one in group]
        earlier = make.earlier(base, fields, listed.from_record(record), self.kind)
        fresh = {(v.venue, v.arxiv): v for v in earlier if (v.venue, v.arxiv) not in known}
        versions = [*record.versions, *fresh.values()]
        return record.model_copy(update={"versions": versions}) if fresh else record

    def _mark_removed(self, room: str, record: Any) -> Item:
        """A record no entry names: removed if the list named it before, else a person's own."""
        base = self.known.base(room, record.id)
        if base is not None and not self.known.gone(room, record.id):
            self.lock.set(room, record.id, base, gone=True)
            self.report.removed.append(record.id)
            if record.status == "active":
                record = record.model_copy(update={"status": "removed"})
        return record  # type: ignore[no-any-return]  # an Item

    def _new(self, room: str, group: list[ListedFields], key: str | None) -> Item | None:
        """A record for entries that no known record is; None, and reported, where that cannot be."""
        looks = self.fingerprints.lookalikes()
        fields = self._joined(group, None)
        record = make.new_record(group[0], fields, self.taken, key)
        line = group[0].line
        if record is None:
            missing = "no address" if room == "implementations" else "no title"
            self.report.skipped.append({"line": line, "reason": missing})
            return None
        record = self._lineage(record, None, group)
        fingerprint = self.fingerprints.of(fields)
        for other, why in looks.like(fingerprint):
            row = {"line": line, "id": record.id, "looks_like": other, "why": why}
            self.report.suggestions.append(row)
        looks.add(record.id, fingerprint)
        self.taken |= {record.id, getattr(record, "model", None) or record.id}
        self.lock.set(room, record.id, fields)
        self.report.added.append(record.id)
        self.added[record.id] = line
        self.report.counts[COUNTED[group[0].kind]] += 1
        return record

    def _link_code(self) -> None:
        """Give each repository the one paper that names the same address."""
        codes = self.library.implementations
        open_codes = {identity.address(code.url) for code in codes if code.paper is None}
        owners: dict[str, set[str]] = {}
        for paper in self.library.papers if open_codes else ():
            for link in paper.links:
                owners.setdefault(identity.address(link.url), set()).add(paper.id)
        for number, code in enumerate(codes):
            owner = owners.get(identity.address(code.url), set())
            if code.paper is None and len(owner) == 1:
                codes[number] = code.model_copy(update={"paper": next(iter(owner))})


def _appearances(record: Item) -> list[str]:
    """A paper's other versions in short, for the report."""
    versions = record.versions if isinstance(record, Paper) else []
    return [f"{version.venue} {version.year}" for version in versions]


def _resourced(record: Any, changes: Fields) -> Any:
    """The record without the sources of values that now come from the list."""
    if isinstance(record, Implementation) or not set(changes) & set(record.provenance):
        return record
    sources = {name: source for name, source in record.provenance.items() if name not in changes}
    return record.model_copy(update={"provenance": sources})
