"""`kb data`: list datasets, generate synthetic ones, fetch or check real ones."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from kb.cli.options import Json, emit, emit_json, need_extra, say
from kb.records.errors import Exit, KBError
from kb.records.wording import counted

LAYOUTS = "published, bigfile, clip4clip, mmt or howto100m."
FEATURES = """Annotations lie in DIR or at most two folders below; features at most three, in any of
these forms: a folder of VIDEO.npy or VIDEO.npz; a BigFile (feature.bin, id.txt, shape.txt); HDF5
with a dataset per video; a pickle or .pth of {video: array}. Archives are not opened."""
Progress = Callable[[str, int, int], None]
Data = Annotated[Path | None, typer.Option("--root", help="Folder of the dataset.")]


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    group = typer.Typer(help="Datasets: list, generate, fetch, check.", no_args_is_help=True)
    group.command("list")(list_)
    group.command("show")(show)
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


def show(name: Annotated[str, typer.Argument(help="A dataset of `kb data list`.")]) -> None:
    """Show what a real dataset is: its files, protocols, sources and what comes next."""
    from kb.datasets import sources  # noqa: PLC0415
    from kb.datasets.readers.registry import READERS  # noqa: PLC0415

    if name not in READERS:
        raise KBError(f"{name} is no real dataset", hint=f"one of: {', '.join(READERS)}")
    reader = READERS[name]
    protocols = f"Protocols: {', '.join(reader.protocols)}."
    emit(f"{reader.description}\n{protocols}\n\n{FEATURES}\n\n{sources.source(name).text()}")
    emit(f"next: kb data check {name} --root DIR")


def make(
    name: Annotated[str, typer.Argument(help="A synthetic dataset, such as diorama-msrvtt.")],
    size: Annotated[str, typer.Option(help="tiny, small or full.")] = "small",
    seed: Annotated[int, typer.Option(help="Seed of the generated world.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Target folder [default: the cache].")] = None,
    mechanism: Annotated[
        str | None, typer.Option(help="Of diorama-probe: the fact that is switched.")
    ] = None,
    level: Annotated[
        str | None, typer.Option(help="Of diorama-probe: absent, present or twins.")
    ] = None,
    layout: Annotated[str, typer.Option(help=LAYOUTS)] = "published",
    root: Annotated[
        Path | None, typer.Option("--root", help="A real dataset to write in another layout.")
    ] = None,
) -> None:
    """Generate a synthetic dataset, or write a dataset in another layout."""
    from kb import datasets  # noqa: PLC0415

    if name == "diorama-probe" or mechanism or level:
        _make_probe(name, mechanism, level, size, seed, out)
        return
    with progress_bar() as progress:
        if layout == "published":
            emit(str(_made(name, size, seed, out, progress)))
            return
        if out is None:
            raise KBError("--layout needs a target folder", hint="add --out DIR")
        corpus, pixels = datasets.catalogue.with_pixels(
            name, size=size, seed=seed, root=root, progress=progress
        )
        emit(str(datasets.catalogue.write_layout(corpus, layout, out, pixels, progress)))


def _make_probe(
    name: str, mechanism: str | None, level: str | None, size: str, seed: int, out: Path | None
) -> None:
    """Generate a probe world and print its folder."""
    from kb.datasets import catalogue  # noqa: PLC0415
    from kb.datasets.synthetic import probes  # noqa: PLC0415

    if name != probes.NAME:
        raise KBError(f"{name} has no mechanisms", hint=f"kb data make {probes.NAME}")
    if mechanism is None:
        hint = f"add --mechanism {', '.join(probes.MECHANISMS)}"
        raise KBError("a probe world needs a mechanism", hint=hint)
    chosen = level or list(probes.mechanism(mechanism).levels)[-1]
    with progress_bar() as progress:
        probe = probes.Probe(mechanism, chosen, seed, size=size)
        emit(str(catalogue.make_probe(probe, out=out, progress=progress)))


def _made(name: str, size: str, seed: int, out: Path | None, progress: Progress | None) -> Path:
    """The folder of a synthetic dataset; reports how many videos exist already."""
    from kb import datasets  # noqa: PLC0415

    present, total = datasets.catalogue.standing(name, size=size, seed=seed, out=out)
    if present:
        say(f"resuming: {present:,} of {counted(total, 'video')} exist")
    return datasets.make(name, size=size, seed=seed, out=out, progress=progress)


def check(
    name: Annotated[str, typer.Argument(help="A dataset of `kb data list`.")],
    root: Data = None,
    protocol: Annotated[str, typer.Option(help="full, or another of `kb data list`.")] = "full",
    json: Json = False,
) -> None:
    """Compare a dataset's files with the published counts."""
    from kb.datasets import inventory  # noqa: PLC0415

    report = inventory.take(name, root, protocol)
    if json:
        emit_json(report.plain())
    else:
        emit(report.text())
    raise typer.Exit(Exit.CLEAN if report.whole else Exit.FINDINGS)


def fetch(
    name: Annotated[str, typer.Argument(help="A real dataset of `kb data list`.")],
    out: Annotated[Path | None, typer.Option(help="Target folder [default: ./NAME].")] = None,
    sources: Annotated[
        Path | None, typer.Option(help="Another catalogue of sources, such as a mirror.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print the sources and the licence.")
    ] = False,
    json: Json = False,
) -> None:
    """Download the published files of a dataset; resumes, verifies SHA-256, unpacks safely."""
    from kb.datasets import sources as room  # noqa: PLC0415

    source = room.source(name, sources or room.CATALOGUE)
    say(source.text())
    if dry_run:
        return
    with progress_bar() as progress:
        result = room.fetch(source, out or Path(name), progress or (lambda *_: None))
    for file in result.files[: room.LISTED]:
        unverified = "" if file.verified else ", unverified: no published checksum"
        say(f"{file.path}: {file.bytes:,} bytes, sha256 {file.sha256}{unverified}")
    if len(result.files) > room.LISTED:
        verified = sum(file.verified for file in result.files)
        say(f"{counted(len(result.files), 'file')}, {verified:,} of them verified by their sha256")
    if json:
        emit_json(result.plain())
    else:
        emit(result.folder)
        say(f"next: kb data check {name} --root {result.folder}")


def measure(
    name: Annotated[str, typer.Argument(help="A synthetic dataset, or all.")] = "all",
    size: Annotated[str, typer.Option(help="tiny, small or full.")] = "small",
    seed: Annotated[int, typer.Option(help="Seed of the generated world.")] = 0,
    json: Json = False,
) -> None:
    """Measure chance, baseline, oracle and minimal pairs of a synthetic dataset, and record them.

    Writes data/worlds.json and a contact sheet in site/assets/worlds.
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
    worlds.read(data)  # raises for a broken file before the work starts
    rows = []
    for one in names:
        with progress_bar() as progress:
            row = room.measure(one, size=size, seed=seed, progress=progress or (lambda *_: None))
        worlds.record(data, row)
        picture = library.root / "site" / "assets" / worlds.picture(row)
        picture.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(picture, contact_sheet.contact_sheet(datasets.make(one, size=size, seed=seed)))
        rows.append(row)
        points = {who: "{} {:.4g}".format(*point.headline) for who, point in row.points.items()}
        say(f"{one} {size}: {', '.join(f'{who} {score}' for who, score in points.items())}")
    if json:
        emit_json([row.model_dump(mode="json", exclude_none=True) for row in rows])
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
