"""`kb data`: what datasets there are, generate one, fetch or check a real one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from kb.cli.options import Json, emit, emit_json, need_extra, say
from kb.records.errors import Exit, KBError

LAYOUTS = "published, or as code bases read it: bigfile, clip4clip, mmt, howto100m."
Progress = Callable[[str, int, int], None]
Data = Annotated[Path | None, typer.Option("--root", help="The folder of the dataset.")]


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    group = typer.Typer(help="Datasets: list, generate, fetch, check.", no_args_is_help=True)
    group.command("list")(list_)
    group.command("make")(make)
    group.command("check")(check)
    group.command("fetch")(fetch)
    group.command("measure")(measure)
    app.add_typer(group, name="data", help="Datasets: list, generate, fetch, check.")


def list_(json: Json = False) -> None:
    """List the datasets that can be generated or read."""
    from kb import datasets  # noqa: PLC0415  (numpy is slow to load)

    if json:
        emit_json(datasets.catalogue.listing())
        return
    for row in datasets.catalogue.listing():
        emit(f"{row['name']:<19} {row['kind']:<10} {row['about']}")


def make(
    name: Annotated[str, typer.Argument(help="A synthetic dataset, such as diorama-msrvtt.")],
    size: Annotated[str, typer.Option(help="tiny, small or full.")] = "small",
    seed: Annotated[int, typer.Option(help="Another seed is another world.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Where to; the cache if absent.")] = None,
    layout: Annotated[str, typer.Option(help=LAYOUTS)] = "published",
    root: Annotated[
        Path | None, typer.Option("--root", help="A real dataset to write in another layout.")
    ] = None,
) -> None:
    """Generate a dataset of the synthetic benchmark, once; or write a dataset in another layout."""
    from kb import datasets  # noqa: PLC0415

    with progress_bar() as progress:
        if layout == "published":
            emit(str(_made(name, size, seed, out, progress)))
            return
        if out is None:
            raise KBError("a layout needs a place", hint="--out names a new folder for it")
        corpus, pixels = datasets.catalogue.with_pixels(
            name, size=size, seed=seed, root=root, progress=progress
        )
        emit(str(datasets.catalogue.write_layout(corpus, layout, out, pixels, progress)))


def _made(name: str, size: str, seed: int, out: Path | None, progress: Progress | None) -> Path:
    """The folder of a synthetic dataset; says how much of it was there."""
    from kb import datasets  # noqa: PLC0415

    there, of = datasets.catalogue.standing(name, size=size, seed=seed, out=out)
    if there:
        say(f"{there:,} of {of:,} videos are there; resuming")
    return datasets.make(name, size=size, seed=seed, out=out, progress=progress)


def check(
    name: Annotated[str, typer.Argument(help="A dataset of `kb data list`.")],
    root: Data = None,
    protocol: Annotated[str, typer.Option(help="full, or another of `kb data list`.")] = "full",
    json: Json = False,
) -> None:
    """Say what is there of a dataset, against the published counts."""
    from kb.datasets import inventory  # noqa: PLC0415

    report = inventory.take(name, root, protocol)
    if json:
        emit_json(report.plain())
    else:
        emit(report.text())
    raise typer.Exit(Exit.CLEAN if report.whole else Exit.FINDINGS)


def fetch(
    name: Annotated[str, typer.Argument(help="A real dataset of `kb data list`.")],
    out: Annotated[Path | None, typer.Option(help="Where to; ./NAME if absent.")] = None,
    sources: Annotated[
        Path | None, typer.Option(help="Another catalogue of sources, such as a mirror's.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what and where.")] = False,
    json: Json = False,
) -> None:
    """Fetch the published files of a dataset: resumed, checked by SHA-256, unpacked safely."""
    from kb.datasets import sources as room  # noqa: PLC0415

    told = room.source(name, sources or room.CATALOGUE)
    say(told.text())
    if dry_run:
        return
    with progress_bar() as progress:
        result = room.fetch(told, out or Path(name), progress or (lambda *_: None))
    for file in result.files:
        unsure = "" if file.verified else ", no published sum to check it by"
        say(f"{file.path}: {file.bytes:,} bytes, sha256 {file.sha256}{unsure}")
    if json:
        emit_json(result.plain())
    else:
        emit(result.folder)


def measure(
    name: Annotated[str, typer.Argument(help="A synthetic dataset, or all of them.")] = "all",
    size: Annotated[str, typer.Option(help="tiny, small or full.")] = "small",
    seed: Annotated[int, typer.Option(help="Another seed is another world.")] = 0,
    json: Json = False,
) -> None:
    """Measure how hard a synthetic dataset is: chance, baseline, oracle, minimal pairs; record it.

    Its contact sheet goes to site/assets/worlds.
    """
    need_extra("numpy", "torch")
    from kb import datasets  # noqa: PLC0415
    from kb.datasets.synthetic import contact_sheet  # noqa: PLC0415
    from kb.datasets.synthetic.counterparts import COUNTERPARTS  # noqa: PLC0415
    from kb.records import Library, atomic, worlds  # noqa: PLC0415
    from kb.repro import worlds as room  # noqa: PLC0415

    names = sorted(COUNTERPARTS) if name == "all" else [name]
    if not set(names) <= set(COUNTERPARTS):
        raise KBError(
            f"{name} is no synthetic dataset",
            hint=f"one of: all, {', '.join(sorted(COUNTERPARTS))}",
        )
    library = Library.open()
    data = library.data
    worlds.read(data)  # a broken file is told before the work, not after
    found = []
    for one in names:
        with progress_bar() as progress:
            row = room.measure(one, size=size, seed=seed, progress=progress or (lambda *_: None))
        worlds.record(data, row)
        picture = library.root / "site" / "assets" / worlds.picture(row)
        picture.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(picture, contact_sheet.contact_sheet(datasets.make(one, size=size, seed=seed)))
        found.append(row)
        points = {who: "{} {:.4g}".format(*point.headline) for who, point in row.points.items()}
        say(f"{one} {size}: {', '.join(f'{who} {score}' for who, score in points.items())}")
    if json:
        emit_json([row.model_dump(mode="json", exclude_none=True) for row in found])
    else:
        emit(str(worlds.path(data)))


@contextmanager
def progress_bar() -> Iterator[Progress | None]:
    """A bar on stderr, on a terminal only."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress as Bars  # noqa: PLC0415

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with Bars(console=console, transient=True) as bars:
        tasks: dict[str, int] = {}

        def show(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=of)
            bars.update(tasks[what], completed=done)  # type: ignore[arg-type]

        yield show
