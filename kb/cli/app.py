"""The tree of commands. Each file of this room registers its own commands."""

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

import kb

ROOMS = {
    "lists": ("parse", "render"),
    "checks": ("lint",),
    "records": ("init", "sync", "show", "check", "schema", "list"),
    "modelling": ("new",),
    "links": ("links",),
    "enrich": ("enrich", "suggest"),
    "bot": ("bot",),
    "data": ("data",),
    "features": ("features",),
    "repro": ("repro", "claims", "eval", "status"),
    "publish": ("publish", "serve", "export"),
}  # files of this folder and their commands, in --help order


def tree(arguments: Sequence[str]) -> typer.Typer:
    """The commands for one command line: those of its command's file, or all of them."""
    app = typer.Typer(
        name="kb",
        help="Keep an awesome list of papers correct, and reproduce its papers.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(common)
    command = command_of(arguments)
    asked = [room for room, commands in ROOMS.items() if command in commands]
    for room in asked or ROOMS:
        import_module(f"kb.cli.{room}").register(app)
    return app


def command_of(arguments: Sequence[str]) -> str | None:
    """The first word that is neither an option nor the folder of -C."""
    words = iter(arguments)
    for word in words:
        if word in {"-C", "--directory"}:
            next(words, None)
        elif not word.startswith("-"):
            return word
    return None


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kb {kb.__version__}")
        raise typer.Exit


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
