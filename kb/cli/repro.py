"""Commands of measuring: reproduce a model, evaluate embeddings, show the evidence."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kb.cli import measuring, runs
from kb.cli.options import Json, Root, emit, emit_json, need_extra, say
from kb.cli.runs import (
    ExecutionOptions,
    checked_config,
    checked_name,
    named_files,
    named_folders,
    named_probe,
    numbers,
    raise_failures,
)
from kb.records.errors import Exit, KBError

if TYPE_CHECKING:
    from kb.records import Library

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
By = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", envvar="KB_BY", help="Who runs it, for the record [the knowledge base]."
    ),
]
TowerFolder = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="Pre-trained tower to start from, in the Hub's format (clip4clip)."
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Change a setting of the recipe: learning_rate=1e-4."
    ),
]
ProbeName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="In probe worlds, one per seed: plain, plain+regions, MECHANISM:LEVEL."
    ),
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
    data: Annotated[
        str | None,
        typer.Option(
            help="A dataset, real or synthetic [diorama-msrvtt, or one with what the model reads]."
        ),
    ] = None,
    root: Annotated[Path | None, typer.Option("--root", help="Folder of a real dataset.")] = None,
    vectors: Vectors = None,
    size: Size = None,
    protocol: Annotated[str, typer.Option(help="Test protocol: full, 1k-A, ...")] = "full",
    seed: Annotated[
        str | None, typer.Option(metavar="N[,N..]", help="One run per seed [0].")
    ] = None,
    variant: Annotated[str, typer.Option(help="A named variant of the model.")] = "full",
    device: Device = "auto",
    precision: Precision = None,
    engine: Engine = "local",
    address: Address = None,
    jobs: Jobs = 1,
    budget: Budget = None,
    epochs: Epochs = None,
    settings: Settings = None,
    probe: ProbeName = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Evaluate official weights instead of training."),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Only show what is recorded.")] = False,
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
    tower: TowerFolder = None,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Train the baseline on real data too.")
    ] = False,
    by: By = None,
    json: Json = False,
) -> None:
    """Train a recorded run anew and tell whether it is reproduced; or train, evaluate and record.

    With the model alone: a recorded run, of a claim or else of the synthetic benchmark, is trained
    again, nothing is recorded, and the exit code is 1 if the result is not within the 95 % prediction
    interval of the recorded runs (of a single one: within its own 95 % interval). With --data,
    --size, --seed, --variant, --protocol, --epochs, --precision, --set, --probe or --checkpoint, and
    for models without recorded runs: new runs, recorded and compared with the paper's numbers.
    """
    options = ExecutionOptions(engine, address, jobs, budget)
    options.check(precision)
    from kb.records import Library  # noqa: PLC0415

    asked = (data, size, seed, epochs, checkpoint, precision, root, config, tower, settings, probe)
    plain = variant == "full" and protocol == "full" and all(one is None for one in asked)
    if show or (plain and model != "all"):
        recorded = runs.recorded(Library.open(), model)
        if recorded is not None:
            runs.reproduce(recorded, options, device, show=show, json=json)
            return
        if show:
            raise KBError(f"nothing is recorded of {model}", hint=f"kb repro {model} --seed 0")
    from kb.repro import models, recipe_settings, table, towers  # noqa: PLC0415
    from kb.repro.reproduce import Request  # noqa: PLC0415

    changed = recipe_settings.parse(settings)
    world = None if probe is None else named_probe(probe, size, data)
    names = models.names() if model == "all" else [model]
    requests = [
        Request(
            model=name,
            data=data,
            root=root,
            vectors=named_files(vectors),
            size=size,
            protocol=protocol,
            seeds=numbers(seed or "0"),
            variant=variant,
            device=device,
            epochs=epochs,
            precision=precision,
            settings=changed,
            probe=world,
            trial=world is not None,
            checkpoint=checkpoint,
            features=named_folders(features),
            config=checked_config(config),
            limit_videos=limit_videos,
            tower=None if tower is None else towers.open_tower(tower),
            baseline=baseline,
            by=checked_name(by),
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
    worlds: Annotated[int, typer.Option(help="Worlds for --run: 6, or 12.")] = 6,
    main: Annotated[bool, typer.Option("--main", help="Only each paper's main claim.")] = False,
    claim: Annotated[
        str | None, typer.Option(metavar="ID", help="Only the claim of this id.")
    ] = None,
    root: Root = None,
    size: Annotated[
        str, typer.Option(help="Of the worlds: small; tiny only tries the command.")
    ] = "small",
    device: Device = "auto",
    precision: Precision = None,
    engine: Engine = "local",
    address: Address = None,
    jobs: Jobs = 1,
    budget: Budget = None,
    by: By = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 if the opposite of a claim is shown.")
    ] = False,
    error_rates: Annotated[
        bool,
        typer.Option(
            "--error-rates",
            help="Simulate how often verdicts are wrong, with the deviations measured.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Test the claims of papers in probe worlds, each variant in the same ones.

    --run makes the missing runs first: learning rates are chosen, then every variant is trained.
    """
    need_extra("numpy", "jaxtyping", "torch") if run else need_extra("numpy")
    from kb.records import Library  # noqa: PLC0415

    library = Library.open(root)
    if error_rates:
        _error_rates(library, json)
        return
    done: list[dict[str, Any]] | None = []
    if run:
        options = ExecutionOptions(engine, address, jobs, budget)
        options.check(precision)
        from kb.repro import claim_runs  # noqa: PLC0415
        from kb.repro.reproduce import Request  # noqa: PLC0415

        done = options.run_with(
            library,
            lambda reproduce: claim_runs.missing(
                library,
                model,
                partial(Request, device=device, precision=precision, by=checked_name(by)),
                reproduce,
                worlds=claim_runs.worlds_of(worlds),
                size=size,
                wanted=lambda one: claim in (None, one.id) and (one.main or not main),
                by=checked_name(by),
                say=say,
            ),
        )
    if done is None:
        return
    from kb.repro import claims_text, side_by_side  # noqa: PLC0415

    verdicts = side_by_side.document(library, model, size)
    verdicts = [
        row for row in verdicts if claim in (None, row["claim"]) and (row["main"] or not main)
    ]
    if claim is not None and not verdicts:
        raise KBError(f"no claim of {model} is called {claim!r}", hint="kb claims lists them")
    emit_json(verdicts) if json else emit(claims_text.text(verdicts))
    raise_failures(done)
    if strict and any(row["verdict"] == "opposite" for row in verdicts):
        raise typer.Exit(Exit.FINDINGS)


def _error_rates(library: "Library", json: bool) -> None:
    """Simulate, keep and print the shares of wrong verdicts."""
    need_extra("numpy", "scipy")
    from kb.cli.data import progress_bar  # noqa: PLC0415
    from kb.repro import error_rates as room  # noqa: PLC0415

    with progress_bar() as progress:
        rates = room.write(library, progress)
    emit_json(rates.model_dump(mode="json")) if json else emit(room.text(rates))


def status(root: Root = None, json: Json = False) -> None:
    """Show the evidence level of each paper and of each dataset with a model."""
    from kb.records import Library, evidence  # noqa: PLC0415

    document = evidence.document(Library.open(root))
    emit_json(document) if json else emit(evidence.text(document))
