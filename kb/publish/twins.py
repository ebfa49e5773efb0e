"""A twin in plain Markdown for each page, and llms.txt: the site for readers without a browser.

The twin of `papers/x/` lies at `papers/x/index.html.md`. It has the page's text, tables and links,
and none of its charts and controls.
"""

from __future__ import annotations

import posixpath
import re
from html.parser import HTMLParser

from kb.publish import markup

_HEAD = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_NOTE = re.compile(r"<!--.*?-->", re.DOTALL)
_ATTRIBUTES = re.compile(r"\{ ?[#.:][^}\n]*\}")
_PAGE_LINK = re.compile(r"\]\((?!\w+:|/|#)([^)#\s]+\.md)(#[^)\s]*)?\)")
_ANCHOR = re.compile(r"\[¶\]\([^)]*\)")
_SILENT = {
    "label",
    "script",
    "style",
    "svg",
    "button",
    "select",
    "option",
    "input",
    "template",
    "noscript",
}
_VOID = {"input", "br", "img", "hr", "source", "link", "meta", "wbr"}
_BLOCKS = {"p", "div", "section", "ul", "ol", "table", "details", "figure", "figcaption", "dl"}
_BLOCKS |= {"caption"}
_SPACED = {"small", "span", "dd", "summary", "br"}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_APART = {*_BLOCKS, *_HEADINGS}


def address(page: str) -> str:
    """Where the twin of a page of docs/ lies: `papers/x.md` -> `papers/x/index.html.md`."""
    stem = page.removesuffix(".md")
    folder = stem.removesuffix("index").rstrip("/") if stem.split("/")[-1] == "index" else stem
    return f"{folder}/index.html.md" if folder else "index.html.md"


def is_main(page: str) -> bool:
    """Whether llms.txt names the page: it lies at the root or begins a folder."""
    return page.endswith(".md") and address(page).count("/") <= 1


def twins(files: dict[str, str | bytes]) -> dict[str, str]:
    """The twin of each page of docs/, by its path in the site; pages that lead on have none."""
    pages = {
        name: content if isinstance(content, str) else content.decode("utf-8", "replace")
        for name, content in files.items()
        if name.endswith(".md")
    }
    return {
        address(name): _linked(plain(page), name)
        for name, page in pages.items()
        if '"moved":' not in _front(page)
    }


def _linked(twin: str, name: str) -> str:
    """The twin with links to pages of docs/ leading to their twins."""

    def to_twin(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), match[1]))
        there = posixpath.relpath(address(target), posixpath.dirname(address(name)) or ".")
        return f"]({there}{match[2] or ''})"

    return _PAGE_LINK.sub(to_twin, twin)


def _front(page: str) -> str:
    found = _HEAD.match(page)
    return found[0] if found else ""


def plain(page: str) -> str:
    """A page of docs/, Markdown and HTML mixed, as Markdown alone."""
    body = _NOTE.sub("", _HEAD.sub("", page, count=1))
    outside = re.split(r"(^```.*?^```[^\S\n]*$)", body, flags=re.MULTILINE | re.DOTALL)
    parts = [part if at % 2 else _converted(part) for at, part in enumerate(outside)]
    lines = _ANCHOR.sub("", "\n".join(parts)).split("\n")
    text = "\n".join(line.rstrip(" \t") for line in lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _converted(part: str) -> str:
    *before, last = _ATTRIBUTES.split(part)
    bare = "".join([*(text.rstrip(" \t") for text in before), last])
    if "<" not in bare and "&" not in bare:
        return bare
    writer = _Writer()
    markup.feed(writer, bare)
    return "".join(writer.out)


class _Writer(HTMLParser):
    """Turns elements into Markdown; text between them is Markdown already."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.silent = 0
        self.cells: list[str] | None = None  # of the row that is open
        self.head = self.ruled = self.table = self.pre = False
        self.links: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        if self.silent or tag in _SILENT:
            self.silent += tag not in _VOID
        elif tag in {"table", "tr", "td", "th"}:
            self._open_table(tag, dict(attrs).get("scope") == "col")
        elif tag == "a":
            wrong = dict(attrs).get("class") == "kb-wrong"  # a link without text, for readers
            self.links.append(None if wrong else dict(attrs).get("href"))
            self._put("[" if self.links[-1] else "")
        elif tag == "pre":
            self.pre = True
            self._put("\n\n```\n")
        else:
            self._put(self._opening(tag))

    def _opening(self, tag: str) -> str:
        if tag in _HEADINGS:
            return f"\n\n{'#' * _HEADINGS[tag]} "
        if tag in _BLOCKS:
            return self._apart
        if tag == "code":
            return "" if self.pre else "`"
        return "\n- " if tag == "li" else " " if tag in _SPACED else ""

    @property
    def _apart(self) -> str:
        return "\n\n" if self.cells is None else " "

    def _open_table(self, tag: str, heading: bool) -> None:
        if tag == "table":
            self.table, self.ruled = True, False
            self._put("\n\n")
        elif tag == "tr":
            self.cells, self.head = [], False
        elif self.cells is not None:
            self.cells.append("")
            self.head = self.head or heading

    def handle_endtag(self, tag: str) -> None:
        """Close it."""
        if self.silent:
            self.silent -= tag not in _VOID
        elif tag == "tr" and self.cells is not None:
            self._close_row(self.cells)
        elif tag == "a":
            href = self.links.pop() if self.links else None
            self._put(f"]({href})" if href else "")
        elif tag in {"pre", "table"}:
            self.pre = self.table = False
            self._put("\n```\n\n" if tag == "pre" else "\n")
        elif tag == "code":
            self._put("" if self.pre else "`")
        elif tag == "dt":
            self._put(":")
        else:
            self._put(self._apart if tag in _APART else " " if tag in _SPACED else "")

    def _close_row(self, cells: list[str]) -> None:
        told = [" ".join(cell.split()).replace("|", "\\|") for cell in cells]
        rule = "" if self.ruled or not self.head else f"|{'---|' * len(told)}\n"
        self.ruled = self.ruled or bool(rule)
        self.cells = None
        self._put(f"| {' | '.join(told)} |\n{rule}" if told else "")

    def handle_data(self, data: str) -> None:
        """Text; white space between the rows of a table is none."""
        between = self.table and self.cells is None and not data.strip()
        if not self.silent and not between:
            self._put(data)

    def _put(self, text: str) -> None:
        if self.cells:
            self.cells[-1] += text.replace("\n", " ")
        elif self.cells is None:
            self.out.append(text)


def llms(name: str, description: str, twins_: dict[str, str]) -> str:
    """llms.txt (llmstxt.org): what the site is, its main pages as Markdown, and its data."""
    top = [path for path in twins_ if path.count("/") <= 1 and path != "index.html.md"]
    lines = [f"# {name}", "", f"> {description}", "", "## Pages", ""]
    lines += [f"- [{_title(twins_[path], path)}]({path})" for path in sorted(top)]
    lines += ["- Each paper: `papers/{id}/index.html.md`", "", "## Data", ""]
    data = {
        "api/index.json": "the files of the API",
        "api/papers.json": "every paper with its evidence, published numbers and verdicts",
        "api/leaderboards.json": "published numbers by test, with ranks",
        "exports/kb.json": "all records in one document",
        "exports/kb.sqlite": "the same as a database",
        "exports/papers.bib": "BibTeX",
    }
    lines += [f"- [{path}]({path}): {what}" for path, what in data.items()]
    lines += ["- One paper: `api/papers/{id}.json`, or `api/arxiv/{arXiv id}.json`"]
    return "\n".join(lines) + "\n"


def _title(twin: str, path: str) -> str:
    found = re.search(r"^# (.+)$", twin, re.MULTILINE)
    return re.sub(r"[\[\]]", "", found[1]).strip() if found else path.split("/", maxsplit=1)[0]
