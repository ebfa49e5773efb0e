"""Sync: the list, the lock and the records become one state; ids stay, nothing is lost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kb.lists import Document, Venues, files
from kb.lists.listed import from_entry
from kb.records import KBError, Library, atomic, bulk, plainfile
from kb.sync import lock
from kb.sync.keep_id import keep_id
from kb.sync.merger import Merger
from kb.sync.report import SyncReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from kb.lists.listed import ListedFields
    from kb.sync.merge import Resolve

LOCK = "data/lock.json"
LARGEST = 32 << 20  # bytes of a list
MOST_REMOVED, SHARE_REMOVED = 5, 0.2  # more records than both leave only when allowed
FEWEST_ALL = 3  # and never so many at once if they are all


@dataclass(frozen=True)
class Options:
    """How a sync decides: `resolve` a conflict for the record (ours) or the list (theirs)."""

    write: bool = True
    resolve: Resolve | None = None
    allow_removals: bool = False
    same: tuple[str, ...] = ()  # NEW=OLD: the record OLD goes on as what NEW says


def load(source: str) -> bytes:
    """The bytes of a list at a path. Raises KBError (usage) where it cannot be read."""
    return plainfile.read(Path(source), LARGEST, hint="name a Markdown file")


def decode(data: bytes, where: str) -> str:
    """The text of a list. Raises KBError (usage) for an empty one and an unfinished merge."""
    if not data.strip():
        raise KBError("empty", where=where, hint="name a Markdown list")
    text = files.decode(data, where)
    files.refuse_conflicts(text, where)
    return text


def sync(
    root: Path,
    source: str,
    options: Options | None = None,
    *,
    load: Callable[[str], bytes] = load,
    **more: Any,
) -> SyncReport:
    """Merge the list at `source` into the records under `root`; `load` gives its bytes.

    With `write` off nothing is written; `SyncReport.outdated` names the files that would be.
    Nothing is written either where `SyncReport.refused` says that too many records would leave.
    Raises KBError where the list, a record or the lock cannot be read; then nothing changed.
    """
    options = replace(options or Options(), **more)
    data = load(source)
    text = decode(data, source)
    with bulk.uncollected():
        plain = options.resolve is None and not options.same
        if plain and (report := _nothing_new(root, data)):
            return report
        venues = Venues.load(root)
        document = Document(text, venues)
        listed = [fields for entry, _ in document.entries() if (fields := from_entry(entry))]
        if not listed:
            hint = "an entry is a list item with a title and a link; see `kb parse`"
            raise KBError("no entries found", where=source, hint=hint)
        if not options.write:
            report = _merge(Library(root), listed, document, data, options)
        else:
            with Library.editing(root) as library:
                report = _merge(library, listed, document, data, options)
        return report


def _merge(
    library: Library,
    entries: list[ListedFields],
    document: Document,
    data: bytes,
    options: Options,
) -> SyncReport:
    known = old = lock.read(library.root / LOCK)
    if options.same:
        known = lock.read(library.root / LOCK)
    for pair in options.same:
        keep_id(library, known, pair)
    before = sum(lock.GONE not in e for room in lock.ROOMS for e in known.rooms[room].values())
    merger = Merger(library, known, document.venues.kind, options.resolve)
    report = merger.merge(entries)
    report.unread = document.unread
    gone = len(report.removed)
    most = before if before >= FEWEST_ALL else before + 1
    many = (gone > MOST_REMOVED and gone > SHARE_REMOVED * before) or gone >= most
    report.refused = many and not options.allow_removals
    if not report.refused:
        _finish(library, old, merger.lock, report, data=data if options.write else None)
    return report


def _finish(
    library: Library, old: lock.Lock, new: lock.Lock, report: SyncReport, *, data: bytes | None
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
    settled = (new.rooms, new.lines) == (old.rooms, old.lines)
    if not report.outdated and path.is_file() and settled:
        return
    report.outdated.append(LOCK)
    if data is not None:
        new.duplicates, new.counts, new.unread = report.duplicates, report.counts, report.unread
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
    stored = {name: path.read_bytes() if path.is_file() else b"" for name, path in paths.items()}
    return {
        "list": lock.digest([data, *reader, stored["venues"]]),
        "papers": lock.digest([stored["papers"]]),
        "datasets": lock.digest([stored["datasets"]]),
    }


def _nothing_new(root: Path, data: bytes) -> SyncReport | None:
    """The report at once, where list and records are the very bytes of the last sync."""
    known = lock.read(root / LOCK)
    if not known.made_from or known.made_from != _digests(root, data):
        return None
    named = (e for room in lock.ROOMS for e in known.rooms[room].values() if lock.GONE not in e)
    return SyncReport(
        duplicates=known.duplicates,
        unchanged=sum(1 for _ in named),
        counts=known.counts,
        unread=known.unread,
    )
