"""Commands on a list as text."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kb.cli.options import Json, Root, emit, emit_json, say
from kb.records.errors import KBError
from kb.records.wording import counted

if TYPE_CHECKING:
    from kb.lists import Entry

WIDTH = 66  # of a title in the table


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("parse")(parse)
    app.command("render")(render)


def _base(root: Path | None) -> Path | None:
    """The knowledge base with additional venue names, or None."""
    from kb.records import library  # noqa: PLC0415

    if root is not None:
        return root
    try:
        return library.find_root()
    except KBError:
        return None


def parse(
    file: Annotated[str, typer.Argument(help="A Markdown list; - reads standard input.")],
    root: Root = None,
    json: Json = False,
) -> None:
    """Print the entries of a list."""
    from kb.lists import Venues, read  # noqa: PLC0415
    from kb.lists import parse as entries_of  # noqa: PLC0415

    entries = entries_of(read(file), Venues.load(_base(root)))
    if json:
        emit_json([entry.as_json() for entry in entries])
        return
    for entry in entries:
        emit(_row(entry))
    emit(_summary(entries))


def render(
    file: Annotated[Path, typer.Argument(help="The list; its lines are rewritten in place.")],
    root: Root = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if out of date.")
    ] = False,
    json: Json = False,
) -> None:
    """Update the entries of a list whose records differ; other lines keep their bytes."""
    from kb.lists import Venues, read  # noqa: PLC0415
    from kb.lists import render as rendered  # noqa: PLC0415
    from kb.lists.files import refuse_conflicts  # noqa: PLC0415
    from kb.records import Library, atomic  # noqa: PLC0415
    from kb.sync import lock  # noqa: PLC0415

    base = Library.open(root).root
    with Library.editing(base) as library:
        text = read(file)
        refuse_conflicts(text, file)
        rooms = lock.read(base / "data" / "lock.json").rooms
        out = rendered(
            text,
            library.papers,
            library.datasets,
            rooms,
            implementations=library.implementations,
            venues=Venues.load(base),
        )
        if not check:
            atomic.write(file, out.text.encode("utf-8"))
            library.relabel(out.labels)
            library.save()
    for line, why in out.waiting:
        say(f"{file}:{line}: {why}" if line else f"{file}: {why}")
    ids = list(dict.fromkeys(out.changed))
    if json:
        waiting = [{"line": line, "reason": why} for line, why in out.waiting]
        emit_json({"changed": ids, "waiting": waiting})
    else:
        emit(_outcome(ids, len(out.waiting), check=check))
    if check and (out.text != text or out.waiting):
        raise typer.Exit(1)


def _outcome(ids: "list[str]", waiting: int, *, check: bool) -> str:
    """The outcome of a rendering in one line."""
    if not ids and not waiting:
        return "up to date"
    done = (
        f"{counted(len(ids), 'entry', 'entries')} {'differ' if check else 'rewritten'}: {', '.join(ids)}"
        if ids
        else ""
    )
    left = f"{waiting} need a hand edit or a sync" if waiting else ""
    return "; ".join(part for part in (done, left) if part)


def _row(entry: "Entry") -> str:
    year = "" if entry.year is None else str(entry.year)
    title = entry.title or " ".join(entry.raw.split())
    short = title if len(title) <= WIDTH else title[: WIDTH - 1] + "…"
    return (
        f"{entry.line:>5}  {entry.kind:<14} {entry.venue or '':<14.14} {year:<5}"
        f"{entry.first_author or '':<14.14} {short}"
    )


def _summary(entries: "list[Entry]") -> str:
    counts: dict[str, int] = {}
    for entry in entries:
        counts[entry.kind] = counts.get(entry.kind, 0) + 1
    by_kind = ", ".join(counted(count, kind) for kind, count in counts.items())
    return f"{counted(len(entries), 'entry', 'entries')}: {by_kind}" if entries else "no entries"
