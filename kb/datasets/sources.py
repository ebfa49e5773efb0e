"""Where the published files of each dataset come from, and under what licence: `kb data fetch`."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from kb.datasets import download
from kb.datasets.download import Fetched, Remote
from kb.datasets.readers.textfiles import read_json
from kb.datasets.unpack import is_archive, unpack
from kb.records.errors import Exit, KBError

CATALOGUE = Path(__file__).with_name("sources.json")

Told = Callable[[str, int, int], None]  # (file, bytes here, bytes in all)


@dataclass(frozen=True)
class Source:
    """What of a dataset can be fetched, from where, and what its publishers ask."""

    name: str
    home: str
    licence: str
    elsewhere: str  # what cannot be fetched, and where it is
    files: tuple[Remote, ...]

    def text(self) -> str:
        """What is shown before anything is fetched."""
        lines = [f"{self.name}: {self.home}", f"  licence: {self.licence}"]
        for file in self.files:
            size = f"{file.bytes:,} bytes" if file.bytes else "size not known"
            sum_ = f"sha256 {file.sha256[:12]}..." if file.sha256 else "no published sum"
            lines.append(f"  {file.path}: {size}, {sum_}, {file.url}")
        return "\n".join([*lines, f"  not fetched: {self.elsewhere}"])


@dataclass
class Result:
    """What was fetched."""

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
    found = read_json(catalogue, hashlib.sha256())
    if not isinstance(found, dict) or not isinstance(found.get(name), dict):
        known = ", ".join(found) if isinstance(found, dict) else "none"
        raise KBError(f"no source is known for {name}", where=catalogue, hint=f"known: {known}")
    entry = found[name]
    try:
        files = tuple(Remote(**file) for file in entry["files"])
        told = Source(name, entry["home"], entry["licence"], entry["elsewhere"], files)
    except (KeyError, TypeError) as error:
        raise KBError(f"{name} is no source ({error})", where=catalogue) from error
    for file in files:
        _check(file, catalogue)
    return told


def _check(file: Remote, catalogue: Path) -> None:
    path = Path(file.path)
    if path.is_absolute() or ".." in path.parts or not file.url.startswith(("https://", "http://")):
        raise KBError(f"{file.path} from {file.url} is no source", where=catalogue)


def fetch(told: Source, folder: Path, progress: Told) -> Result:
    """Every file of a source, whole, and archives unpacked beside them; files there are kept.

    Raises KBError (unreachable) for a dataset whose files are given by agreement only.
    """
    if not told.files:
        what = f"{told.name} is not given away by a link: {told.elsewhere}"
        raise KBError(what, where=told.home, hint=told.licence, code=Exit.UNREACHABLE)
    folder.mkdir(parents=True, exist_ok=True)
    result = Result(told.name, str(folder), told.licence)
    for file in told.files:
        found = download.fetch(file, folder, partial(progress, file.path))
        result.files.append(found)
        if is_archive(folder / file.path) and found.resumed_from is not None:
            result.unpacked += unpack(folder / file.path, folder)
    notes = json.dumps(result.plain(), indent=1) + "\n"
    (folder / "fetched.json").write_text(notes, encoding="utf-8")
    return result
