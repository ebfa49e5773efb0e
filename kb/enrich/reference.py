"""What one source says of one paper, and where each field was read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from kb.records import Version

Source = Literal["yaml", "bibtex", "arxiv"]


@dataclass
class Reference:
    """Only what was read stands here; `detail` says where, by field."""

    key: str
    source: Source
    title: str
    line: int | None = None
    aliases: list[str] = field(default_factory=list)  # other keys: model, dataset
    authors: list[str] = field(default_factory=list)  # full and ordered
    et_al: bool = False
    venue: str | None = None
    year: int | None = None
    arxiv: str | None = None
    doi: str | None = None
    versions: list[Version] = field(default_factory=list)
    extends: str | None = None
    code: list[str] = field(default_factory=list)  # addresses of the authors' repositories
    detail: dict[str, str] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """The values that identify the paper."""
        return {
            "title": self.title,
            "authors": self.authors,
            "year": self.year,
            "arxiv": self.arxiv,
            "doi": self.doi,
        }
