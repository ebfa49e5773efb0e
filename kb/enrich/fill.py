"""Fill records from references: empty fields and incomplete authors only."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from kb.enrich.matching import base_of
from kb.enrich.report import EnrichReport, Row
from kb.records import Dataset, Ids, Library, Paper, Provenance
from kb.records.identity import (
    ET_AL,
    Fingerprint,
    Index,
    abbreviates,
    address,
    fingerprint,
    match_score,
    norm,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kb.enrich.bibliography import Reference

Named = Paper | Dataset
COMPARED = ("title", "venue", "year", "arxiv", "doi")


def fill(
    library: Library,
    references: Iterable[Reference],
    *,
    only: Iterable[str] = (),
    today: dt.date | None = None,
) -> EnrichReport:
    """Fill the library's records in place from references; the caller saves.

    Existing values stay; a source that disagrees is a mismatch. `only` names the records to fill,
    by id, model or alias; empty means all.
    """
    date = (today or dt.datetime.now(dt.timezone.utc).date()).isoformat()
    out = EnrichReport()
    finder = _Finder(library)
    wanted = set(only)
    for reference in references:
        place = finder.find(reference)
        if place is None:
            finder.suggest(reference, out)
            continue
        records, number = place
        record = records[number]
        keys = {record.id, getattr(record, "model", None), *record.aliases}
        if wanted and not wanted & keys:
            continue
        out.matched += 1
        records[number] = _filled(record, reference, date, out)
        if isinstance(record, Paper):
            _own_code(library, record.id, reference, out)
    return out


class _Finder:
    """Finds the record of a reference: by fingerprint, or else by key."""

    def __init__(self, library: Library) -> None:
        papers: list[Any] = library.papers
        datasets: list[Any] = library.datasets
        self.places = [(room, number) for room in (papers, datasets) for number in range(len(room))]
        self.by_key: dict[str, int] = {}
        self.index = Index()
        for index, (room, number) in enumerate(self.places):
            record = room[number]
            self.index.add(_fingerprint(record))
            for key in (record.id, *record.aliases):
                self.by_key[key] = index

    def find(self, reference: Reference) -> tuple[list[Any], int] | None:
        new = fingerprint(reference.fields())
        sure = [
            (match_score(new, self.index.fingerprints[i]), -i) for i in self.index.candidates(new)
        ]
        if sure and max(sure)[0] > 0:
            return self.places[-max(sure)[1]]
        for key in (reference.key, *reference.aliases):
            index = self.by_key.get(key)
            if index is not None and _agrees(new, self.index.fingerprints[index]):
                return self.places[index]
        return None

    def suggest(self, reference: Reference, out: EnrichReport) -> None:
        """Suggest the record with the same key and another title."""
        index = self.by_key.get(reference.key)
        if index is not None:
            room, number = self.places[index]
            why = f"same key, other title: {reference.title}"
            out.suggestions.append({"key": reference.key, "id": room[number].id, "why": why})


def _fingerprint(record: Named) -> Fingerprint:
    links = [link.model_dump() for link in record.links]
    own = {"title": record.title, "authors": record.authors, "year": record.year, "links": links}
    versions = [v.model_dump() for v in record.versions] if isinstance(record, Paper) else []
    return fingerprint({**own, **record.ids.model_dump()}, *versions)


def _agrees(one: Fingerprint, two: Fingerprint) -> bool:
    """For the same key: half of the title's words, or a third and a surname, agree."""
    words = [{word for title in side.titles for word in title.split()} for side in (one, two)]
    shared = len(words[0] & words[1]) / max(1, len(words[0] | words[1]))
    return shared >= 0.5 or bool(one.surnames & two.surnames and shared >= 0.3)  # noqa: PLR2004


def _filled(record: Named, reference: Reference, date: str, out: EnrichReport) -> Named:
    changes: Row = {}
    for name in COMPARED:
        says, has = getattr(reference, name), _value(record, name)
        if says is not None and has is None:
            changes[name] = says
        elif says is not None and not _equal(name, says, has):
            out.mismatches.append(_mismatch(record, reference, name, has))
    if _completes(record, reference, out):
        changes["authors"] = reference.authors
    if isinstance(record, Paper):
        known = {(version.venue, version.year) for version in record.versions}
        fresh = [v for v in reference.versions if (v.venue, v.year) not in known]
        if fresh:
            changes["versions"] = [*record.versions, *fresh]
        if reference.extends and record.extends is None:
            changes["extends"] = reference.extends
    new = _marked(_with(record, changes, reference, date), reference)
    fields = {name: [_value(record, name), _value(new, name)] for name in changes}
    if new.links != record.links:
        fields["links"] = [_dumped(record.links), _dumped(new.links)]
    if fields:
        out.changed.append({"id": record.id, "fields": fields})
    return new


def _value(record: Named, name: str) -> Any:
    if name in ("arxiv", "doi"):
        return getattr(record.ids, name)
    value = getattr(record, name)
    return _dumped(value) if name == "versions" else value


def _dumped(models: list[Any]) -> list[Row]:
    return [model.model_dump(exclude_none=True) for model in models]


def _equal(name: str, says: Any, has: Any) -> bool:
    if name == "title":
        return norm(says) == norm(has)
    if name == "arxiv":
        return base_of(str(says)) == base_of(str(has))
    return bool(str(says).lower() == str(has).lower())


def _mismatch(record: Named, reference: Reference, name: str, has: Any) -> Row:
    says = getattr(reference, name)
    detail = reference.detail.get(name, reference.source)
    return {"id": record.id, "field": name, "record": has, "source": says, "detail": detail}


def _completes(record: Named, reference: Reference, out: EnrichReport) -> bool:
    """Whether the reference's authors replace the record's incomplete ones."""
    if not reference.authors:
        return False
    listed = [*record.authors, *([ET_AL] if record.et_al else [])]
    if listed and not abbreviates(listed, reference.authors):
        out.mismatches.append(_mismatch(record, reference, "authors", listed))
    incomplete = record.et_al and not reference.et_al and "authors" not in record.provenance
    return not listed or incomplete


def _with(record: Named, changes: Row, reference: Reference, date: str) -> Named:
    values: Row = {name: value for name, value in changes.items() if name not in ("arxiv", "doi")}
    if "authors" in values:
        values["et_al"] = reference.et_al
    ids = {name: changes[name] for name in ("arxiv", "doi") if name in changes}
    if ids:
        values["ids"] = Ids.model_validate({**record.ids.model_dump(), **ids})
    sources = {
        name: Provenance(
            source=reference.source, date=date, detail=reference.detail.get(name, reference.key)
        )
        for name in changes
    }
    if changes:
        values["provenance"] = {**record.provenance, **sources}
    return record.model_copy(update=values)


def _marked(record: Named, reference: Reference) -> Named:
    """The record, with the authors' own code links marked as official."""
    own = {address(url) for url in reference.code}
    links = [
        link.model_copy(update={"official": True})
        if link.kind == "code" and link.official is None and address(link.url) in own
        else link
        for link in record.links
    ]
    return record.model_copy(update={"links": links})


def _own_code(library: Library, paper: str, reference: Reference, out: EnrichReport) -> None:
    """Set `paper` of the repositories that are this paper's own code."""
    own = {address(url) for url in reference.code}
    for number, code in enumerate(library.implementations):
        if code.paper is None and address(code.url) in own:
            library.implementations[number] = code.model_copy(update={"paper": paper})
            out.changed.append({"id": code.id, "fields": {"paper": [None, paper]}})
