"""Commands of the room of checks: `kb lint`."""

from pathlib import Path
from typing import Annotated

import typer

from kb.cli.options import Json, Root, emit, say
from kb.records.errors import Exit, KBError

FORMATS = ("text", "json", "markdown", "sarif", "github")


def register(app: typer.Typer) -> None:
    """Add `kb lint`."""
    app.command("lint")(lint)


def lint(
    file: Annotated[
        str | None,
        typer.Argument(help="The list; README.md of the knowledge base if absent; - for stdin."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base", metavar="FILE|REV", help="Only errors that are new since this version fail."
        ),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="text, json, markdown, sarif or github.")
    ] = "text",
    fix: Annotated[bool, typer.Option("--fix", help="Apply the safe fixes to the file.")] = False,
    show_rules: Annotated[
        bool, typer.Option("--rules", help="Print the documentation of all rules instead.")
    ] = False,
    as_json: Json = False,
    root: Root = None,
) -> None:
    """Check a list against the rules and print problems, places and corrected lines."""
    from kb import checks  # noqa: PLC0415  (the room loads when the command runs)
    from kb.checks import catalogue, formats  # noqa: PLC0415

    if show_rules:
        emit(catalogue.page())
        return
    chosen = "json" if as_json else form
    if chosen not in FORMATS:
        raise KBError(f"there is no format {chosen!r}", hint=f"one of {', '.join(FORMATS)}")
    place = _root(root, file)
    name = file if file is not None else _default(place)
    report = (checks.fix if fix else checks.lint)(name, root=place, base=base)
    for finding in report.fixed:
        say(f"fixed {finding.file}:{finding.line}: {finding.rule}: {finding.message}")
    emit(formats.FORMATS[chosen](report))
    if report.blocks:
        raise typer.Exit(Exit.FINDINGS)


def _root(root: Path | None, file: str | None) -> Path | None:
    """The knowledge base: `root`, or else that of the working folder, or of the file, or None."""
    from kb.records.library import find_root  # noqa: PLC0415

    if root is not None:
        return root
    starts = [None] if file in {None, "-"} else [None, Path(file or ".").resolve().parent]
    for start in starts:
        try:
            return find_root(start)
        except KBError:  # noqa: PERF203  (two places at most)
            if file is None:
                raise
    return None


def _default(root: Path | None) -> str:
    """README.md of the knowledge base, relative to the working folder if possible."""
    readme = (root or Path()) / "README.md"
    try:
        return readme.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:  # the knowledge base is elsewhere
        return str(readme)
