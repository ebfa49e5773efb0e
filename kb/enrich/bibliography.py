"""References to papers, with the source of each field; bibliographies in YAML."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from kb.records import KBError, Version, store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kb.enrich.report import Row


Source = Literal["yaml", "bibtex", "arxiv"]


@dataclass
class Reference:
    """One source's data on a paper; `detail`: where each field was read."""

    key: str
    source: Source
    title: str
    line: int | None = None
    aliases: list[str] = field(default_factory=list)  # other keys: model, dataset
    authors: list[str] = field(default_factory=list)  # full and ordered
    et_al: bool = False
    venue: str | None = None
    year: int | None = None
    arxiv: str | None = None
    doi: str | None = None
    versions: list[Version] = field(default_factory=list)
    extends: str | None = None
    code: list[str] = field(default_factory=list)  # addresses of the authors' repositories
    detail: dict[str, str] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """The values that identify the paper."""
        return {
            "title": self.title,
            "authors": self.authors,
            "year": self.year,
            "arxiv": self.arxiv,
            "doi": self.doi,
        }


ROOMS = ("papers", "datasets")
# Sources that do not count: memory, and the list itself.
_UNREAD = re.compile(r"\bmemory\b|^seed list", re.IGNORECASE)
_EXTENDS = re.compile(r"(?:^|; )(?:journal extension of|extends) ([a-z]+\d{4}\w+)")


def read(path: Path) -> tuple[list[Reference], list[Row]]:
    """The references in a YAML file with `papers:` and `datasets:`, without unsourced fields.

    Nothing is skipped: the second list is empty. Raises KBError for a file of another form.
    """
    return list(_references(path)), []


def _references(path: Path) -> Iterator[Reference]:
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
    sourced = {
        name: str(source)
        for name, source in item["sources"].items()
        if name not in (item.get("not_read") or []) and not _UNREAD.search(str(source))
    }
    values = {name: item[name] for name in ("venue", "year", "arxiv", "doi") if name in sourced}
    lineage = _EXTENDS.search(item.get("lineage") or "")
    return Reference(
        key=item["id"],
        source="yaml",
        title=item["title"],
        aliases=[item["slug"]] if item.get("slug") else [],
        authors=list(item["authors"]) if "authors" in sourced else [],
        versions=list(_versions(item.get("other_versions") or [])),
        extends=lineage[1] if lineage else None,
        code=[code["url"] for code in item.get("code") or [] if code.get("official")],
        detail={**sourced, "versions": _sources(item), "extends": item.get("lineage") or ""},
        **values,
    )


def _versions(items: list[dict[str, Any]]) -> Iterator[Version]:
    for item in items:
        if "volume" in item and not _UNREAD.search(str(item.get("source"))):
            values = {name: item.get(name) for name in ("venue", "year", "title", "doi")}
            yield Version(kind="journal", **values)


def _sources(item: dict[str, Any]) -> str:
    return "; ".join(str(version.get("source")) for version in item.get("other_versions") or [])
