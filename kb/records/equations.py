"""Equation -> line: what a model file's header declares and where its comments cite it.

Read from the source text; nothing is imported or run. A header section begins at the margin with
`Equations`, `Departures` or `Quirks` and ends at a blank line; its rows are indented, a label
first: `(3)`, `(3?)` while nobody has held the number against the paper, `(a)` for a step that the
paper tells without a number, `§3.2`, `D1`, `Q1`. A comment cites a label at the end of the line
that does it: `# Eq. (3)`, `# §3.2`, `# D1`.

An equation that a part computes names the part, `parts.multilevel.MultiLevel.windows`, and is cited
in that function of models/parts/multilevel.py. Where the part cites the numbers of another paper,
its number follows: `parts.multilevel.MultiLevel.windows (4)`.
"""

import ast
import io
import itertools
import re
import tokenize
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from kb.records import plainfile
from kb.records.errors import KBError

EQUATION = r"\((?:\d+[a-z]?\??|[a-z])\)|§\d+(?:\.\d+)*"
PART = re.compile(rf"parts\.(?P<module>\w+)\.(?P<name>[\w.]+)(?: (?P<label>{EQUATION}))?")
LARGEST = 4 << 20  # characters of a model's file
_KEPT = 256  # texts whose reading is remembered: several commands ask for the same files again
LABEL = {"Equations": EQUATION, "Departures": r"D\d+", "Quirks": r"Q\d+"}
RANGE = re.compile(r"\((\d{1,3})\)\s*(?:to|-|\u2013)\s*\((\d{1,3})\)")
GAP = re.compile(r"\s{2,}")  # between what an equation says and where it stands


@dataclass
class Equation:
    """One label of a header: an equation, a departure or a quirk."""

    number: str  # (1), (1?), (a), §3.2, D1, Q1
    says: str
    place: str  # GatedUnit.forward, parts.netvlad.NetVLAD.forward; empty for departures and quirks
    lines: list[int] = field(default_factory=list)  # 1-based, where a comment cites it
    part: str = ""  # file of those lines, below models/: parts/netvlad.py; empty: the model's own


@dataclass
class Trace:
    """The labels of one model file, in the header's order."""

    equations: list[Equation] = field(default_factory=list)
    departures: list[Equation] = field(default_factory=list)
    quirks: list[Equation] = field(default_factory=list)
    # cited in a comment, absent from the header
    undeclared: dict[str, list[int]] = field(default_factory=dict)
    # whether the header has a section Equations, Departures, Quirks, empty or not
    sections: dict[str, bool] = field(default_factory=dict)

    @property
    def unchecked(self) -> list[str]:
        """Equation numbers nobody has held against the paper yet."""
        return [equation.number for equation in self.equations if "?" in equation.number]

    @property
    def unnumbered(self) -> list[str]:
        """Steps that the paper tells without a number."""
        return [one.number for one in self.equations if re.fullmatch(r"\([a-z]\)", one.number)]


def trace(source: str, where: Path | str | None = None, models: Path | None = None) -> Trace:
    """Trace a model file's text; `models` is the folder whose parts/ its header names.

    A part or a function that is not there leaves its equation without a line. KBError, one line,
    where a file is not Python.
    """
    header, held = _read(source, where)
    cited = {label: [*lines] for label, lines in held.items()}
    sections = {name: _rows(header, name) for name in LABEL}
    for rows in sections.values():
        for row in rows:
            if part := PART.fullmatch(row.place):
                row.part = f"parts/{part['module']}.py"
                row.lines = _lines_in_part(models, part, row.number)
            else:
                row.lines = cited.pop(row.number, [])
    there = {name: re.search(rf"^{name}\b", header, re.MULTILINE) is not None for name in LABEL}
    equations, departures, quirks = sections.values()
    return Trace(equations, departures, quirks, undeclared=cited, sections=there)


@lru_cache(_KEPT)
def functions(source: str) -> dict[str, tuple[int, int]]:
    """Name of every function, `Class.method` in a class -> its first and last line."""
    spans: dict[str, tuple[int, int]] = {}
    waiting: list[tuple[str, ast.AST]] = [("", tree(source))]
    while waiting:
        prefix, parent = waiting.pop()
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, ast.ClassDef):
                waiting.append((f"{prefix}{node.name}.", node))
            elif isinstance(node, ast.FunctionDef):
                spans[f"{prefix}{node.name}"] = (node.lineno, node.end_lineno or node.lineno)
    return spans


def tree(source: str, where: Path | str | None = None) -> ast.Module:
    """The syntax tree of a file. KBError where it is not Python, too large, or nested too deep."""
    if len(source) > LARGEST:
        raise KBError(f"longer than {LARGEST:,} characters", where=where)
    try:
        return ast.parse(source)
    except (
        RecursionError,
        MemoryError,
    ) as error:  # what Python's parser makes of a deep expression
        raise KBError("nested too deep to be read", where=where) from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        reason = getattr(error, "msg", error)
        raise KBError(f"not Python: {reason}", where=where, line=line) from error


@lru_cache(_KEPT)
def _read(source: str, where: Path | str | None) -> tuple[str, dict[str, list[int]]]:
    """Header and citations of a file."""
    header = ast.get_docstring(tree(source, where)) or ""
    try:
        return header, citations(source)
    except (SyntaxError, ValueError, tokenize.TokenError) as error:
        line = getattr(error, "lineno", None)
        reason = getattr(error, "msg", error)
        raise KBError(f"not Python: {reason}", where=where, line=line) from error


def _lines_in_part(models: Path | None, part: re.Match[str], number: str) -> list[int]:
    """Lines of the part's function that cite the equation."""
    path = models / "parts" / f"{part['module']}.py" if models else None
    if path is None or not path.is_file():
        return []
    source = plainfile.text(path)
    _, cited = _read(source, path)
    first, last = functions(source).get(part["name"], (0, 0))
    return [n for n in cited.get(part["label"] or number, []) if first <= n <= last]


def citations(source: str) -> dict[str, list[int]]:
    """Labels cited in comments -> the lines that carry them."""
    lines: dict[str, list[int]] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            for label in _cited_in(token.string):
                lines.setdefault(label, []).append(token.start[0])
    return lines


@lru_cache(_KEPT)
def named(source: str) -> set[str]:
    """Labels that the comments and strings of a test file name; `(4) to (6)` names (5) too.

    KBError where the text is not Python.
    """
    labels: set[str] = set()
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (SyntaxError, tokenize.TokenError) as error:
        raise KBError(f"not Python: {error}") from error
    for token in tokens:
        if token.type in {tokenize.COMMENT, tokenize.STRING}:
            labels.update(re.findall(EQUATION, token.string))
            for first, last in RANGE.findall(token.string):
                labels.update(f"({number})" for number in range(int(first), int(last) + 1))
    return labels


def _cited_in(comment: str) -> list[str]:
    equations = re.findall(EQUATION, comment) if "Eq." in comment or "§" in comment else []
    return equations + re.findall(r"\b[DQ]\d+\b", comment)


def _rows(header: str, section: str) -> list[Equation]:
    """The rows of one header section; a line without a label continues the one before."""
    label = LABEL[section]
    rows: list[Equation] = []
    last: list[Equation] = []  # what the latest labels gave
    for line in _section(header, section):
        if re.match(rf"\s+(?:{label})(?!\w)", line):
            last = _entries(line.strip(), label, section)
            rows += last
        else:
            for row in last:
                row.says += f" {line.strip()}"
    return rows


def _section(header: str, name: str) -> list[str]:
    """The indented lines under a heading, which may itself run over several lines."""
    lines = iter(header.splitlines())
    heading = next((line for line in lines if re.match(rf"{name}\b", line)), None)
    if heading is None:
        return []
    block = itertools.takewhile(str.strip, lines)
    return [line for line in block if line[0].isspace()]


def _entries(row: str, label: str, section: str) -> list[Equation]:
    """One row's labels with what they say: `(1) (2)  gated unit   GatedUnit.forward`."""
    head = re.match(rf"(?:(?:{label}),?\s*)+", row)
    assert head is not None  # the row was found by its label
    parts = GAP.split(row[head.end() :].strip())
    place = parts.pop() if section == "Equations" and len(parts) > 1 else ""
    return [Equation(one, " ".join(parts), place) for one in re.findall(label, head.group())]
