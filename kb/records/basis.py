"""The basis of a model: what its equations were read from, and what may be shown beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.records.library import Library
    from kb.records.schema import Dataset, Paper

Basis = Literal[
    "official code matched",
    "written from the paper",
    "written from the abstract",
    "our reading of the title",
]
BASES: tuple[Basis, ...] = get_args(Basis)  # the firmest first
MATCHED: Basis = "official code matched"
MEANING: dict[Basis, str] = {
    "official code matched": "its numbers are those of recordings of the paper's released code",
    "written from the paper": "its equations were read in the paper or on the authors' poster;"
    " no code was released that they could be held against",
    "written from the abstract": "only the abstract and texts about the paper could be read;"
    " the equations are ours",
    "our reading of the title": "not even the abstract could be read; everything but the title is"
    " ours",
}
GUESSED: frozenset[Basis] = frozenset({"written from the abstract", "our reading of the title"})


def is_guessed(basis: Basis | None) -> bool:
    """Whether the equations are ours: no published number is shown beside such a model's own."""
    return basis in GUESSED


def of_models(library: Library) -> dict[str, Basis | None]:
    """Model -> its record's basis; the model of a dataset's paper has the dataset's name."""
    return {name: record.basis for name, record in records(library)}


def records(library: Library) -> Iterator[tuple[str, Paper | Dataset]]:
    """(model, record) of each model that a record names."""
    yield from ((paper.model, paper) for paper in library.papers if paper.model)
    yield from ((one.id, one) for one in library.datasets if one.claims or one.basis)
