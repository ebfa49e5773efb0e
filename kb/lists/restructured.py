"""Simple tables of reStructuredText -> rows of cells; and footnotes that say what a row names."""

import re
from dataclasses import dataclass, field, replace

from kb.lists.blocks import Block

RULE = re.compile(r"={2,400}(?:[ \t]{1,40}={2,400}){1,40}[ \t]*$")
GROUP = re.compile(r"=+")
FOOTNOTE = re.compile(r"\.\.[ \t]{1,4}\[(#[\w.-]{1,80})\][ \t]{1,4}(?=\S)")
MARK = re.compile(r"\[(#[\w.-]{1,80})\]_")
MOST_LINES = 5000  # of one table


@dataclass
class SimpleTable:
    """The names of the columns, the rows (first line from 0, lines, cells), and the last line."""

    header: list[str]
    rows: list[tuple[int, list[str], list[str]]] = field(default_factory=list)
    end: int = 0


def simple_table(lines: list[str], start: int) -> SimpleTable | None:
    """The table whose first rule is line `start`, from 0; None where no rule ends it."""
    rules = [
        index
        for index in range(start, min(len(lines), start + MOST_LINES))
        if lines[index][:1] == "=" and RULE.match(lines[index])
    ][:3]
    if len(rules) < 2:  # noqa: PLR2004
        return None
    spans = [match.start() for match in GROUP.finditer(lines[start])]
    heads = [_cells(line, spans) for line in lines[rules[0] + 1 : rules[1]]]
    if len(rules) < 3:  # noqa: PLR2004  (no column has a name)
        table, first = SimpleTable([], end=rules[1]), rules[0]
    else:
        names = [" ".join(parts).strip() for parts in zip(*heads, strict=True)]
        table, first = SimpleTable(names, end=rules[2]), rules[1]
    for index in range(first + 1, table.end):
        _add(table, index, lines[index], spans)
    return table


def _add(table: SimpleTable, index: int, line: str, spans: list[int]) -> None:
    """A line as a row of its own; one whose first cell is empty goes on with the row above it."""
    cells = _cells(line, spans)
    if not any(cells):
        return
    if cells[0] or not table.rows:
        table.rows.append((index, [line], cells))
        return
    first, above, before = table.rows[-1]
    if first + len(above) == index:
        joined = [f"{old} {new}".strip() for old, new in zip(before, cells, strict=True)]
        table.rows[-1] = (first, [*above, line], joined)


def _cells(line: str, spans: list[int]) -> list[str]:
    ends = [*spans[1:], len(line)]
    return [line[start:end].strip() for start, end in zip(spans, ends, strict=True)]


def with_footnotes(blocks: list[Block]) -> list[Block]:
    """The blocks with each footnote that a row refers to in that row, and not by itself."""
    notes = {
        match[1]: block
        for block in blocks
        if block.kind == "paragraph" and (match := FOOTNOTE.match(block.lines[0]))
    }
    if not notes:
        return blocks
    made, used = [], set()
    for block in blocks:
        mark = MARK.search(" ".join(block.cells)) if block.cells else None
        note = notes.get(mark[1]) if mark else None
        if note is not None:
            used.add(note.line)
            text = FOOTNOTE.sub("", note.text, count=1)
            made.append(replace(block, citation=text))
        else:
            made.append(block)
    return [block for block in made if block.line not in used]
