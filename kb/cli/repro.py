"""Commands of measuring: reproduce a model, evaluate embeddings, show the evidence."""

from pathlib import Path
from typing import Annotated

import typer

from kb.cli import measuring
from kb.cli.measuring import need_extra
from kb.cli.options import Json, Root, emit, emit_json
from kb.records.errors import Exit, KBError


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("repro")(repro)
    app.command("claims")(claims)
    app.command("eval")(measuring.evaluate)
    app.command("status")(status)


def repro(
    model: Annotated[str, typer.Argument(help="A model, the id of its paper, or all.")],
    data: Annotated[str, typer.Option(help="A data set or a staging.")] = "diorama-msrvtt",
    root: Annotated[Path | None, typer.Option("--root", help="The folder of real data.")] = None,
    size: Annotated[str | None, typer.Option(help="tiny, small or full, of a staging.")] = None,
    seed: Annotated[str, typer.Option(metavar="N[,N..]", help="One run a seed.")] = "0",
    variant: Annotated[str, typer.Option(help="A named change to the model.")] = "full",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    engine: Annotated[str, typer.Option(help="local: processes of this machine.")] = "local",
    jobs: Annotated[int, typer.Option(min=1, help="Runs side by side.")] = 1,
    budget: Annotated[
        str | None, typer.Option(metavar="9m", help="Stop cleanly before this much time.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Evaluate official weights.")
    ] = None,
    json: Json = False,
) -> None:
    """Train and evaluate a model, record the runs, show them beside the paper's numbers."""
    if engine != "local":
        raise KBError(f"no engine is called {engine!r}", mend="choose local")
    need_extra("numpy", "jaxtyping", "torch")
    from kb.records import Library  # noqa: PLC0415
    from kb.repro import budget as time  # noqa: PLC0415
    from kb.repro import models, table  # noqa: PLC0415
    from kb.repro.progress import reporter  # noqa: PLC0415
    from kb.repro.reproduce import Request, reproduce  # noqa: PLC0415

    library = Library.open()
    names = models.names() if model == "all" else [model]
    found = []
    with reporter() as told:
        for name in names:
            request = Request(
                model=name,
                data=data,
                root=root,
                size=size,
                seeds=seeds(seed),
                variant=variant,
                device=device,
                jobs=jobs,
                budget=time.seconds(budget),
                epochs=epochs,
                checkpoint=checkpoint,
            )
            found.append(reproduce(library, request, told))
    if json:
        emit_json(found if model == "all" else found[0])
        return
    for document in found:
        table.show(document)


def seeds(text: str) -> tuple[int, ...]:
    """The seeds of `0,1,2`, each once."""
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise KBError(f"{text!r} names no seeds", mend="write 0 or 0,1,2") from error
    if any(not 0 <= seed < 1 << 63 for seed in found):
        raise KBError("a seed is negative or too large", mend="write 0 or 0,1,2")
    return tuple(dict.fromkeys(found))


def claims(
    model: Annotated[str, typer.Argument(help="A model, the id of its paper, or all.")] = "all",
    run: Annotated[bool, typer.Option("--run", help="Make the runs that are missing.")] = False,
    seeds: Annotated[int, typer.Option(min=2, help="How many, with --run.")] = 5,
    size: Annotated[str | None, typer.Option(help="tiny, small or full, with --run.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Runs side by side.")] = 1,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 where a claim fails.")] = False,
    json: Json = False,
) -> None:
    """Hold what papers claim against runs of their variants, paired by seed."""
    need_extra("numpy", "jaxtyping", "torch") if run else need_extra("numpy")
    from kb.records import Library  # noqa: PLC0415
    from kb.repro import claims as room  # noqa: PLC0415

    library = Library.open()
    if run:
        from kb.repro.progress import reporter  # noqa: PLC0415
        from kb.repro.reproduce import run_claims  # noqa: PLC0415

        with reporter() as told:
            run_claims(library, model, told, seeds=seeds, size=size, jobs=jobs)
    found = room.document(library, model)
    emit_json(found) if json else emit(room.text(found))
    if strict and any(row["verdict"] == "fails" for row in found):
        raise typer.Exit(Exit.FINDINGS)


def status(root: Root = None, json: Json = False) -> None:
    """Show how far the evidence for each paper reaches."""
    from kb.records import Library, evidence  # noqa: PLC0415

    found = evidence.document(Library.open(root))
    emit_json(found) if json else emit(evidence.text(found))
