"""New records from entries of the list, and entries that name one record joined into one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kb.lists.listed import ListedFields, updated
from kb.records import keys
from kb.records.schema import Dataset, Implementation, Paper, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from kb.lists.listed import Item
    from kb.records.identity import Fields


KINDS = ("preprint", "workshop", "conference", "journal")


def new_record(
    entry: ListedFields, fields: Fields, taken: Collection[str], key: str | None
) -> Item | None:
    """The record of an entry that has none yet; `key` where it had one before.

    None where the entry lacks what a record cannot do without: a title, or a name and address.
    """
    if entry.room == "implementations":
        return _code(entry, fields, taken, key)
    if "title" not in fields:
        return None
    authors = [name for name in fields.get("authors", []) if name]
    title, label = fields["title"], fields.get("label")
    if entry.kind == "dataset":
        key = key or keys.dataset_id(label, title, taken)
        return updated(Dataset(id=key, name=label or head(title), title=title), fields)
    key = key or keys.paper_id(authors, fields.get("year"), title, taken)
    model = keys.method_name(title)
    free = model if model not in taken and model != key else None
    return updated(Paper(id=key, model=free, title=title), fields)


def head(title: str) -> str:
    """A title up to its colon: what a dataset is called that has no label."""
    return title.partition(":")[0].strip() or title


def _code(
    entry: ListedFields, fields: Fields, taken: Collection[str], key: str | None
) -> Item | None:
    if "url" not in fields:
        return None
    url = fields["url"]
    name = fields.get("name") or url.rstrip("/").rsplit("/", 1)[-1]
    kind = "toolkit" if entry.kind == "toolkit" else "implementation"
    key = key or keys.code_id(name, url, taken)
    return updated(Implementation(id=key, name=name, kind=kind, url=url), fields)


def join(
    entries: list[ListedFields], base: Fields | None, kind: Callable[[str], str | None]
) -> Fields:
    """What several entries say of one record: the first in rank, filled up from the others.

    The published version ranks before the preprint, then the section the record had, then a
    section that names the year, then the order of the list.
    """
    if len(entries) == 1:
        return entries[0].fields
    before = (base or {}).get("section")

    def rank(entry: ListedFields) -> tuple[bool, bool]:
        year = str(entry.fields.get("year"))
        return is_preprint(entry.fields, kind), year not in (entry.fields.get("section") or "")

    def rank_first(entry: ListedFields) -> tuple[bool, bool, bool]:
        preprint, strays = rank(entry)
        return preprint, base is None or entry.fields.get("section") != before, strays

    # The others stand in an order that `base` has no part in: the next sync must find the same.
    first = min(entries, key=rank_first)
    others = sorted((entry for entry in entries if entry is not first), key=rank)
    out = dict(first.fields)
    for other in others:
        for name, value in other.fields.items():
            if name == "links":
                known = [link["url"] for link in out.get("links", [])]
                fresh = [link for link in value if link["url"] not in known]
                out["links"] = [*out.get("links", []), *fresh]
            elif name != "section":  # the first one's, or none: it ranks by it next time
                out.setdefault(name, value)
    return out


def is_preprint(fields: Fields, kind: Callable[[str], str | None]) -> bool:
    """Whether the venue is a preprint server."""
    venue = fields.get("venue")
    return venue is not None and kind(venue) == "preprint"


def appearance(fields: Fields, now: Fields, kind: str) -> Version | None:
    """One appearance of a paper beside what it is now; None where a state does not tell one."""
    if kind not in KINDS or "year" not in fields or fields["venue"] == now.get("venue"):
        return None
    title = fields.get("title")
    return Version(
        kind=kind,
        venue=fields["venue"],
        year=fields["year"],
        title=None if title == now.get("title") else title,
        arxiv=fields.get("arxiv"),
    )


def earlier(
    before: Fields | None, listed: list[Fields], now: Fields, kind: Callable[[str], str | None]
) -> list[Version]:
    """A paper's other appearances, where it is more than a preprint now.

    The preprint it was at the last sync, and whatever the list names beside it now: a venue that
    the list gave up for another may have been wrong, two that stand side by side are both right.
    """
    if is_preprint(now, kind) or "venue" not in now:
        return []
    states = [before] if before and is_preprint(before, kind) else []
    appearances = (
        appearance(state, now, kind(state["venue"]) or "")
        for state in [*states, *listed]
        if "venue" in state
    )
    return [version for version in appearances if version]
