"""data/summaries.yaml: what each paper does, in two sentences, and the facets of its method."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from kb.records import store
from kb.records.schema import Id, Record, Text

if TYPE_CHECKING:
    from pathlib import Path

FACETS = ("task", "encoder", "loss")
_END = re.compile(r"[.!?](?=\s|$)")  # of a sentence
SENTENCES = 2


class Summary(Record):
    """Two sentences about one paper and what they were written from."""

    id: Id  # of the paper
    short: Text | None = None  # the method's name in papers: MMT
    summary: Text
    task: list[Text] = Field(default_factory=list)
    encoder: list[Text] = Field(default_factory=list)
    loss: list[Text] = Field(default_factory=list)
    # the specification read from the authors' running code; the abstract; the title alone
    origin: Literal["code", "abstract", "title"] = Field(alias="from")

    @field_validator("summary")
    @classmethod
    def _two_sentences(cls, text: str) -> str:
        count = len(_END.findall(text))
        if count != SENTENCES or not text.endswith("."):
            raise ValueError(f"{count} sentences, not {SENTENCES} that end in a full stop")
        return text

    @property
    def facets(self) -> list[tuple[str, str]]:
        """(facet, value) pairs in the order of the facets."""
        return [(facet, value) for facet in FACETS for value in getattr(self, facet)]


def read(data: Path) -> dict[str, Summary]:
    """The summaries by paper id; empty where there is no file.

    Raises KBError, with the line, for an entry that is not valid.
    """
    path = data / "summaries.yaml"
    return {one.id: one for one in store.read(path, "summaries", Summary)}
