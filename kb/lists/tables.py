"""HTML tables -> rows of cells with the lines they stand on."""

import re
from dataclasses import dataclass

ROW = re.compile(
    r"<tr\b[^<>]{0,400}>(.*?)(?=</tr\s{0,5}>|<tr\b|</table)", re.IGNORECASE | re.DOTALL
)
CELL = re.compile(
    r"<(td|th)\b[^<>]{0,400}>(.*?)(?=</t[dh]\s{0,5}>|<t[dh]\b|\Z)", re.IGNORECASE | re.DOTALL
)
BOLD = re.compile(
    r"(?:<(?:strong|b)\b[^<>]{0,200}>[^<>]{1,60}</(?:strong|b)>|\*\*[^*<>]{1,60}\*\*)"
)
END = re.compile(r"</table\s{0,5}>", re.IGNORECASE)
MARKDOWN = re.compile(r"^[ \t]{0,12}(?:[-*+]|\d{1,4}[.)]|#{1,6})[ \t]", re.MULTILINE)
MOST_LINES = 5000  # of one table


@dataclass
class HtmlRow:
    """One row: its cells as written, and the lines it begins and ends on, from 0 in the table."""

    first: int
    last: int
    cells: list[str]
    heads: bool  # its cells are <th>


def end_of(lines: list[str], start: int) -> int | None:
    """The index of the line on which the table that starts on `start` ends."""
    for index in range(start, min(len(lines), start + MOST_LINES)):
        if END.search(lines[index]):
            return index
    return None


def rows(lines: list[str]) -> list[HtmlRow]:
    """The rows of a table; none where its cells hold lists or headings of Markdown of their own."""
    text = "\n".join(lines)
    if MARKDOWN.search(text) or text.lower().count("<table") > 1:
        return []
    parsed: list[HtmlRow] = []
    for match in ROW.finditer(text):
        cells = [(cell[1].lower(), " ".join(cell[2].split())) for cell in CELL.finditer(match[1])]
        if cells:
            first = text.count("\n", 0, match.start())
            last = text.count("\n", 0, match.end())
            first_rows = all(row.heads for row in parsed)
            heads = all(name == "th" for name, _ in cells) or (first_rows and _in_bold(cells))
            parsed.append(HtmlRow(first, last, [inside for _, inside in cells], heads))
    return parsed


def _in_bold(cells: list[tuple[str, str]]) -> bool:
    """Whether all cells that say something are in bold, as heads of columns are."""
    inside = [text for _, text in cells if text]
    return len(inside) > 1 and all(BOLD.fullmatch(text) for text in inside)
