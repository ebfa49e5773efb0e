"""Blocks: the stretches of lines that may hold an entry, and the lines they consist of."""

import re
from dataclasses import dataclass, field

ITEM = re.compile(r"([ \t]*)(?:[-*+•‣◦–]|\d{1,9}[.)])(?:[ \t]+|$)")
QUOTE = re.compile(r"[ \t]{0,3}(?:>[ \t]?){1,9}")  # the marks of a quotation
FRONT = re.compile(r"[\w-]{1,60}[ \t]{0,4}[:=]|#|[ \t]*$")  # a line of front matter
HARD = re.compile(r"(?: {2}|\\|<br\s{0,3}/?>\s{0,9}|</p>\s{0,9})$", re.IGNORECASE)  # ends a line
LINE_END = re.compile(r"\r\n|\n|\r")
TAB = 4
LONGEST_FRONT = 400  # lines of front matter


@dataclass
class Block:
    """A stretch of lines that may hold an entry."""

    kind: str  # item | paragraph | row | heading
    line: int  # 1-based
    lines: list[str]  # as they stand, without line ends
    section: tuple[tuple[int, str], ...]  # (level, heading) from the outside in
    indent: int = 0  # columns before the bullet
    header: list[str] = field(default_factory=list)  # the column names of a row's table
    skipped: int = 0  # columns of bullet and indent on the first line
    cells: list[str] | None = None  # of a row whose cells are not what pipes part
    citation: str = ""  # the nested item that says what the entry is, where one does
    part: bool = False  # `lines` is a part of one line that holds several entries

    @property
    def end_line(self) -> int:
        """The last line, 1-based."""
        return self.line + len(self.lines) - 1

    @property
    def text(self) -> str:
        """The text without bullets; a line that ends only in the file ends in a carriage return."""
        parts = [self.lines[0][self.skipped :].strip()]
        for above, line in zip(self.lines, self.lines[1:], strict=False):
            soft = line.strip() and above.strip() and not HARD.search(above[-40:])
            parts += ["\r" if soft and not ITEM.match(line) else "\n", unmarked(line)]
        return "".join(parts).strip()

    @property
    def raw(self) -> str:
        """The lines as they stand, joined with newlines."""
        return "\n".join(self.lines)


def unquoted(line: str) -> str:
    """A line with white space for the marks of a quotation, so that all else stands where it did."""
    match = QUOTE.match(line) if ">" in line[:4] else None
    return line if match is None else " " * match.end() + line[match.end() :]


def unmarked(line: str) -> str:
    """A line without indent and bullet."""
    line = unquoted(line)
    match = ITEM.match(line)
    return line[match.end() :].strip() if match else line.strip()


def split_lines(text: str) -> list[str]:
    """The lines of a text, ends off; CRLF, LF and CR end a line, nothing else does."""
    return LINE_END.split(text.removeprefix("\ufeff"))


def columns(blank: str) -> int:
    """The width of leading white space."""
    return len(blank.expandtabs(TAB))


def front_matter(lines: list[str]) -> int:
    """The last line of the YAML or TOML that a document begins with; 0 where there is none."""
    mark = lines[0].rstrip() if lines else ""
    if mark not in ("---", "+++") or len(lines) < 2 or not FRONT.match(lines[1]):  # noqa: PLR2004
        return 0
    for number, line in enumerate(lines[1:LONGEST_FRONT], start=2):
        if line.rstrip() in (mark, "..." if mark == "---" else mark):
            return number
    return 0


def cells(line: str) -> list[str]:
    """The cells of a table row; a pipe in a code span or after a backslash separates nothing."""
    texts, start, code = [], 0, False
    bare = unquoted(line).strip()
    for index, char in enumerate(bare):
        if char == "`":
            code = not code
        elif char == "|" and not code and bare[index - 1 : index] != "\\":
            texts.append(bare[start:index].strip())
            start = index + 1
    texts.append(bare[start:].strip())
    if texts and not texts[0]:
        texts = texts[1:]
    return texts[:-1] if texts and not texts[-1] else texts
