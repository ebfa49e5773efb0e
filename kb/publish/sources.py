"""A model's file, read as text: its lines and where each equation stands in them."""

from dataclasses import dataclass
from pathlib import Path

from kb.publish.equations import Trace, trace


@dataclass
class Model:
    """What the page of a paper shows of its model."""

    name: str
    path: str
    lines: list[str]
    trace: Trace
    source: str | None  # address of the file at the built commit


def model(root: Path, name: str, source_url: str | None) -> Model | None:
    """The file of model `name`; None while nobody has written it.

    Raises KBError where the file is not Python.
    """
    path = f"models/{name.replace('-', '_')}.py"
    if not name or not (root / path).is_file():
        return None
    source = (root / path).read_text(encoding="utf-8", errors="replace")
    address = f"{source_url.rstrip('/')}/{path}" if source_url else None
    return Model(name, path, source.splitlines(), trace(source, path), address)
