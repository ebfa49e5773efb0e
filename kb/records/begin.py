"""`kb new`: the files of a new model, from its paper's record."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from kb.records import atomic, blocks, store
from kb.records.errors import KBError
from kb.records.library import Library
from kb.records.modelfile import ModelFile
from kb.records.schema import Dataset, Paper

if TYPE_CHECKING:
    from pathlib import Path

KEY = r"[a-z][a-z0-9-]{1,63}"  # so that Python can import it


@dataclass
class Begun:
    """Files written and files that exist already, as paths of the knowledge base."""

    written: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """One line each."""
        left = [f"{name} exists already, unchanged" for name in self.there]
        return [*(f"wrote {name}" for name in self.written), *left, *self.notes]


def begin(root: Path, key: str, model: str | None = None) -> Begun:
    """Write those of model, test, parity adapter and claim stub that are missing.

    `key` is a paper's id, its model's name, or the id of a dataset whose paper brings a model.
    Nothing that exists is changed. Raises KBError for an unknown key or an unusable name.
    """
    with Library.editing(root) as library:
        record = _record(library, key)
        name = _name(library, record, model)
        if isinstance(record, Paper) and record.model is None:
            record.model = name
            library.save()
        file, begun = ModelFile(root, name), Begun()
        values = _values(record, file)
        for path, template in _wanted(root, file):
            _write(root, path, _filled(template, values), begun)
        if not (root / "tests" / "parity" / "cases.py").is_file():
            begun.notes.append("no parity adapter: there is no tests/parity here")
        if not record.claims:
            _claim(root, record, begun)
    begun.notes.append(f"`kb check {file.path}` lists what it still needs")
    return begun


def _record(library: Library, key: str) -> Paper | Dataset:
    for dataset in library.datasets:
        if key in (dataset.id, *dataset.aliases):
            return dataset
    return library.paper(key)


def _name(library: Library, record: Paper | Dataset, wanted: str | None) -> str:
    """The model's name: the record's, or else `wanted`."""
    own = record.id if isinstance(record, Dataset) else record.model
    if own is None and wanted is None:
        raise KBError(
            f"{record.id} has no model's name yet", hint=f"kb new {record.id} --model NAME"
        )
    if own is not None and wanted not in (None, own):
        raise KBError(f"the model of {record.id} is called {own}", hint="names do not change")
    name = own or str(wanted)
    if not re.fullmatch(KEY, name):
        raise KBError(f"{name!r} cannot name a model", hint="a-z first, then a-z, 0-9 and -")
    others: list[Paper | Dataset] = [*library.papers, *library.datasets]
    for other in others:
        model = other.model if isinstance(other, Paper) else None
        if other.id != record.id and name in (other.id, model, *other.aliases):
            raise KBError(f"{name} is a key of {other.id}", hint="choose another name")
    return name


def _wanted(root: Path, file: ModelFile) -> list[tuple[str, str]]:
    """(path, template) of each file."""
    adapter = (root / "tests" / "parity" / "cases.py").is_file()
    rows = [(file.path, "model"), (file.test, "test")]
    return [*rows, (file.adapter, "parity")] if adapter else rows


def _values(record: Paper | Dataset, file: ModelFile) -> dict[str, str]:
    """The values of the templates; none can end the docstring that contains it."""
    surnames = [_surname(author) for author in record.authors]
    cite = surnames[0] if surnames else record.id
    if len(surnames) > 1 or record.et_al:
        cite += " et al."
    codes = sorted(
        (link for link in record.links if link.kind == "code"), key=lambda one: not one.official
    )
    values = {
        "name": record.title.split(":")[0],
        "citation": f'{", ".join(surnames) or "?"}{" et al" * record.et_al}. "{record.title}."',
        "cite": f"{cite} {record.year or ''}".strip(),
        "place": f"{record.venue or '?'} {record.year or ''}".strip() + ".",
        "file": "papers.yaml" if isinstance(record, Paper) else "datasets.yaml",
        "id": record.id,
        "stem": file.name.replace("-", "_"),
        "class": "".join(part.capitalize() for part in file.name.split("-")),
        "code": codes[0].url if codes else "the official code",
    }
    return {key: value.replace("\\", "/").replace('"""', "'''") for key, value in values.items()}


def _surname(author: str) -> str:
    """The last word of a name, with the particles before it: van Heron."""
    words = author.split()
    small = [place for place, word in enumerate(words) if word[0].islower()]
    return " ".join(words[min(small, default=len(words) - 1) :])


def _filled(template: str, values: dict[str, str]) -> str:
    text = (files("kb.records") / "scaffold" / f"{template}.txt").read_text(encoding="utf-8")
    return Template(text).substitute(values)


def _write(root: Path, path: str, text: str, begun: Begun) -> None:
    if (root / path).exists():
        begun.there.append(path)
    else:
        atomic.write(root / path, text.encode("utf-8"))
        begun.written.append(path)


def _claim(root: Path, record: Paper | Dataset, begun: Begun) -> None:
    """Write the stub of a claim as comments above the record: nothing is claimed yet."""
    kind = "papers" if isinstance(record, Paper) else "datasets"
    file = store.RecordFile(root / "data" / f"{kind}.yaml")
    stub = _filled("claim", {"id": record.id})
    if stub in file.source.text:
        begun.there.append(f"the stub of a claim in data/{kind}.yaml")
        return
    ids = [item["id"] for item in file.document[kind]]
    section = next(one for one in blocks.split(file.source.text) if one.key == kind)
    block = section.blocks[ids.index(record.id)]
    at = block.start - 1 + block.depth
    lines = file.source.text.split("\n")
    lines[at:at] = stub.rstrip("\n").split("\n")
    atomic.write(file.path, file.source.encode("\n".join(lines)))
    begun.written.append(f"the stub of a claim in data/{kind}.yaml")
