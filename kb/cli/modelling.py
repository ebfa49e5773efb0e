"""Commands on model files: what the contract wants of one, and a new one from its record."""

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
        str | None, typer.Option("--model", help="The name, where the record has none yet.")
    ] = None,
    root: Root = None,
) -> None:
    """Begin a model from its paper's record: model, test, parity adapter, stub of a claim."""
    from kb.records.begin import begin  # noqa: PLC0415
    from kb.records.library import find_root  # noqa: PLC0415

    made = begin(root if root is not None else find_root(), key, model)
    emit("\n".join(made.lines()))


def check_models(library: Library, files: list[str]) -> list[AuditFinding]:
    """What the contract wants of each file; those that pass are recorded in data/checked.json."""
    from kb.records.audit import AuditFinding  # noqa: PLC0415

    names = [name for file in files if (name := _name(library.root, file)) is not None]
    need_extra("torch", "numpy", "jaxtyping")
    import torch  # noqa: PLC0415

    from kb.records.modelfile import ModelFile  # noqa: PLC0415
    from kb.repro import model_package  # noqa: PLC0415
    from kb.repro.contract_check import wanted  # noqa: PLC0415

    torch.set_num_threads(1)  # toy sizes: two threads crawl where others want the cores
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
    """The model of a file, or of a name; None for what `models/*.py` names besides models."""
    path = Path(file)
    if path.suffix != ".py":
        return file
    there = path if path.is_file() else root / path
    if there.resolve().parent != root.resolve() / "models":
        raise KBError(
            "no model's file", where=file, hint="name models/x.py of the knowledge base in use"
        )
    return None if path.stem.startswith("_") else path.stem.replace("_", "-")
