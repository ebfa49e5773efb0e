"""YAML text cut into record blocks, so that a record nobody touched keeps its very bytes.

A block is a record's lines with the comments above it. Comments of a record that did change move
with their lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import yaml

_KEY = re.compile(r"(?:'((?:[^']|'')*)'|\"([^\"\\]*)\"|([^\s#'\"\-\[{&*!|>%@`][^#]*?)):(?:\s|$)")


@dataclass
class Block:
    """One record: its lines (line ends off), and the number of the first, from 1."""

    start: int
    lines: list[str]

    @property
    def lead(self) -> list[str]:
        """Blank and comment lines above the record's own."""
        return self.lines[: self.depth]

    @property
    def body(self) -> list[str]:
        """The record's own lines."""
        return self.lines[self.depth :]

    @property
    def depth(self) -> int:
        """The number of lines above the record's own."""
        for number, line in enumerate(self.lines):
            if line.strip() and not line.lstrip().startswith("#"):
                return number
        return len(self.lines)


@dataclass
class Section:
    """A top-level key: the lines up to its first record, and the records."""

    key: str | None  # None: the part above the first key
    head: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)


def split(text: str) -> list[Section]:
    """Cut the text of a mapping of lists; the first section is what precedes the first key."""
    sections = [Section(None)]
    loose: list[str] = []  # comments and blank lines that belong to whatever comes next
    dash: str | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            loose.append(line)
        elif key := _KEY.match(line):
            name = next(part for part in key.groups() if part is not None)
            sections.append(Section(name, [*loose, line]))
            loose, dash = [], None
        elif (
            sections[-1].key is not None
            and (opening := re.match(r" *- ", line))
            and (dash is None or opening[0] == dash)
        ):
            dash = opening[0]
            sections[-1].blocks.append(Block(number - len(loose), [*loose, line]))
            loose = []
        else:
            _open_lines(sections[-1]).extend([*loose, line])
            loose = []
    sections.append(Section(None, loose))
    return sections


def _open_lines(section: Section) -> list[str]:
    return section.blocks[-1].lines if section.blocks else section.head


def with_comments(old: list[str], new: list[str]) -> list[str]:
    """The new lines of a record with the comments of its old ones; none is lost."""
    if not any("#" in line for line in old):
        return new
    out, used = list(new), 0
    orphans: list[str] = []
    for comment, anchor, own_line in _comments(old):
        place = _find(out, anchor, used)
        if place is None:
            orphans.append(comment)
        elif own_line:
            indent = out[place][: len(out[place]) - len(out[place].lstrip())]
            out.insert(place, f"{indent if place else ''}{comment}")
            used = place + 2
        else:
            out[place] = f"{out[place]}  {comment}"
            used = place + 1
    return [*orphans, *out]


def _find(lines: list[str], anchor: str, start: int) -> int | None:
    """The new index of a comment's line: the same line, or else the same key."""
    order: list[int] = [*range(start, len(lines)), *range(start)]
    for place in order:
        if lines[place].strip() == anchor:
            return place
    if ":" in anchor:
        key = anchor.removeprefix("- ").split(":")[0]
        for place in order:
            if lines[place].strip().removeprefix("- ").split(":")[0] == key:
                return place
    return None


def _comments(old: list[str]) -> list[tuple[str, str, bool]]:
    """Comments of a block: (text, the line beside or below it, whether on its own line)."""
    text = "\n".join(old)
    spans = [
        (token.start_mark.index, token.end_mark.index)
        for token in yaml.scan(text, Loader=yaml.SafeLoader)
        if isinstance(token, yaml.ScalarToken)
    ]
    comments_by_line: list[tuple[int, str]] = []
    offset = 0
    for number, line in enumerate(old):
        for mark in re.finditer(r"(?:^|(?<=\s))#", line):
            at = offset + mark.start()
            if not any(low <= at < high for low, high in spans):
                comments_by_line.append((number, line[mark.start() :]))
                break
        offset += len(line) + 1
    comments = dict(comments_by_line)
    bare = [line[: len(line) - len(comments.get(i, ""))].strip() for i, line in enumerate(old)]
    return [
        (comment.rstrip(), bare[number] or next(filter(None, bare[number:]), ""), not bare[number])
        for number, comment in comments_by_line
    ]
