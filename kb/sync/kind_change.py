"""Entries that changed their kind between two syncs: the paper that is listed as a dataset now.

The record goes along under its id. Where it would lose something there (claims, splits) it stays
what it is, and its entry is merged into it all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kb.lists.listed import text_of
from kb.records.identity import CORRECTED, SURE, Index, match_score
from kb.records.keys import method_name
from kb.records.schema import Dataset, Paper
from kb.sync.make import head
from kb.sync.report import Row

if TYPE_CHECKING:
    from collections.abc import Collection

    from kb.lists.listed import ListedFields
    from kb.records import Library
    from kb.records.identity import Fields, Fingerprint
    from kb.sync.fingerprints import Fingerprints
    from kb.sync.lock import Lock

Named = Paper | Dataset
ONLY_PAPER = ("claims", "versions", "extends", "datasets")
ONLY_DATASET = ("clips", "captions", "splits")


@dataclass
class KindChange:
    """Looks for such entries in a library, by the lock of the last sync."""

    library: Library
    known: Lock
    fingerprints: Fingerprints
    taken: Collection[str]
    crossed: dict[str, list[str]] = field(default_factory=dict)  # id -> [kind before, kind now]
    stayed: list[Row] = field(default_factory=list)  # as suggestions

    def run(self, entries: list[ListedFields]) -> None:
        """Move records, in the library and in the lock, and turn back the entries that must stay."""
        for room, other in (("papers", "datasets"), ("datasets", "papers")):
            arriving = [entry for entry in entries if entry.room == other]
            if not (arriving and self._records(room)):
                continue
            known = {text_of(base) for base in self.known.rooms[other].values()}
            new = [entry for entry in arriving if entry.text not in known]
            if new:
                self._from(room, other, new, [e for e in entries if e.room == room])

    def _records(self, room: str) -> list[Any]:
        records: list[Any] = getattr(self.library, room)
        return records

    def _fingerprint(self, room: str, record: Any) -> Fingerprint:
        return self.fingerprints.known(self.known.base(room, record.id), record)

    def _from(
        self, room: str, other: str, new: list[ListedFields], own: list[ListedFields]
    ) -> None:
        """Records of `room` that only entries of the `other` room name."""
        texts = {entry.text for entry in own}
        bases = self.known.rooms[room]
        free = [r for r in self._records(room) if text_of(bases.get(r.id, {})) not in texts]
        leaving, there, here = Index(), Index(), Index()
        for record in free:
            leaving.add(self._fingerprint(room, record))
        pairs = [
            (e, free[n])
            for e in new
            if (n := _best(self.fingerprints.of(e.fields), leaving, SURE)) is not None
        ]
        if not pairs:
            return
        for record in self._records(other):
            there.add(self._fingerprint(other, record))
        for entry in own:
            here.add(self.fingerprints.of(entry.fields))
        for entry, record in pairs:
            listed = _best(self._fingerprint(room, record), here, SURE) is not None
            if not listed and _best(self.fingerprints.of(entry.fields), there, CORRECTED) is None:
                self._move(entry, record, room, other)

    def _move(self, entry: ListedFields, record: Any, room: str, other: str) -> None:
        before, now = room.removesuffix("s"), other.removesuffix("s")
        if record.id in self.crossed:
            return
        new = None if self.library.published.get(record.id) else converted(record, self.taken)
        if new is None:
            why = f"listed as a {now}; it has what only a {before} has, and stays one"
            row = {"line": entry.line, "id": record.id, "looks_like": record.id, "why": why}
            self.stayed.append(row)
            entry.kind = before
            return
        self._records(room).remove(record)
        self._records(other).append(new)
        if (base := self.known.rooms[room].pop(record.id, None)) is not None:
            self.known.rooms[other][record.id] = base
        self.crossed[record.id] = [before, now]


def _best(fingerprint: Fingerprint, index: Index, least: float) -> int | None:
    """The number of the best match, if its score is at least `least`."""
    scores = [
        (match_score(fingerprint, index.fingerprints[number]), -number)
        for number in index.candidates(fingerprint)
    ]
    sure, number = max(scores, default=(0.0, 0))
    return -number if sure >= least else None


def converted(record: Named, taken: Collection[str]) -> Named | None:
    """The paper as a dataset or the dataset as a paper; None where it would lose something."""
    only = ONLY_PAPER if isinstance(record, Paper) else ONLY_DATASET
    if any(getattr(record, name) for name in only):
        return None
    names = Paper.model_fields.keys() & Dataset.model_fields.keys()
    shared = {name: getattr(record, name) for name in names - {"aliases"}}
    if isinstance(record, Paper):
        return _dataset(record, shared)
    return _paper(record, shared, taken) if record.name == _name(record) else None


def _name(record: Named) -> str:
    return record.label or head(record.title)


def _dataset(paper: Paper, shared: Fields) -> Dataset:
    """Its model's name remains a key: an alias."""
    model = [paper.model] if paper.model and paper.model != paper.id else []
    aliases = list(dict.fromkeys([*paper.aliases, *model]))
    return Dataset(**shared, name=_name(paper), aliases=aliases)


def _paper(dataset: Dataset, shared: Fields, taken: Collection[str]) -> Paper:
    model = method_name(dataset.title)
    if model == dataset.id or (model in taken and model not in dataset.aliases):
        model = None
    aliases = [key for key in dataset.aliases if key != model]
    return Paper(**shared, model=model, aliases=aliases)
