"""data/corrections.yaml: what a model does otherwise since its version rose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from kb.records import store
from kb.records.schema import Id, Record, Text

if TYPE_CHECKING:
    from pathlib import Path


class Correction(Record):
    """One version of one model above its first."""

    model: Id
    version: int = Field(ge=2)
    changed: Text

    @property
    def id(self) -> str:
        """What tells it from the others."""
        return f"{self.model} {self.version}"


def read(data: Path) -> list[Correction]:
    """The corrections in the order of the file; none where there is no file.

    Raises KBError, with the line, for an entry that is not valid.
    """
    return store.read(data / "corrections.yaml", "corrections", Correction)
