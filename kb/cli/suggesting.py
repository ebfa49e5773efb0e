"""`kb suggest`: papers that the list lacks, accepted one by one."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kb.cli.options import Json, Root, emit, emit_json, say
from kb.records.errors import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kb.enrich.candidates import Candidate
    from kb.records import Library, Paper


class Kind(str, Enum):
    """Whose answers propose papers."""

    arxiv = "arxiv"
    openalex = "openalex"


@contextmanager
def status() -> Iterator[Callable[[str], None]]:
    """A status line about the current request, on a terminal only."""
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("one request every three seconds") as status:
        yield lambda text: status.update(escape(text))


def suggest(
    *,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Answers as the service sent them [asks it]."),
    ] = None,
    source: Annotated[Kind, typer.Option(help="Whose answers.")] = Kind.arxiv,
    since: Annotated[
        int | None, typer.Option(help="Papers from this year on [two years back, without FILE].")
    ] = None,
    hold_out: Annotated[
        int | None,
        typer.Option(metavar="YEAR", help="Instead say how many proposals are entries since YEAR."),
    ] = None,
    listed: Annotated[
        str, typer.Option("--list", metavar="PATH", help="The list that accepted lines go into.")
    ] = "README.md",
    root: Root = None,
    json: Json = False,
) -> None:
    """Propose papers that the list lacks, as draft lines, from arXiv, OpenAlex or a file.

    On a terminal each line is accepted or not; elsewhere they are printed. Nothing is added by itself.
    """
    from kb.enrich import candidates  # noqa: PLC0415
    from kb.lists.writing import canonical_line  # noqa: PLC0415
    from kb.records import Library  # noqa: PLC0415

    library = Library.open(root)
    if hold_out is not None:
        _hold_out(library, file, source, hold_out, json=json)
        return
    offered = _offered(library.papers, file, source, since)
    suggested = candidates.suggest(library.papers, offered, since=since)
    lines = [canonical_line(one.paper()) for one in suggested]
    if json:
        emit_json([one.as_json(line) for one, line in zip(suggested, lines, strict=True)])
        return
    if suggested and sys.stdin.isatty() and sys.stdout.isatty():
        _accept(library.root / listed, suggested, lines)
        return
    emit("\n".join(lines) or "none")
    for one in suggested:
        say(f"{one.title}: {'; '.join(one.reasons)}")
    say(f"kb: {len(suggested)} of {len(offered)} proposed; add the lines you want, then `kb sync`")


def _offered(
    papers: list[Paper], file: Path | None, source: Kind, since: int | None
) -> list[Candidate]:
    """What the file or the service offers; each call reads afresh."""
    from kb.enrich import candidates, offers  # noqa: PLC0415

    if file is not None:
        return candidates.read(file, source.value)
    with status() as progress:
        return offers.ask(source.value, papers, since, progress)


def _hold_out(library: Library, file: Path | None, source: Kind, year: int, *, json: bool) -> None:
    """How many proposals from the entries before a year are entries since then."""
    from copy import deepcopy  # noqa: PLC0415

    from kb.enrich import candidates  # noqa: PLC0415

    earlier = [paper for paper in library.papers if (paper.year or 0) < year]
    offered = _offered(earlier, file, source, year)
    told = candidates.held_out(library.papers, lambda: deepcopy(offered), year).as_json()
    if json:
        emit_json(told)
    else:
        emit(f"{told['right']} of {told['proposed']} proposals are entries; {told['held']} held")


def _accept(path: Path, suggested: list[Candidate], lines: list[str]) -> None:
    """Ask about each line, and put the accepted ones into the list, each at once."""
    from kb.lists.files import read  # noqa: PLC0415
    from kb.lists.inserting import insert  # noqa: PLC0415
    from kb.lists.venues import Venues  # noqa: PLC0415
    from kb.records import atomic  # noqa: PLC0415

    taken = 0
    for number, (one, line) in enumerate(zip(suggested, lines, strict=True), start=1):
        emit(f"\n{number} of {len(suggested)}: {line}\n    {'; '.join(one.reasons)}")
        answer = typer.prompt("Add it? [y]es, [n]o, [q]uit", default="n", show_default=False)
        if answer.strip().lower().startswith("q"):
            break
        if answer.strip().lower().startswith("y"):
            text, place = insert(read(path), one.paper(), Venues.load(path.parent))
            atomic.write(path, text.encode())
            taken += 1
            say(f"kb: line {place} of {visible(str(path))}")
    say(f"kb: {taken} of {len(suggested)} added; look at them, then `kb sync {path.name}`")
