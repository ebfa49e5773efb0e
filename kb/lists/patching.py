"""An entry's lines with only the changed words changed, in the form its list has."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from kb.lists import comparing, people
from kb.lists.blocks import Block
from kb.lists.comparing import ET_AL, Fields
from kb.lists.entry import Entry
from kb.lists.reading import Document
from kb.lists.venues import Venues
from kb.lists.writing import escaped, target

ADDRESS = re.compile(
    r"(\]\([^()\s]{0,4096}(?:\([^()\s]{0,999}\)[^()\s]{0,999}){0,4}\)|<?https?://[^\s<>)]+)"
)
LABEL = re.compile(r"`[^`\n]{0,999}`")


def patched(document: Document, block: Block, entry: Entry, has: Fields) -> list[str] | None:
    """The lines as a record says (`has`, see `comparing`); None where that takes more than words.

    The result is read again: a line that would not say what the record says is not offered.
    """
    says, raw = comparing.of_entry(entry), block.raw
    for old, new in _names(says, has):
        if raw.count(old) != 1:
            return None
        raw = raw.replace(old, new)
    raw = _dated(raw, says.get("year"), has.get("year"))
    moved = _placed(raw, says.get("venue"), has.get("venue"), document.venues)
    if moved is None or (raw := _named(moved, says, has)) == block.raw:
        return None
    lines = raw.split("\n")
    again = document.entry(replace(block, lines=lines))
    if again is None:
        return None
    reread = comparing.of_entry(again)
    reread["section"] = has.get("section")
    return None if any(comparing.changed(reread, reread, has)) else lines


def _names(says: Fields, has: Fields) -> Iterator[tuple[str, str]]:
    """Old and new text of the fields that stand in an entry as they are."""
    for name in ("title", "name", "url"):
        if name in says and name in has and not comparing.same(name, says[name], has[name]):
            write: Any = target if name == "url" else escaped
            yield says[name], write(has[name])
    old: dict[str, str] = {link["kind"]: link["url"] for link in says.get("links", [])}
    for link in has.get("links", []):
        was = old.get(link["kind"])
        if was and was != link["url"]:
            yield f"({was})", f"({target(link['url'])})"


def _outside(raw: str, pattern: str, new: str) -> str:
    """`pattern` replaced wherever it does not stand in an address."""
    parts = ADDRESS.split(raw)
    parts[::2] = [re.sub(pattern, lambda _: new, part) for part in parts[::2]]
    return "".join(parts)


def _dated(raw: str, was: int | None, now: int | None) -> str:
    """The year in the text, and its last two digits at the end of the label."""
    if was is None or now is None or was == now:
        return raw
    raw = _outside(raw, rf"(?<![\d.]){was}(?![\d]|\.\d)", str(now))
    short = re.compile(rf"(?<!\d){was % 100:02d}(?=\]?`$)")
    return LABEL.sub(lambda label: short.sub(f"{now % 100:02d}", label[0]), raw, count=1)


def _placed(raw: str, was: str | None, now: str | None, venues: Venues) -> str | None:
    """The venue in text and label; None where it is, or was, a preprint: that is another form."""
    if was is None or now is None or was == now:
        return raw
    if "preprint" in (venues.kind(was), venues.kind(now)):
        return None
    label = LABEL.search(raw)
    if label:
        tag = re.sub(
            rf"(?<!\w){_any([venues.tag(was), was])}(?![^\W\d])", venues.tag(now), label[0]
        )
        raw = raw[: label.start()] + tag + raw[label.end() :]
    spelt = [key for key, name in venues.names.items() if name == was]
    pattern = rf"(?<!\w){_any([was, venues.phrase(was), *spelt])}(?!\w)"
    return _outside(raw, pattern, venues.phrase(now))


def _any(names: list[str]) -> str:
    """A pattern of any of these names, the longest first, words apart by whatever parts them."""
    ordered = sorted(set(names), key=len, reverse=True)
    spaced = (r"[\W_]{1,3}".join(map(re.escape, name.split())) for name in ordered if name)
    return f"(?i:{'|'.join(spaced)})"


def _named(raw: str, says: Fields, has: Fields) -> str:
    """The first author's surname, where it stands once and the others stay `et al.`."""
    old, new = says.get("authors", []), has.get("authors", [])
    if comparing.same("authors", old, new) or old[1:] != [ET_AL] or len(new) < 2:  # noqa: PLR2004
        return raw
    was, now = people.surname(old[0]), people.surname(new[0])
    pattern = rf"(?<!\w){re.escape(was)}(?!\w)"
    times = sum(len(re.findall(pattern, part)) for part in ADDRESS.split(raw)[::2])
    return _outside(raw, pattern, now) if times == 1 else raw
