"""The files that a page is made from: a model's, with the line of each equation, and records'."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kb.records import Library
from kb.records.equations import Equation, Trace, trace
from kb.records.errors import KBError
from kb.records.modelfile import SHARED

_FIRST = re.compile(r"^( {0,4})- id: ", re.MULTILINE)  # of a file of records


@dataclass
class Model:
    """A model's file as the page of its paper shows it."""

    name: str
    path: str
    lines: list[str]
    trace: Trace
    source: str | None  # address of the file at the built commit
    fault: str | None = None  # the reason why its equations cannot be shown
    release: str | None = None  # path of what the released code does differently
    quirks: list[Equation] = field(default_factory=list)

    def address(self, part: str = "") -> str | None:
        """What a line's number completes to a link; None: the part's lines are shown nowhere."""
        if self.source is None:
            return None if part else "#line-"
        return (
            f"{self.source.removesuffix(self.path)}models/{part}#L" if part else f"{self.source}#L"
        )


def addresses(library: Library) -> dict[str, str]:
    """The page of each model, from the root: its paper's, or that of the dataset it came with."""
    there = {paper.model: f"papers/{paper.id}/" for paper in library.papers if paper.model}
    brought = {one.id: f"benchmarks/{one.id}/" for one in library.datasets if one.claims}
    return brought | there


def model(root: Path, name: str, source_url: str | None) -> Model | None:
    """The file of model `name`; None if it does not exist."""
    path = f"models/{name.replace('-', '_')}.py"
    if not name or not (root / path).is_file():
        return None
    source = (root / path).read_text(encoding="utf-8", errors="replace")
    address = f"{source_url.rstrip('/')}/{path}" if source_url else None
    shown = Model(name, path, source.splitlines(), Trace(), address)
    released = path.replace("models/", "models/official/")
    try:
        shown.trace = trace(source, path, SHARED)
        if (root / released).is_file():
            text = (root / released).read_text(encoding="utf-8", errors="replace")
            shown.release, shown.quirks = released, trace(text, released).quirks
    except KBError as error:
        shown.fault = str(error)
    return shown


@dataclass
class Origins:
    """The files of one knowledge base, each read once."""

    root: Path
    _read: dict[str, dict[str, int]] = field(default_factory=dict)

    def of(self, file: str, id_: str, model: str | None = None) -> dict[str, Any]:
        """`source`, `line` and `model_file` for a page's front matter; what is absent is left out.

        file: from the root, with `/`; id_: of the record; model: the name of its model.
        """
        if file not in self._read:
            self._read[file] = _lines(self.root / file)
        code = f"models/{model.replace('-', '_')}.py" if model else ""
        matter: dict[str, Any] = {"source": file, "line": self._read[file].get(id_)}
        matter |= {"model_file": code} if code and (self.root / code).is_file() else {}
        return {name: value for name, value in matter.items() if value}


def _lines(path: Path) -> dict[str, int]:
    """The line on which each record begins, by its id; empty where records are written otherwise."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    first = _FIRST.search(text)
    if first is None:
        return {}
    start = f"{first[1]}- id: "
    return {
        line.removeprefix(start).strip().strip("'\""): number
        for number, line in enumerate(text.split("\n"), 1)
        if line.startswith(start)
    }
