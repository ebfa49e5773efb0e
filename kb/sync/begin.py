"""A new knowledge base around any list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kb.records import KBError, atomic
from kb.records.library import HEADERS
from kb.sync.engine import decode, sync
from kb.sync.engine import load as from_disk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kb.sync.report import SyncReport

EMPTY = {
    "papers": HEADERS["papers"] + "\npapers: []\n\nimplementations: []\n",
    "datasets": HEADERS["datasets"] + "\ndatasets: []\n",
}
LIST = "README.md"


def begin(
    folder: Path, source: str | None, *, load: Callable[[str], bytes] = from_disk
) -> tuple[SyncReport | None, list[str]]:
    """Make `folder` a knowledge base: a copy of the list at `source` unless it has one, records.

    Returns the report of the first sync (None without a list) and the names of the files made.
    Raises KBError where one stands already, or where the list cannot be read.
    """
    if folder.is_file():
        hint = f"name the list by --list: `kb init --list {folder}`"
        raise KBError("is a file; init takes a folder", where=folder, hint=hint)
    if (folder / "data" / "papers.yaml").exists():
        raise KBError("a knowledge base already", where=folder, hint="`kb sync` updates it")
    own = folder / LIST
    data = load(source) if source else own.read_bytes() if own.is_file() else None
    if data is not None:
        decode(data, source or str(own))
    if data is not None:
        # The list named by --list is the one to read, even where DIR has a README of its own.
        report = sync(folder, source or str(own), load=lambda _: data)
        copied = not own.exists() and atomic.write(own, data)
        return report, [*([LIST] if copied else []), *report.outdated]
    made = []
    for name, text in EMPTY.items():
        atomic.write(folder / "data" / f"{name}.yaml", text.encode())
        made.append(f"data/{name}.yaml")
    return None, made
