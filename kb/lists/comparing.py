"""What a list, its last sync and a record say about one entry: which fields the record changes.

The lock's fields are those of data/lock.json: title, authors (`et al.` last where the list goes
on), venue, year, arxiv, doi, section, links; for code: name, url.
"""

from typing import Any

from kb.lists import listed, people
from kb.lists.entry import Entry
from kb.records import Dataset, Implementation, Paper

Record = Paper | Dataset | Implementation
Fields = dict[str, Any]
ET_AL = "et al."
SHOWN = ("title", "authors", "venue", "year", "arxiv", "doi", "section", "links")
CODE_SHOWN = ("name", "url")


def of_entry(entry: Entry) -> Fields:
    """The fields that the list shows now, checked as a sync checks them."""
    fields = listed.from_entry(entry)
    return {} if fields is None else _shown(fields.fields)


def of_record(record: Record) -> Fields:
    """The same fields of a record."""
    return _shown(listed.from_record(record))


def _shown(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if name in SHOWN or name in CODE_SHOWN}


def same(name: str, one: Any, other: Any) -> bool:
    """Whether a list would show two values of a field alike."""
    if name == "authors":
        return _same_people(one or [], other or [])
    if name == "links":
        return _addresses(one or []) == _addresses(other or [])
    if isinstance(one, str) and isinstance(other, str):
        return " ".join(one.split()) == " ".join(other.split())
    return bool(one == other)


def _same_people(one: list[str], other: list[str]) -> bool:
    names = [
        [people.surname(name).lower() for name in side if name != ET_AL] for side in (one, other)
    ]
    shorter, longer = sorted(names, key=len)
    shown = one if len(names[0]) <= len(names[1]) else other
    complete = ET_AL not in shown and len(shorter) < len(longer)
    return not complete and longer[: len(shorter)] == shorter


def _addresses(links: list[dict[str, str]]) -> set[tuple[str, str]]:
    """The links that lead somewhere; a placeholder such as `(link)` leads nowhere."""
    return {(link["kind"], link["url"]) for link in links if "://" in link["url"]}


def changed(says: Fields, base: Fields, has: Fields) -> tuple[set[str], set[str]]:
    """The fields that the record changes, and those that the list has changed since the sync.

    A field that the list does not show (full authors, a DOI) is never a change.
    """
    mine: set[str] = set()
    theirs: set[str] = set()
    for name in {*says, *base}:
        if name not in has or (name in ("arxiv", "doi") and name not in says):
            continue
        if same(name, says.get(name), has[name]):
            continue
        same_as_base = same(name, says.get(name), base.get(name))
        (mine if same_as_base else theirs).add(name)
    if "links" not in has and says.get("links") and same("links", says["links"], base.get("links")):
        mine |= {"links"} if _addresses(says["links"]) else set()
    return mine, theirs


def repeated(says: Fields, base: Fields, mine: set[str]) -> set[str]:
    """Of the fields that a record changes, those to change in one of several lines that name it.

    The base is what the lines say together: a line with a value of its own (the preprint's year)
    speaks for another version, and keeps it. Each line keeps its section.
    """
    own = {
        name
        for name in ("venue", "year", "title")
        if not same(name, says.get(name), base.get(name))
    }
    return set() if own else mine - {"section"}
