"""A model's file and its test, read as text: what keeps it a draft. Nothing is imported or run."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import tokenize
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import kb
from kb.records import atomic, equations, plainfile
from kb.records.errors import KBError

if TYPE_CHECKING:
    from collections.abc import Iterator

_KB = Path(kb.__file__).resolve().parent
_WHEEL = _KB / "_models"  # where setup.py puts what lies in models/ of a checkout
SHARED = _WHEEL if _WHEEL.is_dir() else _KB.parent / "models"  # parts/ of every model, official/
CHECKED = "checked.json"  # in data/: model -> digest of the code that passed the shared checks


@dataclass(frozen=True)
class Lack:
    """What a model's file still lacks: where, what, and how to add it."""

    where: str
    message: str
    hint: str
    of_checks: bool = False  # only that the shared checks have not been run on this code


class ModelFile:
    """models/<key>.py of one knowledge base, with the test file that belongs to it."""

    def __init__(self, root: Path, name: str) -> None:
        self.root, self.name = root, name
        stem = name.replace("-", "_")
        self.path, self.test = f"models/{stem}.py", f"tests/models/test_{stem}.py"
        self.adapter = f"tests/parity/{stem}.py"

    @property
    def exists(self) -> bool:
        """Whether somebody has begun to write it."""
        return (self.root / self.path).is_file()

    @cached_property
    def source(self) -> str:
        """Its text; an undecodable byte is a replacement character."""
        return plainfile.text(self.root / self.path)

    @cached_property
    def lacks(self) -> list[Lack]:
        """Why it is drafted and not implemented; empty where it is."""
        try:
            lacks = [*self._of_header(), *self._of_tests()]
        except KBError as error:
            where = self.path if error.line is None else f"{self.path}:{error.line}"
            return [Lack(where, error.what, "correct the file")]
        return [*lacks, *self._of_checks()]

    def _of_header(self) -> Iterator[Lack]:
        """The header declares equations and departures, and comments cite each of them."""
        trace = equations.trace(self.source, self.path, SHARED)
        places = equations.functions(self.source)
        if not trace.equations:
            hint = (
                "a section `Equations` of the header: (1), (a) or §3.2, what it says, where it is"
            )
            yield Lack(self.path, "the header declares no equation", hint)
        if not trace.sections["Departures"]:
            hint = "a section `Departures`: D1, D2, ... or `Departures: none`"
            yield Lack(self.path, "the header declares no departures from the paper", hint)
        for row in (*trace.equations, *trace.departures, *trace.quirks):
            if not row.says.strip(". "):
                yield Lack(self.path, f"{row.number} of the header has no text", "describe it")
            if row.place and not row.part and row.place not in places:
                hint = "name the method that computes it: Class.method"
                yield Lack(self.path, f"{row.place} of {row.number} is not in the file", hint)
            if not row.lines:
                where = f"models/{row.part}" if row.part else self.path
                message = f"no comment of {where} cites {row.number} of the header"
                hint = f"end the line that does it with `# {_citation(row.number)}`"
                yield Lack(self.path, message, hint)
        for label, lines in trace.undeclared.items():
            message = f"a comment cites {label}, which the header does not declare"
            yield Lack(f"{self.path}:{lines[0]}", message, "add it to the header")

    def _of_tests(self) -> Iterator[Lack]:
        """A test file of its own names every equation."""
        file = self.root / self.test
        if not file.is_file():
            hint = f"write {self.test}: each equation longhand"
            yield Lack(self.path, "it has no test file", hint)
            return
        try:
            named = equations.named(plainfile.text(file))
        except KBError as error:
            yield Lack(self.test, error.what, "correct the file")
            return
        named = {label.replace("?", "") for label in named}
        for row in equations.trace(self.source, self.path).equations:
            if row.number.replace("?", "") not in named:
                hint = "name it in the docstring of the test that computes it longhand"
                yield Lack(self.test, f"no test names equation {row.number}", hint)

    def _of_checks(self) -> Iterator[Lack]:
        """The code as it is has passed the shared checks on a toy batch."""
        recorded = checked(self.root).get(self.name)
        if recorded != digest(self.source):
            message = "it has not passed the shared checks on a toy batch"
            if recorded is not None:
                message = "its code changed since it passed the shared checks"
            yield Lack(self.path, message, f"run `kb check {self.path}`", of_checks=True)


def _citation(label: str) -> str:
    return f"Eq. {label}" if label.startswith("(") else label


def model_files(root: Path) -> list[ModelFile]:
    """Every model file of a knowledge base, by name."""
    stems = sorted(path.stem for path in (root / "models").glob("*.py") if path.is_file())
    names = [stem.replace("_", "-") for stem in stems if stem.isidentifier() and stem[0] != "_"]
    return [ModelFile(root, name) for name in names]


def checked(root: Path) -> dict[str, str]:
    """Model -> digest of the code that passed the shared checks; empty where none has.

    Raises KBError where the file is damaged.
    """
    path = root / "data" / CHECKED
    if not path.is_file():
        return {}
    hint = "remove it and run `kb check models/*.py`"
    recorded = plainfile.read_json(path, "the record of checks", hint)
    if not isinstance(recorded, dict):
        raise KBError("not the record of checks", where=path, hint="restore it from git")
    return {str(name): str(code) for name, code in recorded.items()}


def record_checked(root: Path, name: str, source: str) -> None:
    """Remember that this code has passed the shared checks."""
    with atomic.locked(root / "data"):
        recorded = checked(root) | {name: digest(source)}
        there = {file.name for file in model_files(root)}
        rows = {key: code for key, code in sorted(recorded.items()) if key in there}
        text = json.dumps(rows, indent=1) + "\n"
        atomic.write(root / "data" / CHECKED, text.encode("ascii"))


def digest(source: str) -> str:
    """Of the code alone: comments, docstrings and blank lines change nothing. 16 hex digits."""
    return hashlib.sha256(code(source).encode("utf-8")).hexdigest()[:16]


@lru_cache(256)
def code(source: str) -> str:
    """The text without comments, docstrings and blank lines; as it is where it is not Python."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    try:
        tree = equations.tree(source)
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (KBError, SyntaxError, ValueError, tokenize.TokenError):
        return source
    lines = source.split("\n")
    for token in tokens:
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for first, last in _docstrings(tree):
        lines[first - 1 : last] = [""] * (last - first + 1)
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, int]]:
    """First and last line of every docstring that stands on lines of its own."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None:
            text, *rest = node.body
            last = text.end_lineno or text.lineno
            above = 0 if isinstance(node, ast.Module) else node.lineno
            if above < text.lineno and not (rest and rest[0].lineno == last):
                yield text.lineno, last
