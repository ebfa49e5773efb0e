"""A model's file, read as text: its lines and where each equation stands in it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass
class Equation:
    """One number of the paper, what it says, and the lines that compute it."""

    number: str
    says: str
    place: str
    lines: list[int]


@dataclass
class Model:
    """What the page of a paper shows of its model."""

    path: str
    lines: list[str]
    equations: list[Equation]
    source: str | None  # address of the file at the built commit


def model(root: Path, name: str | None, source_url: str | None) -> Model | None:
    """The file of model `name`; None while nobody has written it."""
    path = f"models/{(name or '').replace('-', '_')}.py"
    if not name or not (root / path).is_file():
        return None
    source = (root / path).read_text(encoding="utf-8", errors="replace")
    address = f"{source_url.rstrip('/')}/{path}" if source_url else None
    return Model(path, source.splitlines(), _equations(source), address)


def _equations(source: str) -> list[Equation]:
    return []
