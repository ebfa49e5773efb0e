"""Sync: the list, the lock and the records become one state; ids stay, nothing is lost."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from kb.lists import Venues, parse
from kb.records import KBError, Library, atomic, bulk
from kb.sync import lock, said
from kb.sync.report import Report
from kb.sync.rooms import Rooms
from kb.sync.source import decode, load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kb.sync.merge import Resolve

LOCK = "data/lock.json"


def sync(
    root: Path,
    source: str,
    *,
    write: bool = True,
    resolve: Resolve | None = None,
    load: Callable[[str], bytes] = load,
) -> Report:
    """Merge the list at `source` into the records under `root`; `load` gives its bytes.

    With `write` off nothing is written; `Report.outdated` names the files that would be.
    Raises KBError where the list, a record or the lock cannot be read; then nothing changed.
    """
    data = load(source)
    text = decode(data, source)
    with bulk.uncollected():
        if resolve is None and (report := _nothing_new(root, data)):
            return report
        venues = Venues.load(root)
        entries = [one for one in map(said.said, parse(text, venues)) if one]
        if not entries:
            hint = "an entry is a list item with a title and a link; see `kb parse`"
            raise KBError("no entries found", where=source, hint=hint)
        if not write:
            return _merge(Library(root), entries, data, venues, resolve=resolve, write=False)
        with Library.editing(root) as library:
            return _merge(library, entries, data, venues, resolve=resolve, write=True)


def _merge(
    library: Library,
    entries: list[said.Said],
    data: bytes,
    venues: Venues,
    *,
    resolve: Resolve | None,
    write: bool,
) -> Report:
    known = lock.read(library.root / LOCK)
    rooms = Rooms(library, known, venues.kind, resolve)
    report = rooms.merge(entries)
    _finish(library, known, rooms.lock, report, data=data if write else None)
    return report


def _finish(
    library: Library, known: lock.Lock, new: lock.Lock, report: Report, *, data: bytes | None
) -> None:
    """Name what is out of date and, given the list's bytes, write it: records first, lock last.

    A sync that is killed in between is completed by the next: what both sides say already is
    no change.
    """
    for path, text in library.texts().items():
        if not path.is_file() or path.read_bytes() != text:
            report.outdated.append(path.relative_to(library.root).as_posix())
            if data is not None:
                atomic.write(path, text)
    path = library.root / LOCK
    if not report.outdated and path.is_file() and new.rooms == known.rooms:
        return
    report.outdated.append(LOCK)
    if data is not None:
        new.duplicates, new.counts = report.duplicates, report.counts
        if not (report.conflicts or report.suggestions or report.skipped):
            new.made_from = _digests(library.root, data)
        atomic.write(path, new.text().encode())


def _digests(root: Path, data: bytes) -> dict[str, str]:
    """What the outcome of a sync depends on: the list and its reader, and the records' files."""
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
    known = lock.read(root / LOCK)
    if not known.made_from or known.made_from != _digests(root, data):
        return None
    named = (e for room in lock.ROOMS for e in known.rooms[room].values() if lock.GONE not in e)
    return Report(duplicates=known.duplicates, unchanged=sum(1 for _ in named), counts=known.counts)
