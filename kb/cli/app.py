"""The tree of commands. Each file of this room registers its own commands."""

import os
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

import kb

ROOMS = (
    "lists",
    "checks",
    "records",
    "modelling",
    "links",
    "enrich",
    "bot",
    "data",
    "features",
    "repro",
    "publish",
)  # files of this folder, in --help order

app = typer.Typer(
    name="kb",
    help="Keep an awesome list of papers correct, and reproduce its papers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kb {kb.__version__}")
        raise typer.Exit


@app.callback()
def common(
    root: Annotated[
        Path | None,
        typer.Option(
            "--directory",
            "-C",
            metavar="DIR",
            envvar="KB_ROOT",
            help="The knowledge base to work in.",
        ),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    _debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error.")
    ] = False,
) -> None:
    """Options before a command apply to every command."""
    if root is not None:
        os.environ["KB_ROOT"] = str(root)


for room in ROOMS:
    import_module(f"kb.cli.{room}").register(app)
