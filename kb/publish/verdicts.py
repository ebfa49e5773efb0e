"""Verdicts on claims, places of models: statistics of kb.repro, imported where there is something.

They need numpy; where it is missing the command line names the extra that brings it.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kb.records import Claim, Library, Run

if TYPE_CHECKING:
    from kb.repro.comparison import Agreement, Place


def document(library: Library) -> list[dict[str, Any]]:
    """The rows of `kb claims`."""
    if not library.stated():
        return []
    from kb.repro.claims import document as judged  # noqa: PLC0415

    return judged(library)


def verdict(model: str, claim: Claim, runs: Iterable[Run]) -> str:
    """What these runs say of a claim."""
    from kb.repro.claims import check  # noqa: PLC0415

    return str(check(model, claim, runs)["verdict"])


def places(values: Mapping[str, Mapping[int, float]]) -> "dict[str, Place]":
    """The place of each model by its value per seed."""
    if not values:
        return {}
    from kb.repro.comparison import places as found  # noqa: PLC0415

    return found(values)


def agreement(one: Mapping[str, float], other: Mapping[str, float]) -> "Agreement | None":
    """Kendall's tau of two orders of models; None where they share fewer than three."""
    if len(one.keys() & other.keys()) < 3:  # noqa: PLR2004  (an order)
        return None
    from kb.repro.comparison import agreement as found  # noqa: PLC0415

    return found(one, other)
