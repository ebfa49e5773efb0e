"""Lines -> blocks: headings become sections; items, paragraphs and table rows may be entries.

A line scanner, because line numbers must be exact and every line is looked at once.
"""

import re

from kb.lists import restructured, tables
from kb.lists.blocks import ITEM, Block, cells, columns, front_matter, split_lines, unquoted
from kb.lists.linkwords import PAPER, host_kind, word_kind

HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+|(?=[^#\s])|$)")
FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})([^\n]{0,200})")
CELL = r"[ \t]{0,400}:?-{1,2000}:?[ \t]{0,400}"
RULE = re.compile(rf"(?:[ \t]{{0,400}}\|)?{CELL}(?:\|{CELL}){{0,200}}\|?[ \t]*$")
UNDERLINE = re.compile(r"([=\-~^\"'*+#.:_`])\1{2,400}[ \t]*$")
DEFINITION = re.compile(r" {0,3}\[([^\]\[]{1,200})\]:[ \t]*<?(\S{1,2000}?)>?(?:[ \t]|$)")
HTML_HEADING = re.compile(r"[ \t]*<h([1-6])\b[^<>]{0,300}>(.{0,500}?)</h\1>", re.IGNORECASE)
SUMMARY = re.compile(r"<summary\b[^<>]{0,300}>(.{0,500}?)</summary>", re.IGNORECASE)
SUMMARY_START = re.compile(r"<summary\b", re.IGNORECASE)
TARGET = re.compile(
    r"(?:\]\(|href\s{0,3}=\s{0,3}[\"']?)(https?://[^\s()\"'<>]{4,500})", re.IGNORECASE
)
LIST_TAG = re.compile(r"[ \t]*</?(?:ul|ol)\b[^<>]{0,300}>[ \t]*$", re.IGNORECASE)
LIST_ITEM = re.compile(r"([ \t]*)<li\b[^<>]{0,300}>[ \t]*", re.IGNORECASE)
DIRECTIVE = re.compile(
    r"[ \t]*\.\.[ \t]+(?:_([^:]{1,200}):[ \t]*(\S{4,2000})?|[\w-]{2,40}::)"
)  # of reStructuredText
LINKED = re.compile(r"\[[^\[\]]{8,400}\]\((https?://[^\s()]{4,500})\)$")
QUOTED_HEADING = re.compile(  # `1) *"A Title"* [[paper](url)]`
    r"(?:\d{1,4}[.)]\s{1,4})?[*_]{0,3}[\"“][^\"“”]{8,300}[\"”][*_]{0,3}\s{0,4}(?:[\[(,]|$)"
)
WORD_LINK = re.compile(r"\[\\?\[?([^\[\]\\]{1,40})\\?\]?\]\((https?://[^\s()]{4,500})\)")
HEADING_LABEL = re.compile(
    r"\W{0,5}\[(?:(?:19|20)\d\d\s[\w &-]{2,30}|[\w &-]{2,30}\s(?:19|20)\d\d)\]\s\w"
)
FEWEST_WORDS = 4  # of a heading that is a title with links
LEVELS = {"=": 1, "-": 2, "~": 3, "^": 4, '"': 5}
BELOW_HEADINGS = 7  # the level of a <summary>, which names its <details> and nothing else
LONGEST_SUMMARY = 8  # lines


class Scanner:
    """One pass over the lines of a document."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.section: list[tuple[int, str]] = []
        self.headings: list[tuple[int, str, int]] = []  # level, text, line
        self.definitions: dict[str, str] = {}  # reference links
        self.open: Block | None = None
        self.done: list[Block] = []
        self.fence = ""
        self.comment = False
        self.after_blank = False
        self.header: list[str] | None = None
        self.through = front_matter(lines)  # the last line that is dealt with

    def scan(self) -> list[Block]:
        """All blocks, in order of lines."""
        for number, raw in enumerate(self.lines, start=1):
            if number <= self.through:
                continue
            line = unquoted(raw)
            if self.after_blank and line.strip():
                self._close_at_quotation(quoted=line is not raw)
            if self.fence:
                self._inside_fence(line)
            elif self.comment:
                self.comment = "-->" not in line
            elif not line.strip():
                self.after_blank, self.header = True, None
                if self.open is not None and self.open.kind != "item":
                    self._close()
            else:
                self._line(number, line)
                self.after_blank = False
        self._close()
        return self.done

    def _close_at_quotation(self, *, quoted: bool) -> None:
        """End the open block where a quotation begins or ends after a blank line."""
        last = self.open.lines[-1] if self.open is not None else ""
        if self.open is not None and (unquoted(last) is not last) != quoted:
            self._close()

    def _close(self) -> None:
        if self.open is not None:
            self.done.append(self.open)
        self.open = None

    def _start(self, kind: str, number: int, indent: int = 0, skipped: int = 0) -> None:
        self._close()
        section = tuple(self.section)
        self.open = Block(
            kind, number, self.lines[number - 1 : number], section, indent, [], skipped
        )

    def _inside_fence(self, line: str) -> None:
        bare = line.strip()
        if bare.startswith(self.fence) and not bare.strip(self.fence[0]):
            self.fence = ""

    def _line(self, number: int, line: str) -> None:
        first = line.lstrip(" \t")[0]
        if first in "`~" and self._fence(line):
            return
        if first == "<" and self._html(number, line):
            return
        if first == "#" and (match := HEADING.match(line)) and self._atx(number, line, match):
            return
        if first == "[" and self._definition(line):
            return
        if first in ".=" and (self._directive(line) or self._simple_table(number, line)):
            return
        if self._rule(number, line) or ("|" in line and self._row(number)):
            return
        match = ITEM.match(line)
        if match:
            self._start("item", number, columns(match[1]), match.end())
        else:
            self._continue(number, line)

    def _fence(self, line: str) -> bool:
        match = FENCE.match(line)
        if not match or (match[1][0] == "`" and "`" in match[2]) or self._underlines(line):
            return False
        self._close()
        self.fence = match[1]
        return True

    def _underlines(self, line: str) -> bool:
        """Whether tildes underline the heading above them rather than open a fence."""
        above, marks = self.open, line.strip()
        return (
            above is not None
            and above.kind == "paragraph"
            and len(above.lines) == 1
            and not self.after_blank
            and set(marks) == {"~"}
            and len(marks) >= max(4, len(above.lines[0].strip()))
        )

    def _html(self, number: int, line: str) -> bool:
        bare = line.lstrip()
        if bare.startswith("<!--"):
            end = bare.find("-->")
            self.comment = end < 0
            return end < 0 or not bare[end + 3 :].strip()
        if match := HTML_HEADING.match(line):
            self._heading(int(match[1]), match[2], number)
            return True
        if SUMMARY_START.search(line[:2000]) and self._summary(number):
            return True
        if bare[:6].lower().startswith(("<table", "<tr")) and self._table(number):
            return True
        return self._list_tag(number, line)

    def _list_tag(self, number: int, line: str) -> bool:
        """<ul>, <li> and </details>."""
        if match := LIST_ITEM.match(line):
            self._start("item", number, columns(match[1]), match.end())
            return True
        ends = line.lstrip()[:10].lower() == "</details>"
        if ends:
            self.section = [part for part in self.section if part[0] < BELOW_HEADINGS]
        if ends or LIST_TAG.match(line):
            self._close()
            return True
        return False

    def _summary(self, number: int) -> bool:
        """A <summary>, of several lines maybe: the name of its <details>, or an entry itself."""
        inside = self.lines[number - 1][:2000]
        last = number
        while not (match := SUMMARY.search(inside)):
            if last >= min(len(self.lines), number + LONGEST_SUMMARY):
                return False
            inside += " " + self.lines[last].strip()[:2000]
            last += 1
        self.through = last
        if any(_to_paper(url) for url in TARGET.findall(match[1])):
            self._close()
            section = tuple(part for part in self.section if part[0] < BELOW_HEADINGS)
            self.section = list(section)
            lines = self.lines[number - 1 : last]
            self.done.append(Block("heading", number, lines, section))
        else:
            self._heading(BELOW_HEADINGS, match[1], number)
        return True

    def _table(self, number: int) -> bool:
        """An HTML table: its rows are blocks."""
        end = tables.end_of(self.lines, number - 1)
        rows = [] if end is None else tables.rows(self.lines[number - 1 : end + 1])
        if end is None or not rows:
            return False
        self._close()
        header = next((row.cells for row in rows if row.heads), [])
        for row in rows:
            if not row.heads:
                lines = self.lines[number - 1 + row.first : number + row.last]
                section = tuple(self.section)
                block = Block("row", number + row.first, lines, section, 0, header, 0, row.cells)
                block.part = bool(self.done) and self.done[-1].end_line >= block.line
                self.done.append(block)
        self.through = end + 1
        return True

    def _simple_table(self, number: int, line: str) -> bool:
        """A simple table of reStructuredText: its rows are blocks."""
        begins = restructured.RULE.match(line) is not None
        table = restructured.simple_table(self.lines, number - 1) if begins else None
        if table is None:
            return False
        self._close()
        section = tuple(self.section)
        for first, lines, found in table.rows:
            row = Block("row", first + 1, lines, section, 0, table.header, 0, found)
            self.done.append(row)
        self.through = table.end + 1
        return True

    def _directive(self, line: str) -> bool:
        """A line of reStructuredText that shows nothing: `.. _name: url`, `.. image:: ...`."""
        match = DIRECTIVE.match(line)
        if match:
            self._close()
            if match[1] and match[2]:
                self.definitions[" ".join(match[1].strip("`").lower().split())] = match[2]
        return match is not None

    def _atx(self, number: int, line: str, match: re.Match[str]) -> bool:
        tight = match.end() == match.end(1)
        if tight and len(match[1]) == 1:  # `#tag` is a word, `##Papers` is meant as a heading
            return False
        text = line[match.end() :].strip().rstrip("#")
        linked = LINKED.match(text)
        titled = QUOTED_HEADING.match(text) and any(map(_to_paper, TARGET.findall(text)))
        titled = titled or (len(match[1]) > 1 and _is_title(text))
        outside = tuple(part for part in self.section if part[0] < len(match[1]))
        self._heading(len(match[1]), text, number)
        if titled or (linked and _to_paper(linked[1])):  # a heading that is an entry
            lines = self.lines[number - 1 : number]
            self.done.append(Block("heading", number, lines, outside, 0, [], match.end()))
        return True

    def _heading(self, level: int, text: str, number: int) -> None:
        self._close()
        self.header = None
        self.section = [part for part in self.section if part[0] < level]
        self.section.append((level, text.strip()))
        self.headings.append((level, text.strip(), number))

    def _definition(self, line: str) -> bool:
        match = DEFINITION.match(line)
        if match and match[1].startswith("^"):  # a footnote: text, not an address
            self._close()
        elif match:
            self._close()
            self.definitions[match[1].strip().lower()] = match[2]
        return match is not None

    def _rule(self, number: int, line: str) -> bool:
        """A line of marks: an underlined heading, a table's rule, or a line across the page."""
        marks = line.strip()
        if len(marks) < 3 or marks[0].isalnum():  # noqa: PLR2004  (`---` is the shortest)
            return False
        above = self.open
        if above is not None and above.kind != "item" and not self.after_blank:
            if "|" in above.lines[-1] and "|" in marks and RULE.match(line):
                self.header = cells(above.lines[-1])
                self.open = None
                return True
            if UNDERLINE.match(marks) and len(above.lines) == 1 and above.kind == "paragraph":
                self.open = None
                self._heading(LEVELS.get(marks[0], 6), above.lines[0], number - 1)
                return True
        across = len(set(marks.replace(" ", ""))) == 1 and marks[0] in "-=*_~^#+"
        if across:
            self._close()
        return across

    def _row(self, number: int) -> bool:
        if self.header is None:
            return False
        self._start("row", number)
        assert self.open is not None
        self.open.header = self.header
        self._close()
        return True

    def _continue(self, number: int, line: str) -> None:
        self.header = None
        indented = columns(line[: len(line) - len(line.lstrip())]) > 1
        if self.open is None or (self.open.kind == "item" and self.after_blank and not indented):
            self._start("paragraph", number, 0, len(line) - len(line.lstrip()))
            return
        self.open.lines += self.lines[self.open.end_line : number]  # with the blank lines between


def _is_title(heading: str) -> bool:
    """Whether a heading is a title, with its paper's link or behind a label: `[2023 ECCV] Slow Kites`."""
    links = WORD_LINK.findall(heading)
    rest = [word for word in WORD_LINK.sub(" ", heading).split() if any(map(str.isalpha, word))]
    linked = any(word_kind(word) == PAPER and _to_paper(url) for word, url in links)
    return len(rest) >= FEWEST_WORDS and (linked or HEADING_LABEL.match(heading) is not None)


def _to_paper(url: str) -> bool:
    return host_kind(url) == PAPER


def scan(text: str) -> tuple[list[Block], Scanner]:
    """The blocks of a document, and the scanner that knows its headings and definitions."""
    scanner = Scanner(split_lines(text))
    return scanner.scan(), scanner
