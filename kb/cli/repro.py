"""Commands of measuring: reproduce a model, evaluate embeddings, show the evidence."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from kb.cli import measuring
from kb.cli.options import Json, Root, emit, emit_json, need_extra
from kb.cli.runs import (
    ExecutionOptions,
    checked_config,
    named_files,
    named_folders,
    numbers,
    raise_failures,
)
from kb.records.errors import Exit

Size = Annotated[str | None, typer.Option(help="tiny, small or full, of a synthetic dataset.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Precision = Annotated[
    str | None, typer.Option(help="float32, bf16 or fp16 while training [the recipe's].")
]
Engine = Annotated[str, typer.Option(help="local: processes of this machine; ray: a cluster.")]
Address = Annotated[str | None, typer.Option(metavar="HOST:PORT", help="A running Ray cluster.")]
Jobs = Annotated[int, typer.Option(min=1, help="Parallel runs.")]
Budget = Annotated[
    str | None, typer.Option(metavar="9m", help="Stop cleanly before this time is over.")
]
Vectors = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=FILE", help="Text vectors of real data: w2v=FILE, bert=FILE."),
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Number of epochs [the recipe's].")]


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("repro")(repro)
    app.command("claims")(claims)
    app.command("eval")(measuring.evaluate)
    app.command("status")(status)


def repro(
    model: Annotated[str, typer.Argument(help="A model, the id of its paper, or all.")],
    data: Annotated[str, typer.Option(help="A dataset, real or synthetic.")] = "diorama-msrvtt",
    root: Annotated[Path | None, typer.Option("--root", help="Folder of a real dataset.")] = None,
    vectors: Vectors = None,
    size: Size = None,
    protocol: Annotated[str, typer.Option(help="Test protocol: full, 1k-A, ...")] = "full",
    seed: Annotated[str, typer.Option(metavar="N[,N..]", help="One run per seed.")] = "0",
    variant: Annotated[str, typer.Option(help="A named variant of the model.")] = "full",
    device: Device = "auto",
    precision: Precision = None,
    engine: Engine = "local",
    address: Address = None,
    jobs: Jobs = 1,
    budget: Budget = None,
    epochs: Epochs = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Evaluate official weights instead of training."),
    ] = None,
    features: Annotated[
        list[str] | None,
        typer.Option(metavar="EXPERT=FOLDER", help="Features of real data: frames=resnet152."),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(help="small or published configuration of the model [by the data's size]."),
    ] = None,
    limit_videos: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Videos of each split, of real data.")
    ] = None,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Train the baseline on real data too.")
    ] = False,
    json: Json = False,
) -> None:
    """Train and evaluate a model, record the runs, compare them with the paper's numbers."""
    options = ExecutionOptions(engine, address, jobs, budget)
    options.check(precision)
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
            features=named_folders(features),
            config=checked_config(config),
            limit_videos=limit_videos,
            baseline=baseline,
        )
        for name in names
    ]
    documents = options.run(Library.open(), requests)
    if documents is None:
        return
    if json:
        emit_json(documents if model == "all" else documents[0])
    else:
        for document in documents:
            table.show(document)
    raise_failures(documents)


def claims(
    model: Annotated[str, typer.Argument(help="A model, the id of its paper, or all.")] = "all",
    run: Annotated[bool, typer.Option("--run", help="Make the missing runs first.")] = False,
    seeds: Annotated[int, typer.Option(min=2, help="Number of seeds for --run.")] = 5,
    root: Root = None,
    size: Size = None,
    device: Device = "auto",
    precision: Precision = None,
    engine: Engine = "local",
    address: Address = None,
    jobs: Jobs = 1,
    budget: Budget = None,
    epochs: Epochs = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 if a claim fails.")] = False,
    json: Json = False,
) -> None:
    """Test the claims of papers on runs of their variants, paired by seed.

    --run makes the missing runs first; size, device, engine and budget apply to these.
    """
    need_extra("numpy", "jaxtyping", "torch") if run else need_extra("numpy")
    from kb.records import Library  # noqa: PLC0415

    library = Library.open(root)
    done: list[dict[str, Any]] | None = []
    if run:
        options = ExecutionOptions(engine, address, jobs, budget)
        options.check(precision)
        from kb.repro.reproduce import Request, claim_requests  # noqa: PLC0415

        make = partial(Request, size=size, device=device, precision=precision, epochs=epochs)
        done = options.run(library, claim_requests(library, model, make=make, seeds=seeds))
    if done is None:
        return
    from kb.repro import claims as room  # noqa: PLC0415

    verdicts = room.document(library, model)
    emit_json(verdicts) if json else emit(room.text(verdicts))
    raise_failures(done)
    if strict and any(row["verdict"] == "fails" for row in verdicts):
        raise typer.Exit(Exit.FINDINGS)


def status(root: Root = None, json: Json = False) -> None:
    """Show the evidence level of each paper and of each dataset with a model."""
    from kb.records import Library, evidence  # noqa: PLC0415

    document = evidence.document(Library.open(root))
    emit_json(document) if json else emit(evidence.text(document))
