"""Commands of measuring: reproduce a model, evaluate embeddings, show the evidence."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from kb.cli import measuring
from kb.cli.options import Json, Root, emit, emit_json, need_extra
from kb.cli.runs import ExecutionOptions, named_files, numbers, raise_failures
from kb.records.errors import Exit

Size = Annotated[str | None, typer.Option(help="tiny, small or full, of a synthetic dataset.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Precision = Annotated[
    str | None, typer.Option(help="float32, bf16 or fp16 while training [the recipe's].")
]
Engine = Annotated[str, typer.Option(help="local: processes of this machine; ray: a cluster.")]
Address = Annotated[str | None, typer.Option(metavar="HOST:PORT", help="A running Ray cluster.")]
Jobs = Annotated[int, typer.Option(min=1, help="Runs side by side.")]
Budget = Annotated[
    str | None, typer.Option(metavar="9m", help="Stop cleanly before this much time.")
]
Vectors = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=FILE", help="Text vectors of real data: w2v=FILE, bert=FILE."),
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")]


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("repro")(repro)
    app.command("claims")(claims)
    app.command("eval")(measuring.evaluate)
    app.command("status")(status)


def repro(
    model: Annotated[str, typer.Argument(help="A model, the id of its paper, or all.")],
    data: Annotated[str, typer.Option(help="A dataset, real or synthetic.")] = "diorama-msrvtt",
    root: Annotated[Path | None, typer.Option("--root", help="The folder of real data.")] = None,
    vectors: Vectors = None,
    size: Size = None,
    protocol: Annotated[str, typer.Option(help="Test protocol: full, 1k-A, ...")] = "full",
    seed: Annotated[str, typer.Option(metavar="N[,N..]", help="One run a seed.")] = "0",
    variant: Annotated[str, typer.Option(help="A named change to the model.")] = "full",
    device: Device = "auto",
    precision: Precision = None,
    engine: Engine = "local",
    address: Address = None,
    jobs: Jobs = 1,
    budget: Budget = None,
    epochs: Epochs = None,
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Evaluate official weights.")
    ] = None,
    json: Json = False,
) -> None:
    """Train and evaluate a model, record the runs, show them beside the paper's numbers."""
    way = ExecutionOptions(engine, address, jobs, budget)
    way.check(precision)
    from kb.records import Library  # noqa: PLC0415
    from kb.repro import models, table  # noqa: PLC0415
    from kb.repro.reproduce import Request  # noqa: PLC0415

    names = models.names() if model == "all" else [model]
    requests = [
        Request(
            model=name,
            data=data,
            root=root,
            vectors=named_files(vectors),
            size=size,
            protocol=protocol,
            seeds=numbers(seed),
            variant=variant,
            device=device,
            epochs=epochs,
            precision=precision,
            checkpoint=checkpoint,
        )
        for name in names
    ]
    found = way.made(Library.open(), requests)
    if found is None:
        return
    if json:
        emit_json(found if model == "all" else found[0])
    else:
        for document in found:
            table.show(document)
    raise_failures(found)


def claims(
    model: Annotated[str, typer.Argument(help="A model, the id of its paper, or all.")] = "all",
    run: Annotated[bool, typer.Option("--run", help="Make the runs that are missing.")] = False,
    seeds: Annotated[int, typer.Option(min=2, help="How many, with --run.")] = 5,
    root: Root = None,
    size: Size = None,
    device: Device = "auto",
    precision: Precision = None,
    engine: Engine = "local",
    address: Address = None,
    jobs: Jobs = 1,
    budget: Budget = None,
    epochs: Epochs = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 where a claim fails.")] = False,
    json: Json = False,
) -> None:
    """Hold what papers claim against runs of their variants, paired by seed.

    With --run the missing runs are made first; size, device, engine and budget are for them.
    """
    need_extra("numpy", "jaxtyping", "torch") if run else need_extra("numpy")
    from kb.records import Library  # noqa: PLC0415

    library = Library.open(root)
    done: list[dict[str, Any]] | None = []
    if run:
        way = ExecutionOptions(engine, address, jobs, budget)
        way.check(precision)
        from kb.repro.reproduce import Request, claim_requests  # noqa: PLC0415

        make = partial(Request, size=size, device=device, precision=precision, epochs=epochs)
        done = way.made(library, claim_requests(library, model, make=make, seeds=seeds))
    if done is None:
        return
    from kb.repro import claims as room  # noqa: PLC0415

    found = room.document(library, model)
    emit_json(found) if json else emit(room.text(found))
    raise_failures(done)
    if strict and any(row["verdict"] == "fails" for row in found):
        raise typer.Exit(Exit.FINDINGS)


def status(root: Root = None, json: Json = False) -> None:
    """Show how far the evidence reaches, for each paper and each model that came with a dataset."""
    from kb.records import Library, evidence  # noqa: PLC0415

    found = evidence.document(Library.open(root))
    emit_json(found) if json else emit(evidence.text(found))
