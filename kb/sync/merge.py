"""Three-way merge of one record: base (the list at the last sync), the list now, the record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from kb.records.identity import abbreviates

if TYPE_CHECKING:
    from collections.abc import Collection

    from kb.records.identity import Fields

Resolve = Literal["ours", "theirs"]
Links = list[dict[str, str]]


@dataclass
class Merged:
    """The outcome: what the record takes over, what becomes the base, what nobody may decide."""

    changes: Fields = field(default_factory=dict)
    base: Fields = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)


def merge(
    base: Fields | None,
    theirs: Fields,
    ours: Fields,
    *,
    sourced: Collection[str] = (),
    resolve: Resolve | None = None,
) -> Merged:
    """Merge field by field; a conflict leaves base and record as they are.

    A field the list does not give says nothing: the record keeps its value. `base` is None where
    the list's last state is not known; then a field in `sourced` (its value has another source
    than the list) keeps the record's value. `resolve` decides conflicts for the record (ours)
    or for the list (theirs).
    """
    out = Merged(base=dict(base or {}))
    for name in {**theirs, **_forgotten(base, theirs)}:
        was, says, has = (side.get(name) for side in (base or {}, theirs, ours))
        if base is None and has is not None and name in sourced:
            was = says
        value, conflict = _field(name, was, says, has)
        if conflict and resolve:
            value, conflict = (has if resolve == "ours" else says), False
        if conflict:
            out.conflicts.append(name)
            continue
        _settle(out.base, name, says)
        if value != has:
            out.changes[name] = value
    return out


def _forgotten(base: Fields | None, theirs: Fields) -> Fields:
    """Links that went away are news: a dead link was taken out. Other fields just fall silent."""
    return {"links": None} if base and base.get("links") and "links" not in theirs else {}


def _settle(base: Fields, name: str, says: Any) -> None:
    if says is None:
        base.pop(name, None)
    else:
        base[name] = says


def _field(name: str, was: Any, says: Any, has: Any) -> tuple[Any, bool]:
    """The record's new value, and whether both sides changed it differently."""
    if name == "links":
        links, conflict = merge_links(was or [], says or [], has or [])
        return links or None, conflict
    if says in (was, has) or (name == "authors" and has and abbreviates(says, has)):
        return has, False
    if has is None or has == was:
        return says, False
    return has, True


def merge_links(was: Links, says: Links, has: Links) -> tuple[Links, bool]:
    """Links as sets, kind by kind; replaced on both sides by different ones is a conflict."""
    if says in (was, has):
        return has, False
    if has in (was, []):
        return says, False
    old, list_now, record_now = ({_key(link) for link in side} for side in (was, says, has))
    gone = old - list_now  # the list took these out
    cut = old - record_now  # a person took these out of the record
    for kind in {kind for kind, _ in gone & cut}:
        ours = {key for key in record_now - old if key[0] == kind}
        theirs = {key for key in list_now - old if key[0] == kind}
        if ours and theirs and ours != theirs:
            return has, True
    listed_links = [link for link in says if _key(link) not in cut]
    own = [link for link in has if _key(link) not in gone | list_now]
    return listed_links + own, False


def _key(link: dict[str, str]) -> tuple[str, str]:
    return link["kind"], link["url"]
