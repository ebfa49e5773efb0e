"""Commands on records: sync, show, list, check, init, schema."""

from __future__ import annotations

import os
import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kb.cli.options import Json, Root, emit, emit_json, need_extra, say
from kb.records.errors import Exit, KBError

if TYPE_CHECKING:
    from kb.records import Library


class Side(str, Enum):
    """The side that wins conflicts: the record (ours) or the list (theirs)."""

    ours = "ours"
    theirs = "theirs"


class Kind(str, Enum):
    """Kinds of records."""

    paper = "paper"
    dataset = "dataset"
    implementation = "implementation"
    toolkit = "toolkit"


class Status(str, Enum):
    """Whether a record is in the list."""

    active = "active"
    removed = "removed"
    withdrawn = "withdrawn"


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    for command in (init, sync, show, check, schema):
        app.command()(command)
    app.command("list")(list_)


def sync(
    file: Annotated[str, typer.Argument(metavar="FILE|URL", help="The list, as Markdown.")],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if out of date.")
    ] = False,
    resolve: Annotated[
        Side | None, typer.Option(help="Resolve conflicts with the record or the list.")
    ] = None,
    allow_removals: Annotated[
        bool, typer.Option("--allow-removals", help="Allow many records to leave the list at once.")
    ] = False,
    same: Annotated[
        list[str] | None,
        typer.Option(metavar="NEW=OLD", help="NEW is the record OLD, which keeps its id."),
    ] = None,
    root: Root = None,
    json: Json = False,
) -> None:
    """Merge the list into the records (three-way); ids stay and nothing is deleted."""
    from kb.sync.engine import Options  # noqa: PLC0415
    from kb.sync.engine import sync as merge  # noqa: PLC0415

    side: Any = resolve.value if resolve else None
    options = Options(not check, side, allow_removals, tuple(same or ()))
    report = merge(_root_for(file, root), file, options, load=_load)
    if json:
        emit_json(report.as_json())
    else:
        emit("\n".join(report.lines()))
    for note in report.notes():
        say(f"kb: {note}")
    if check and report.outdated:
        say(f"kb: out of date: {', '.join(report.outdated)}; run `kb sync {file}`")
    raise typer.Exit(report.exit_code(check=check))


def _load(source: str) -> bytes:
    """The bytes of a list at a path or an address."""
    from kb.sync.engine import LARGEST, load  # noqa: PLC0415

    if not re.match(r"https?://", source, re.IGNORECASE):
        return load(source)
    from kb.links.document import Reader  # noqa: PLC0415  (slow, and a local file needs none)

    return Reader(LARGEST).read(source)


def _root_for(file: str, root: Path | None) -> Path:
    """The knowledge base to merge into; without one, the list's folder becomes one."""
    from kb.records.library import find_root  # noqa: PLC0415

    if root is not None:
        return root
    try:
        return find_root()
    except KBError:
        if "://" in file:
            raise
        return Path(file).resolve().parent


def show(
    key: Annotated[str, typer.Argument(metavar="ID|MODEL", help="A record's id, model or alias.")],
    root: Root = None,
    json: Json = False,
) -> None:
    """Show a record with its published results and its measured runs."""
    from kb.records import Library, views  # noqa: PLC0415

    view = views.one(Library.open(root), key)
    if json:
        emit_json(view)
    else:
        emit(views.text(view))


def list_(
    *,
    kind: Annotated[Kind, typer.Option(help="Which records.")] = Kind.paper,
    venue: Annotated[str | None, typer.Option(help="Short name of the venue.")] = None,
    year: Annotated[str | None, typer.Option(help="A year, or from-to: 2018-2020.")] = None,
    author: Annotated[str | None, typer.Option(help="Part of an author's name.")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Only papers with results on this dataset.")
    ] = None,
    section: Annotated[str | None, typer.Option(help="Part of the section's path.")] = None,
    model: Annotated[str | None, typer.Option(help="The method's name.")] = None,
    has_code: Annotated[
        bool | None, typer.Option("--has-code/--no-code", help="With or without a code link.")
    ] = None,
    status: Annotated[Status | None, typer.Option(help="active, removed or withdrawn.")] = None,
    root: Root = None,
    json: Json = False,
) -> None:
    """List records; options filter them."""
    from kb.records import Library, views  # noqa: PLC0415

    wanted = views.Wanted(
        venue=venue,
        years=views.years(year),
        author=author,
        dataset=dataset,
        section=section,
        model=model,
        has_code=has_code,
        status=status.value if status else None,
    )
    rows = views.many(Library.open(root), kind.value, wanted)
    if json:
        emit_json(rows)
        return
    emit("\n".join(map(views.row, rows)) or "none")


def check(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[models/x.py|ID]..", help="Models to check; with --pdf, papers."),
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Rewrite the files in canonical form.")
    ] = False,
    same_code: Annotated[
        bool,
        typer.Option(
            "--same-code", help="First run again what older code measured, and note equal numbers."
        ),
    ] = False,
    recompute_intervals: Annotated[
        bool,
        typer.Option(
            "--recompute-intervals", help="First recompute the intervals of runs from their ranks."
        ),
    ] = False,
    pdf: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Find published numbers in this PDF: their pages."),
    ] = None,
    root: Root = None,
    json: Json = False,
) -> None:
    """Check records, models, tests and results, or what a model file lacks."""
    from kb.records import Library, audit  # noqa: PLC0415

    if pdf is not None:
        _quotes(Library.open(root), pdf, files or [], json=json)
    if recompute_intervals:
        _recompute(Library.open(root))
    if same_code:
        _same_code(Library.open(root))
    if files:
        from kb.cli.modelling import check_models  # noqa: PLC0415

        findings = check_models(Library.open(root), files)
    else:
        if fix:
            with Library.editing(root) as library:
                audit.canonicalise(library)
        findings = audit.audit(Library.open(root))
    if json:
        emit_json([vars(finding) for finding in findings])
    else:
        emit("\n".join(finding.line() for finding in findings) or "clean")
    raise typer.Exit(Exit.FINDINGS if findings else Exit.CLEAN)


def _quotes(library: Library, pdf: Path, papers: list[str], *, json: bool) -> None:
    """Show which rows of published numbers stand in a PDF. Exits 1 where one does not."""
    from kb.records import quotes  # noqa: PLC0415

    places = quotes.check(library, pdf, papers)
    matched = sum(place.ok for place in places)
    if json:
        emit_json([place.as_json() for place in places])
    elif places:
        lines = [place.line() for place in sorted(places, key=lambda one: (one.ok, one.page or 0))]
        emit("\n".join([*lines, f"{matched} of {len(places)} rows found"]))
    else:
        emit("no published number of this knowledge base stands in it")
    complete = bool(places) and matched == len(places)
    raise typer.Exit(Exit.CLEAN if complete else Exit.FINDINGS)


def _same_code(library: Library) -> None:
    """Show that today's code gives the numbers of runs by older code."""
    need_extra("numpy", "jaxtyping", "torch")
    from kb.repro import progress, same_code  # noqa: PLC0415

    with progress.reporter() as reporter:
        same, due = same_code.show(library, reporter, say)
    say(f"{same} of {due} changes of code gave the same numbers")


def _recompute(library: Library) -> None:
    need_extra("numpy", "torch")
    from kb.cli.data import progress_bar  # noqa: PLC0415
    from kb.repro import intervals  # noqa: PLC0415

    with progress_bar() as progress:
        changed, runs = intervals.recompute(library, progress)
    say(f"kb: intervals of {changed:,} of {runs:,} runs changed")


def schema(
    kind: Annotated[str, typer.Argument(help="papers, datasets or published.")] = "papers",
) -> None:
    """Print the JSON Schema of a records file, for editors."""
    from kb.records.jsonschema import schema as of  # noqa: PLC0415

    emit_json(of(kind))


def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where.")] = Path(),
    list_file: Annotated[
        str | None, typer.Option("--list", metavar="FILE|URL", help="The initial list.")
    ] = None,
    json: Json = False,
) -> None:
    """Make a knowledge base from a list: DIR/README.md, or the list of --list."""
    from kb.sync.begin import begin  # noqa: PLC0415

    report, made = begin(folder, list_file, load=_load)
    if json:
        emit_json({"root": os.fspath(folder), "made": made, **(report.as_json() if report else {})})
        return
    emit("\n".join([f"made {name}" for name in made] + ([report.summary()] if report else [])))
    for note in report.notes() if report else ():
        say(f"kb: {note}")
