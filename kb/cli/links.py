"""`kb links`: check the links of the records or of a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kb.cli.options import Json, Root, emit, emit_json, say
from kb.records.errors import Exit, KBError

if TYPE_CHECKING:
    from kb.links.check import LinkReport
    from kb.links.sources import ListedLink
    from kb.records import Library

LONGEST = 100 * 365 * 86_400.0  # seconds; longer spans are typing errors
LIST = "README.md"


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("links")(links)


def links(
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Only these records.")
    ] = None,
    *,
    file: Annotated[
        Path | None, typer.Option("--file", help="Check the links of this Markdown file instead.")
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            "--only", metavar="KIND", help="Only links of this kind: paper, code, homepage ..."
        ),
    ] = None,
    max_age: Annotated[
        str, typer.Option(metavar="SPAN", help="Reuse good verdicts younger than this.")
    ] = "7d",
    offline: Annotated[bool, typer.Option("--offline", help="Send no requests.")] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=512, help="Parallel requests.")] = 100,
    timeout: Annotated[float, typer.Option(min=0.1, max=600, help="Seconds per request.")] = 20.0,
    budget: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Stop after this time: 90s, 5m.")
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Write permanent moves into --file or README.md.")
    ] = False,
    strict: Annotated[
        bool, typer.Option(help="Exit 1 also for suspect links and timeouts.")
    ] = False,
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="text, json, markdown, sarif, github")
    ] = "text",
    fragments: Annotated[
        bool,
        typer.Option("--fragments", help="Also check that a link's #anchor exists on its page."),
    ] = False,
    archive: Annotated[
        str | None,
        typer.Option(
            "--archive",
            metavar="look|save",
            help="Also look whether code is in Software Heritage and pages in the Wayback Machine;"
            " save: ask them for what they lack.",
        ),
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Allow loopback and private addresses.")
    ] = False,
    root: Root = None,
    json_: Json = False,
) -> None:
    """Check links and record their verdicts; `dead` needs two failed checks a day apart."""
    from datetime import timedelta  # noqa: PLC0415

    from kb.cli import keeping  # noqa: PLC0415
    from kb.cli.looking import arxiv_exists, look  # noqa: PLC0415
    from kb.links import report  # noqa: PLC0415
    from kb.links.settings import Settings  # noqa: PLC0415

    form = "json" if json_ else form
    if form not in report.FORMATS:
        raise KBError(f"no format {form!r}", hint=f"one of {', '.join(report.FORMATS)}")
    library = open_library(root, needed=file is None or bool(keys))
    path = list_of(library, file)
    selected = chosen(gather(library, keys or [], file), only)
    settings = Settings.from_environment(
        max_age=timedelta(seconds=seconds(max_age, "--max-age")),
        offline=offline,
        concurrency=concurrency,
        timeout=timeout,
        budget=seconds(budget, "--budget") if budget is not None else None,
        allow_private=allow_private,
        fragments=fragments,
        arxiv=arxiv_exists(library),
    )
    keeping.check(archive, settings)
    result = look(selected, library, settings)
    copies = keeping.copies(archive, result, library, settings)
    if form == "json":
        emit_json(report.document(result) | keeping.document(copies))
    else:
        emit(report.render(result, form, named(file, form, library)))
        keeping.show(copies, library)
    if fix:
        rewrite(path, result)
    if result.unsaved is not None:
        raise result.unsaved
    raise typer.Exit(code(result, strict=strict))


def open_library(root: Path | None, *, needed: bool) -> "Library | None":
    """The knowledge base; None if there is none and it is not `needed`."""
    from kb.records import Library  # noqa: PLC0415

    try:
        return Library.open(root)
    except KBError:
        if needed or root is not None:
            raise
        say("no knowledge base here: verdicts will not be saved")
        return None


def list_of(library: "Library | None", file: Path | None) -> Path:
    """The Markdown file to check: `file`, or else the knowledge base's README.md."""
    if file is not None:
        return file
    assert library is not None
    return library.root / LIST


def named(file: Path | None, form: str, library: "Library | None") -> str:
    """The list's name in a report: as on the command line, or for GitHub its repository path."""
    if file is None:
        return LIST
    root = library.root.resolve() if library is not None else Path.cwd()
    if form in {"sarif", "github"} and file.resolve().is_relative_to(root):
        return file.resolve().relative_to(root).as_posix()
    return str(file)


def gather(library: "Library | None", keys: list[str], file: Path | None) -> "list[ListedLink]":
    """The links to check: those of the file, or those of the records."""
    from kb.links import sources  # noqa: PLC0415

    recorded = sources.in_records(library, keys) if library is not None else []
    if file is not None:
        joined = sources.join(sources.in_file(file), recorded)
        return [entry for entry in joined if entry.ids] if keys else joined
    path = list_of(library, None)
    return sources.place(recorded, sources.in_file(path) if path.is_file() else [])


def chosen(links: "list[ListedLink]", only: str | None) -> "list[ListedLink]":
    """The links of one kind, or all; if there are none, stderr lists the kinds that occur."""
    if only is None:
        return links
    selected = [entry for entry in links if only.lower() in entry.kinds]
    if not selected:
        kinds = sorted({kind for entry in links for kind in entry.kinds})
        say(f"there are no {only!r} links; kinds here: {', '.join(kinds[:20]) or 'none'}")
    return selected


def rewrite(path: Path, result: "LinkReport") -> None:
    """Write permanent moves into the list and report each."""
    from kb.links import fix  # noqa: PLC0415

    edits = fix.apply(path, result.results)
    for edit in edits:
        say(f"{path}:{edit.line}:{edit.col}: {edit.old} -> {edit.new}")
    if not edits:
        say(f"{path}: no permanent moves")


def seconds(text: str, option: str) -> float:
    """The seconds of `7d`, `5m`, `1m30s` or `90`."""
    from kb.links.pace import span  # noqa: PLC0415

    value = span(text)
    if value is None or value > LONGEST:
        raise KBError(f"{option}: invalid time span {text!r}", hint="write 90, 90s, 5m, 12h or 7d")
    return value


def code(report: "LinkReport", *, strict: bool) -> int:
    """The exit code of a run."""
    from kb.links.report import failing  # noqa: PLC0415

    if report.interrupted:
        return Exit.INTERRUPTED
    if report.unreachable:
        return Exit.UNREACHABLE
    return Exit.FINDINGS if failing(report, strict=strict) else Exit.CLEAN
