"""Author names: no text of a web page attached, and surnames in labels."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from kb.checks.catalogue import rule
from kb.checks.finding import Edit, Hit
from kb.lists import people
from kb.records.keys import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.checks.listing import Item, Listing

# What publishers' pages print beside a name, and copying glues to it.
PAGE_WORDS = "Email|EMail|E-mail|Mail|ORCID|Orcid|Profile|ViewProfile|Affiliation|Affiliations|Authors?|AuthorInfo|Scholar|GoogleScholar|Homepage|Corresponding|Correspondence|Contact|Department|Dept|University|Institute|Laboratory"
GLUED = re.compile(rf"^([^\W\d_][\w'’.-]{{1,40}}?[a-zà-ÿ])(?:{PAGE_WORDS})$")
GLUED_FRONT = re.compile(r"^(?:Email|EMail|ORCID|ViewProfile|Author)([A-Z][a-zà-ÿ][\w'’-]{1,40})$")
NOTE_MARKS = re.compile(r"(?<=[a-zà-ÿ])(?:[*†‡§¶∗⁎✉¹²³⁰-⁹\d]|(?<=\d),(?=\d)){1,20}$")
ADDRESS = re.compile(r"[^\s@]{1,64}@[^\s@]{1,64}\.[a-z]{2,10}", re.IGNORECASE)
ENTITY = re.compile(r"&(?:#\d{2,6}|#x[0-9a-fA-F]{2,6}|[a-zA-Z]{2,10});")
MOJIBAKE = re.compile(r"[ÃÂ][\u0080-\u00bf]|â€|ï¿½|\ufffd")
MARKS = re.compile(r"[\W_]")
NAMES = re.compile(rf"(?:{ENTITY.pattern}|[^,;，、；&]){{1,80}}")
BESIDE = " \t\r\n.`[]()_-+•"
NOBODY = frozenset(
    {"null", "none", "nan", "undefined", "n/a", "unknown author", "author", "authors"}
)


@rule(
    "error",
    reason="Text copied with a name makes it wrong, and the name ends up in keys and citations.",
    hint="Write the name as the paper prints it.",
)
def author_scrape_error(listing: Listing) -> Iterator[Hit]:
    """An author's name with text of a web page attached to it."""
    for item in listing.works:
        written = list(written_names(item))
        turned = any(people.is_initials(name) for name, _ in written)
        for name, start in written:
            if turned and name == "Nan":
                continue  # `Nan, Z.`
            clean = scraped(name, item.entry.et_al or len(item.entry.authors) > 1)
            if clean is not None:
                end = start + len(name)
                edits = (Edit(start, end, clean),) if clean else ()
                what = f"did you mean {clean!r}?" if clean else "look it up"
                yield Hit(start, end, f"{name!r} is not a name: {what}", edits, safe=False)


def scraped(name: str, in_list: bool) -> str | None:
    """The name without the attached text; '' if a person must look it up; None if it is clean."""
    if ENTITY.search(name) and (plain := unescape(name)) != name:
        return plain
    if fold(name) in NOBODY or ADDRESS.search(name) or ENTITY.search(name) or MOJIBAKE.search(name):
        return ""
    words = name.split()
    fixed = [_unglued(word, in_list) for word in words]
    return None if fixed == words else " ".join(fixed)


def _unglued(word: str, in_list: bool) -> str:
    if match := GLUED.match(word) or GLUED_FRONT.match(word):
        return match[1]
    return NOTE_MARKS.sub("", word) if in_list else word


def written_names(item: Item) -> Iterator[tuple[str, int]]:
    """The authors as written, and their offsets: in the label, or else before the title."""
    label, title = item.label_place, item.title_place
    spans = []
    if label and item.entry.kind == "paper":
        spans.append(label)
    if title and title[0] > (label[1] if label else item.start):
        spans.append((label[1] if label else item.start, title[0]))
    for start, end in spans:
        text = _without_links(item)[start - item.start : end - item.start]
        cut = people.ET_AL.search(text)
        if cut is not None:
            head = text[: cut.start()]
        else:
            last = (item.entry.authors or [text])[-1]
            head = text[: text.find(last) + len(last)] if last in text else ""
        if _names_somebody(item, head):
            yield from _names(head, start)


def _without_links(item: Item) -> str:
    """The entry's text with its links and line ends as separators of names, place for place."""
    text = item.text.replace("\n", ";").replace("\r", ";")
    for link in item.links:
        first, last = link.start - item.start, link.end - item.start
        text = text[:first] + ";" * (last - first) + text[last:]
    return text


def _names_somebody(item: Item, head: str) -> bool:
    """Whether these words contain the entry's first author; the label `[CVPR2019]` does not."""
    letters = MARKS.sub("", unescape(head))
    return any(MARKS.sub("", people.surname(name)) in letters for name in item.entry.authors[:1])


def _names(head: str, start: int) -> Iterator[tuple[str, int]]:
    for match in NAMES.finditer(head):
        words = match[0].rfind(": ") + 1  # `The sensor is described in: Ash et al.`
        name = match[0][words:].strip(BESIDE)
        while name.startswith("*") and name.endswith("*"):  # bold, not a note
            name = name[1:-1]
        name = name.lstrip("*_ ")
        if name and name[0].isalpha():
            yield name, start + match.start() + match[0].find(name, words)


@rule(
    "error",
    reason="A label gives the first author's surname; a given name points to somebody else.",
    hint="Write the surname.",
)
def author_given_name(listing: Listing) -> Iterator[Hit]:
    """A given name in the place of the first author's surname."""
    for item in listing.works:
        record = listing.known.record(item.entry)
        if record is None or not record.authors or not item.entry.authors:
            continue
        surname = surname_for(item.entry.authors[0], record.authors[0])
        spot = next(written_names(item), None) if surname else None
        if surname and spot:
            name, start = spot
            message = f"{name!r} is a given name: the first author is {record.authors[0]!r}"
            edit = Edit(start, start + len(name), surname)
            yield Hit(start, start + len(name), message, (edit,), safe=False)


def surname_for(written: str, full: str) -> str | None:
    """The surname of `full` if `written` is one of its given names; None if not.

    Only a single word is judged: `Luo H`, `H. Luo` and `Lisa Hendricks` carry a surname.
    """
    words = full.split()
    surname = people.surname(full)
    if "," in full or len(words) < 2 or len(written.split()) != 1:  # noqa: PLR2004
        return None
    given_names = {fold(word.strip(".")) for word in words} - {
        fold(word) for word in surname.split()
    }
    single = fold(written.strip("."))
    if single in given_names and len(single) > 1 and not people.is_initials(written):
        return surname
    return None
