"""`kb enrich`: fill records from arXiv or a bibliography."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kb.cli import suggesting
from kb.cli.options import Json, Root, emit, emit_json, say
from kb.cli.suggesting import status
from kb.records.errors import Exit, KBError

if TYPE_CHECKING:
    from kb.enrich.report import EnrichReport
    from kb.records import Library


class Source(str, Enum):
    """Where metadata comes from."""

    arxiv = "arxiv"
    crossref = "crossref"
    openalex = "openalex"
    dblp = "dblp"
    bibtex = "bibtex"
    yaml = "yaml"


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command()(enrich)
    app.command()(suggesting.suggest)


def enrich(
    *,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID..] [FILE]",
            help="Records [all]; with bibtex or yaml, a file; with dblp, a dump or none.",
        ),
    ] = None,
    source: Annotated[Source, typer.Option(help="Source of the metadata.")] = Source.arxiv,
    endpoint: Annotated[
        str | None, typer.Option(envvar="KB_ARXIV_ENDPOINT", help="URL of arXiv's API.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,
    root: Root = None,
    json: Json = False,
) -> None:
    """Fill empty fields of records from arXiv, registries or a bibliography; never overwrites."""
    if source in {Source.crossref, Source.openalex, Source.dblp}:
        report = _from_registries(words or [], source, root, dry_run=dry_run, json=json)
    elif source is Source.arxiv:
        report = _from_arxiv(words or [], endpoint, root, dry_run=dry_run, json=json)
    else:
        report = _from_file(words or [], source, root, dry_run=dry_run)
    if json:
        emit_json(dict(vars(report)))
    else:
        from kb.enrich.report import lines  # noqa: PLC0415

        emit("\n".join(lines(report)))
    if dry_run:
        say("kb: dry run: nothing was written")
    withdrawn = [row for row in report.withdrawn if row["confirmed"] is not False]
    raise typer.Exit(Exit.FINDINGS if report.mismatches or withdrawn else Exit.CLEAN)


def _from_arxiv(
    keys: list[str], endpoint: str | None, root: Path | None, *, dry_run: bool, json: bool
) -> EnrichReport:
    from kb.enrich.polite import Unreachable  # noqa: PLC0415
    from kb.enrich.report import EnrichReport  # noqa: PLC0415
    from kb.enrich.run import enrich as ask  # noqa: PLC0415

    try:
        with status() as progress:
            return ask(root, keys, address=endpoint, dry_run=dry_run, progress=progress)
    except Unreachable:
        if json:
            emit_json(vars(EnrichReport(unreachable=True)))
        raise


def _from_registries(
    keys: list[str], source: Source, root: Path | None, *, dry_run: bool, json: bool
) -> EnrichReport:
    """Crossref and then OpenAlex; with `openalex` or `dblp` that one alone, or a dump of DBLP."""
    from kb.enrich.polite import Unreachable  # noqa: PLC0415
    from kb.enrich.published import enrich as ask  # noqa: PLC0415
    from kb.enrich.report import EnrichReport  # noqa: PLC0415

    only = None if source is Source.crossref else source.value
    dump = None
    if source is Source.dblp and keys and keys[-1].endswith((".xml", ".gz")):
        *keys, file = keys
        dump = Path(file)
    try:
        with status() as progress:
            return ask(root, keys, only=only, dump=dump, dry_run=dry_run, progress=progress)
    except Unreachable:
        if json:
            emit_json(vars(EnrichReport(unreachable=True)))
        raise


def _from_file(
    words: list[str], source: Source, root: Path | None, *, dry_run: bool
) -> EnrichReport:
    from kb.enrich import bibliography, bibtex  # noqa: PLC0415
    from kb.enrich.fill import fill  # noqa: PLC0415
    from kb.records import Library  # noqa: PLC0415

    if not words:
        raise KBError("no file named", hint=f"`kb enrich --source {source.value} FILE`")
    *only, file = words
    reader = bibliography if source is Source.yaml else bibtex
    references, skipped = reader.read(Path(file))
    with Library.editing(root) as library:
        _known(library, only)
        report = fill(library, references, only=only)
        report.suggestions += skipped
        if not dry_run:
            library.save()
    return report


def _known(library: Library, keys: list[str]) -> None:
    """Raise KBError for a key that no record has."""
    from kb.records import views  # noqa: PLC0415

    for key in keys:
        views.find(library, key)
