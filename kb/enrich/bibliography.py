"""A bibliography kept as YAML: papers with a source for every field that was read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kb.enrich.reference import Reference
from kb.records import KBError, Version, store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOMS = ("papers", "datasets")
# A source that is no reading: memory, and the list this is held against.
_UNREAD = re.compile(r"\bmemory\b|^seed list", re.IGNORECASE)
_EXTENDS = re.compile(r"(?:^|; )(?:journal extension of|extends) ([a-z]+\d{4}\w+)")


def references(path: Path) -> Iterator[Reference]:
    """The references in a YAML file with `papers:` and `datasets:`; unread fields are left out.

    Raises KBError where the file is not such a bibliography.
    """
    document = store.load(path)
    if not any(room in document for room in ROOMS):
        raise KBError("no `papers:` or `datasets:`", where=path, hint="is it a bibliography?")
    for room in ROOMS:
        for number, item in enumerate(document.get(room) or [], start=1):
            try:
                yield _reference(item)
            except (KeyError, TypeError, AttributeError, ValidationError) as error:  # noqa: PERF203
                what = f"{room}, number {number}: not a reference ({type(error).__name__})"
                raise KBError(what, where=path, hint="it needs id, title and sources") from error


def _reference(item: dict[str, Any]) -> Reference:
    read = {
        name: str(source)
        for name, source in item["sources"].items()
        if name not in (item.get("not_read") or []) and not _UNREAD.search(str(source))
    }
    values = {name: item[name] for name in ("venue", "year", "arxiv", "doi") if name in read}
    lineage = _EXTENDS.search(item.get("lineage") or "")
    return Reference(
        key=item["id"],
        source="yaml",
        title=item["title"],
        aliases=[item["slug"]] if item.get("slug") else [],
        authors=list(item["authors"]) if "authors" in read else [],
        versions=list(_versions(item.get("other_versions") or [])),
        extends=lineage[1] if lineage else None,
        code=[code["url"] for code in item.get("code") or [] if code.get("official")],
        detail={**read, "versions": _sources(item), "extends": item.get("lineage") or ""},
        **values,
    )


def _versions(items: list[dict[str, Any]]) -> Iterator[Version]:
    for item in items:
        if "volume" in item and not _UNREAD.search(str(item.get("source"))):
            kept = {name: item.get(name) for name in ("venue", "year", "title", "doi")}
            yield Version(kind="journal", **kept)


def _sources(item: dict[str, Any]) -> str:
    return "; ".join(str(version.get("source")) for version in item.get("other_versions") or [])
