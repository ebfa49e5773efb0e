"""Options that commands share, and printing of results."""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from kb.records.errors import CONTROLS, MissingExtraError, visible

Root = Annotated[
    Path | None,
    typer.Option(
        "--directory",
        "-C",
        metavar="DIR",
        help="The knowledge base; by default the nearest folder upward with data/papers.yaml.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]


def emit_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    text = json.dumps(document, ensure_ascii=False, indent=2)
    sys.stdout.write(CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n")


def emit(text: str) -> None:
    """Print a result on stdout."""
    sys.stdout.write(visible(text) if text.endswith("\n") else visible(text) + "\n")


def say(text: str) -> None:
    """Print a message on stderr: anything but the result."""
    sys.stderr.write(visible(text) if text.endswith("\n") else visible(text) + "\n")


def need_extra(*modules: str, extra: str = "repro") -> None:
    """Import the modules; raise MissingExtraError, one line that names the extra to install."""
    try:
        for module in modules:
            import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name, extra) from error
