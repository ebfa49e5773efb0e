"""Commands on model files: begin one from its record, and check one against the contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kb.cli.options import Root, emit, need_extra, say
from kb.records.errors import KBError

if TYPE_CHECKING:
    from kb.records.audit import AuditFinding
    from kb.records.library import Library


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("new")(new)


def new(
    key: Annotated[str, typer.Argument(metavar="KEY", help="A paper's id, or its model's name.")],
    model: Annotated[
        str | None, typer.Option("--model", help="Name of the model, if the record has none.")
    ] = None,
    root: Root = None,
) -> None:
    """Write the files of a new model: model, test, parity adapter, claim stub."""
    from kb.records.begin import begin  # noqa: PLC0415
    from kb.records.library import find_root  # noqa: PLC0415

    made = begin(root if root is not None else find_root(), key, model)
    emit("\n".join(made.lines()))


def check_models(library: Library, files: list[str]) -> list[AuditFinding]:
    """What each file lacks; those that pass are recorded in data/checked.json."""
    from kb.records.audit import AuditFinding  # noqa: PLC0415

    names = [name for file in files if (name := _name(library.root, file)) is not None]
    need_extra("torch", "numpy", "jaxtyping")
    import torch  # noqa: PLC0415

    from kb.records.modelfile import ModelFile  # noqa: PLC0415
    from kb.repro import model_package  # noqa: PLC0415
    from kb.repro.contract_check import wanted  # noqa: PLC0415

    torch.set_num_threads(1)  # toy sizes: more threads are slower
    model_package.use(library.root)
    findings = []
    for name in names:
        if len(names) > 1:
            say(f"{name} ...")
        lacks = wanted(ModelFile(library.root, name))
        findings += [
            AuditFinding("contract", lack.where, lack.message, lack.hint) for lack in lacks
        ]
    return findings


def _name(root: Path, file: str) -> str | None:
    """The model's name of a file or a name; None for private files such as `models/__init__.py`."""
    path = Path(file)
    if path.suffix != ".py":
        return file
    there = path if path.is_file() else root / path
    if there.resolve().parent != root.resolve() / "models":
        raise KBError(
            "no model's file", where=file, hint="name models/x.py of the knowledge base in use"
        )
    return None if path.stem.startswith("_") else path.stem.replace("_", "-")
