"""Spacing between the parts of an entry, and merge conflict markers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kb.checks.catalogue import rule
from kb.checks.finding import Edit, Hit
from kb.lists import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.checks.listing import Item, Listing

WIDE = re.compile(r"(?<=\S)[ \t]{2,40}(?=\S)|(?<=\S) {1}(?=\r?\n|$)|(?<=\S)\t{1,9}(?=\r?\n|$)")
TOUCHING = re.compile(r"(?<=\))(?=\[\[)")
BULLET = re.compile(r"[ \t]{0,40}(?:[-*+•]|\d{1,9}[.)])[ \t]{1,20}")


@rule(
    "error",
    reason="An unfinished merge leaves the entries of both sides in the list.",
    hint="Keep one side or both, and delete the marker lines.",
)
def conflict_marker(listing: Listing) -> Iterator[Hit]:
    """A conflict marker of git, such as `<<<<<<< HEAD`."""
    for number in files.conflicts(listing.text):
        start = listing.starts[number - 1]
        yield Hit(start, listing.line_end(number), "a merge conflict marker: finish the merge")


@rule(
    "info",
    reason="Regular spacing keeps diffs between versions of a list small.",
    hint="Write one space between label, text and links, and none at the end of the line.",
    fixes=True,
)
def entry_spacing(listing: Listing) -> Iterator[Hit]:
    """More or less than one space between label, text and links, or one at the end of the line."""
    for item in listing.works:
        if item.text.lstrip().startswith("|"):
            continue  # cells of a table are padded on purpose
        yield from _wide(item)
        for match in TOUCHING.finditer(item.bare):
            place = item.start + match.start()
            yield Hit(place, place + 2, "no space before the link", (Edit(place, place, " "),))


def _wide(item: Item) -> Iterator[Hit]:
    head = BULLET.match(item.text)
    title = item.title_place or (0, 0)
    for match in WIDE.finditer(item.text, head.end() if head else 0):
        start, end = item.start + match.start(), item.start + match.end()
        if title[0] <= start < title[1] or _in_code(item, match.start()):
            continue
        at_end = end == item.end or item.text[match.end()] in "\r\n"
        what = "a space at the end of the line" if at_end else "more than one space"
        yield Hit(start, end, what, (Edit(start, end, "" if at_end else " "),))


def _in_code(item: Item, place: int) -> bool:
    """Whether an offset is inside a code span, which `bare` blanks out."""
    return item.bare[place - 1] != item.text[place - 1] and item.text[place - 1] != "`"
