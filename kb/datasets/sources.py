"""Where the published files of each dataset come from, and under what licence: `kb data fetch`."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from kb.datasets import download
from kb.datasets.download import Fetched, Remote
from kb.datasets.readers.textfiles import read_json, read_lines
from kb.datasets.unpack import is_archive, unpack
from kb.records.errors import Exit, KBError

CATALOGUE = Path(__file__).with_name("sources.json")

LISTED = 8  # files of a source that are named one by one

Progress = Callable[[str, int, int], None]  # (file, bytes here, bytes in all)


@dataclass(frozen=True)
class Source:
    """The downloadable files of a dataset, their origin and licence."""

    name: str
    home: str
    licence: str
    elsewhere: str  # what cannot be fetched, and where it is
    files: tuple[Remote, ...]

    def text(self) -> str:
        """The summary shown before any download."""
        lines = [f"{self.name}: {self.home}", f"  licence: {self.licence}"]
        for file in self.files[:LISTED]:
            size = f"{file.bytes:,} bytes" if file.bytes else "size not known"
            sum_ = f"sha256 {file.sha256[:12]}..." if file.sha256 else "no published sum"
            lines.append(f"  {file.path}: {size}, {sum_}, {file.url}")
        more = self.files[LISTED:]
        if more:
            total = sum(file.bytes or 0 for file in more)
            lines.append(f"  and {len(more):,} files like the last, {total:,} bytes")
        return "\n".join([*lines, f"  not fetched: {self.elsewhere}"])


NOTE = "fetched.json"  # in the folder: what was fetched, written when all is


@dataclass
class Result:
    """The fetched files."""

    name: str
    folder: str
    licence: str
    files: list[Fetched] = field(default_factory=list)
    unpacked: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """As one JSON document."""
        return asdict(self)


def source(name: str, catalogue: Path = CATALOGUE) -> Source:
    """Where a dataset comes from. KBError for a name or a catalogue that says nothing."""
    document = read_json(catalogue, hashlib.sha256())
    if not isinstance(document, dict) or not isinstance(document.get(name), dict):
        known = ", ".join(document) if isinstance(document, dict) else "none"
        raise KBError(f"no source is known for {name}", where=catalogue, hint=f"known: {known}")
    entry = document[name]
    try:
        rows: list[dict[str, Any]] = [*entry["files"], *_series(entry, catalogue)]
        for row in rows:
            _check(row, catalogue)
        files = tuple(Remote(**row) for row in rows)
        result = Source(name, entry["home"], entry["licence"], entry["elsewhere"], files)
    except (KeyError, TypeError, AttributeError) as error:
        raise KBError(f"{name} is no source ({error})", where=catalogue) from error
    return result


def _series(entry: dict[str, Any], catalogue: Path) -> Iterator[dict[str, Any]]:
    """A file for each line of a series' sums, `sha256  name`: many files of one folder and size."""
    for series in entry.get("series", ()):
        path = catalogue.with_name(Path(series["sums"]).name)
        for number, line in read_lines(path, hashlib.sha256()):
            digest, _, name = line.partition("  ")
            if not name or "/" in name:
                raise KBError("is no line `sha256  name`", where=path, line=number)
            yield {
                "url": series["url"] + name,
                "path": series["path"] + name,
                "sha256": digest,
                "bytes": series["bytes"],
            }


def changed(name: str, root: Path) -> list[str]:
    """Files under a root whose SHA-256 is not the published one, of those `kb data fetch` brings."""
    known = read_json(CATALOGUE, hashlib.sha256())
    if name not in known:
        return []
    return [
        file.path
        for file in source(name).files
        if file.sha256
        and (root / file.path).is_file()
        and download.sha256(root / file.path) != file.sha256
    ]


def _check(row: dict[str, Any], catalogue: Path) -> None:
    """Refuse a file of a catalogue whose fields are not of their form."""
    url, path, size, digest = (row.get(name) for name in ("url", "path", "bytes", "sha256"))
    place = Path(str(path))
    good = (
        isinstance(path, str) and isinstance(url, str) and url.startswith(("https://", "http://"))
    )
    good = good and (size is None or (type(size) is int and size > 0))
    good = good and (digest is None or re.fullmatch(r"[0-9a-f]{64}", str(digest)) is not None)
    if not good or place.is_absolute() or ".." in place.parts:
        raise KBError(f"{str(path)[:100]} from {str(url)[:100]} is no source", where=catalogue)


def fetch(dataset: Source, folder: Path, progress: Progress) -> Result:
    """Fetch every file of a source and unpack archives; existing files stay.

    Raises KBError (unreachable) for a dataset whose files are given by agreement only.
    """
    if not dataset.files:
        what = f"{dataset.name} is not given away by a link: {dataset.elsewhere}"
        raise KBError(what, where=dataset.home, hint=dataset.licence, code=Exit.UNREACHABLE)
    folder.mkdir(parents=True, exist_ok=True)
    result = Result(dataset.name, str(folder), dataset.licence)
    finished = _finished(folder / NOTE)
    for file in dataset.files:
        fetched = download.fetch(file, folder, partial(progress, file.path))
        result.files.append(fetched)
        whole = fetched.resumed_from is None and file.path in finished
        if is_archive(folder / file.path) and not whole:
            result.unpacked += unpack(folder / file.path, folder)
    part = folder / f".{NOTE}"
    part.write_text(f"{json.dumps(result.plain(), indent=1)}\n", encoding="utf-8")
    part.replace(folder / NOTE)
    return result


def _finished(note: Path) -> set[str]:
    """Paths of the files that an earlier fetch brought, and unpacked; it may have been killed."""
    try:
        earlier: Any = json.loads(note.read_text(encoding="utf-8"))
        return {str(file["path"]) for file in earlier["files"]}
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        return set()
