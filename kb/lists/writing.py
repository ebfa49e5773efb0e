"""Record -> the line that stands for it in a list of this grammar.

* `[First et al. VENUEyy]` Title. Venue, Year. [[paper]](url) [[code]](url)
* `[NAME]` First et al. Title. Venue, Year. [[paper]](url) [[dataset]](url)
- [name](url)
"""

import re

from kb.lists import inline, people
from kb.lists.venues import Venues
from kb.records import Dataset, Implementation, Link, Paper

SPECIAL = re.compile(r"([\\`*_\[\]<>|])")
ENDS = ("?", "!", ".", "。", "？", "！")
BLANK = re.compile(r"\s+")


def canonical_line(
    record: Paper | Dataset | Implementation,
    *,
    bullet: str | None = None,
    venues: Venues | None = None,
    labelled: bool = True,
) -> str:
    """The record's line, without a line end. `bullet` is `*`, for an implementation `-`.

    Without a label the authors stand before the title, as in a dataset's line.
    """
    table = venues or Venues.load()
    if isinstance(record, Implementation):
        mark = "-" if bullet is None else bullet
        return f"{mark} [{escaped(record.name)}]({target(record.url)})"
    if isinstance(record, Dataset):
        head = f"`[{record.label or record.name}]`"
        people_first = short_authors(record)
        words = [head, *([stopped(people_first)] if people_first else [])]
    else:
        label = paper_label(record, table) if labelled else short_authors(record)
        shown = f"`[{label}]`" if labelled else stopped(label)
        words = [shown] if label else []
    words.append(stopped(escaped(record.title)))
    if phrase := venue_phrase(record, table):
        words.append(f"{phrase}.")
    words += [link(one) for one in record.links]
    return " ".join(["*" if bullet is None else bullet, *words])


def short_authors(record: Paper | Dataset) -> str:
    """`Dong et al.`, or the surname alone where there is one author."""
    if not record.authors:
        return ""
    first = people.surname(record.authors[0])
    return f"{first} et al." if record.et_al or len(record.authors) > 1 else first


def paper_label(paper: Paper, venues: Venues) -> str:
    """`Dong et al. CVPR19`: first author, the venue's tag, two digits of the year."""
    year = "" if paper.year is None else f"{paper.year % 100:02d}"
    tag = "" if paper.venue is None else venues.tag(paper.venue)
    if not tag:
        year = "" if paper.year is None else str(paper.year)
    return " ".join(part for part in (short_authors(paper), f"{tag}{year}") if part)


def venue_phrase(record: Paper | Dataset, venues: Venues) -> str:
    """`IEEE Transactions on Multimedia, 2020`; for a preprint its arXiv id as well."""
    venue = "" if record.venue is None else venues.phrase(record.venue)
    if record.venue == "arXiv" and record.ids.arxiv:
        venue = f"arXiv preprint arXiv:{record.ids.arxiv}"
    return ", ".join(part for part in (venue, str(record.year or "")) if part)


def stopped(text: str) -> str:
    """The text with a stop at its end, unless it ends a sentence already."""
    return text if text.endswith(ENDS) else f"{text}."


def escaped(text: str) -> str:
    """A title as Markdown that reads as this title."""
    text = BLANK.sub(" ", text)
    pieces = inline.read(text)
    plain = len(pieces) == 1 and pieces[0].kind == "text" and pieces[0].text == text
    return text if plain else SPECIAL.sub(r"\\\1", text)


def target(url: str) -> str:
    """An address that can stand between parentheses."""
    url = BLANK.sub("%20", url.strip())
    if url.count("(") != url.count(")"):
        url = url.replace("(", "%28").replace(")", "%29")
    return url


def link(one: Link) -> str:
    """`[[paper]](url)`."""
    return f"[[{one.kind}]]({target(one.url)})"
