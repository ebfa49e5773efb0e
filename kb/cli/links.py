"""`kb links`: look at the links of the records or of a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kb.cli.options import Json, Root, emit, emit_json, say
from kb.records.errors import Exit, KBError

if TYPE_CHECKING:
    from kb.links.arxiv import Exists
    from kb.links.check import Report, Tell
    from kb.links.history import History
    from kb.links.settings import Settings
    from kb.links.sources import Found
    from kb.records import Library

INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("links")(links)


def links(
    keys: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Only these.")] = None,
    *,
    file: Annotated[
        Path | None, typer.Option("--file", help="The links of this Markdown file instead.")
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", metavar="KIND", help="paper, code, homepage ...")
    ] = None,
    max_age: Annotated[
        str, typer.Option(metavar="SPAN", help="Believe what was found so recently.")
    ] = "7d",
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody.")] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=512, help="Requests at once.")] = 64,
    timeout: Annotated[float, typer.Option(min=0.1, max=600, help="Seconds for a request.")] = 20.0,
    budget: Annotated[
        str | None, typer.Option(metavar="SPAN", help="End after this long: 90s, 5m.")
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Write moves into --file.")] = False,
    strict: Annotated[bool, typer.Option(help="Exit 1 for suspects and timeouts too.")] = False,
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="text, json, markdown, sarif, github")
    ] = "text",
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Ask loopback and private addresses too.")
    ] = False,
    root: Root = None,
    json_: Json = False,
) -> None:
    """Check links; moved ones can be rewritten, `dead` takes two looks a day apart."""
    from datetime import timedelta  # noqa: PLC0415

    from kb.links import fix as fixes  # noqa: PLC0415
    from kb.links import report  # noqa: PLC0415
    from kb.links.settings import Settings  # noqa: PLC0415

    form = "json" if json_ else form
    if form not in report.FORMATS:
        raise KBError(f"no format {form!r}", mend=f"one of {', '.join(report.FORMATS)}")
    if fix and file is None:
        raise KBError("--fix needs a file to write", mend="name it with --file README.md")
    library = open_library(root, needed=file is None)
    found = gather(library, keys or [], file)
    if only is not None:
        found = [entry for entry in found if only in entry.kinds]
    settings = Settings.from_environment(
        max_age=timedelta(seconds=seconds(max_age, "--max-age")),
        offline=offline,
        concurrency=concurrency,
        timeout=timeout,
        budget=seconds(budget, "--budget") if budget is not None else None,
        allow_private=allow_private,
        arxiv=arxiv_exists(library),
    )
    result = look(found, library, settings)
    name = str(file) if file is not None else "README.md"
    if form == "json":
        emit_json(report.document(result))
    else:
        emit(report.render(result, form, name))
    if fix and file is not None:
        for edit in fixes.apply(file, result.results):
            say(f"{file}:{edit.line}:{edit.col}: {edit.old} -> {edit.new}")
    raise typer.Exit(code(result, strict=strict))


def open_library(root: Path | None, *, needed: bool) -> "Library | None":
    """The knowledge base; None where there is none and a file can do without."""
    from kb.records import Library  # noqa: PLC0415

    try:
        return Library.open(root)
    except KBError:
        if needed or root is not None:
            raise
        say("no knowledge base here: nothing will be remembered")
        return None


def gather(library: "Library | None", keys: list[str], file: Path | None) -> "list[Found]":
    """The links to look at: those of the file, or those of the records."""
    from kb.links import sources  # noqa: PLC0415

    recorded = sources.in_records(library, keys) if library is not None else []
    if file is not None:
        joined = sources.join(sources.in_file(file), recorded)
        return [entry for entry in joined if entry.ids] if keys else joined
    assert library is not None
    standing = library.root / "README.md"
    return sources.place(recorded, sources.in_file(standing) if standing.is_file() else [])


def look(found: "list[Found]", library: "Library | None", settings: "Settings") -> "Report":
    """Look at the links, with a bar on a terminal."""
    from kb.links.check import check  # noqa: PLC0415
    from kb.links.policy import Policy  # noqa: PLC0415

    data = library.data if library is not None else None
    policy, history = Policy.load(data), history_of(library)
    with bar(len(found)) as tell:
        report = check(found, history, policy, settings, tell=tell)
    if report.unreachable:
        say("no network: nothing was held against any link")
    if report.interrupted:
        say("interrupted; what was found is kept")
    return report


def history_of(library: "Library | None") -> "History":
    """What is remembered of links."""
    from kb.links.history import History  # noqa: PLC0415

    return History.load(library.data / "links.json" if library is not None else None)


class bar:  # noqa: N801  (used as a context manager, like rich's own)
    """A progress bar on stderr where that is a terminal; silent elsewhere."""

    def __init__(self, total: int) -> None:
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

        console = Console(stderr=True)
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        self.progress = Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        )
        self.task = self.progress.add_task("links", total=total)

    def __enter__(self) -> "Tell":
        self.progress.start()
        return lambda done, _total, result: self.progress.update(
            self.task, completed=done, description=f"{result.verdict.value} {result.url[:60]}"
        )

    def __exit__(self, *_: object) -> None:
        self.progress.stop()


def seconds(text: str, option: str) -> float:
    """The seconds of `7d`, `5m`, `1m30s` or `90`."""
    from kb.links.waiting import span  # noqa: PLC0415

    value = span(text)
    if value is None:
        raise KBError(f"{option} cannot be {text!r}", mend="write 90, 90s, 5m, 12h or 7d")
    return value


def arxiv_exists(library: "Library | None") -> "Exists":
    """How arXiv is asked which papers exist: through `kb enrich`'s polite line and its cache."""

    def exists(identifiers: list[str]) -> dict[str, bool]:
        from platformdirs import user_cache_path  # noqa: PLC0415

        from kb.enrich.arxiv import Arxiv, Cache, endpoint  # noqa: PLC0415

        require_name(endpoint())
        folder = library.data if library is not None else user_cache_path("kb")
        cache = Cache(folder / "arxiv.json")
        Arxiv(cache).fetch(identifiers)
        return {key: cache.get(key) is not None for key in identifiers if cache.fresh(key)}

    return exists


def require_name(address: str) -> None:
    """Without a network say so at once, rather than after every retry."""
    from kb.links.guard import LookupFailedError, NoSuchNameError, system_resolver  # noqa: PLC0415
    from kb.links.urls import parse  # noqa: PLC0415

    target = parse(address)
    try:
        system_resolver(target.host, target.port)
    except (LookupFailedError, NoSuchNameError) as error:
        raise KBError(str(error), code=Exit.UNREACHABLE) from error


def code(report: "Report", *, strict: bool) -> int:
    """The exit code of a run."""
    from kb.links.report import failing  # noqa: PLC0415

    if report.interrupted:
        return INTERRUPTED
    if report.unreachable:
        return Exit.UNREACHABLE
    return Exit.FINDINGS if failing(report, strict=strict) else Exit.CLEAN
