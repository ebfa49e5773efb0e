"""Verdicts on claims and ranks of models: statistics of kb.repro, imported only if needed.

They need numpy; without it the command line names the extra to install.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kb.records import Claim, Library, Run

if TYPE_CHECKING:
    from kb.repro.comparison import Agreement, Place


@lru_cache(maxsize=4)
def document(library: Library) -> list[dict[str, Any]]:
    """The rows of `kb claims`; of one opened library they are computed once."""
    if not library.stated():
        return []
    from kb.repro import side_by_side  # noqa: PLC0415

    return side_by_side.document(library)


def verdict(model: str, claim: Claim, runs: Iterable[Run], floor: Iterable[Run] = ()) -> str:
    """The verdict on a claim from these runs, given runs of the baseline in the same worlds."""
    from kb.repro.claims import check  # noqa: PLC0415

    return str(check(model, claim, runs, floor)["verdict"])


def places(values: Mapping[str, Mapping[int, float]]) -> "dict[str, Place]":
    """The rank of each model by its value per seed."""
    if not values:
        return {}
    from kb.repro import comparison  # noqa: PLC0415

    return comparison.places(values)


def agreement(one: Mapping[str, float], other: Mapping[str, float]) -> "Agreement | None":
    """Kendall's tau of two orders of models; None where they share fewer than three."""
    if len(one.keys() & other.keys()) < 3:  # noqa: PLR2004  (an order)
        return None
    from kb.repro import comparison  # noqa: PLC0415

    return comparison.agreement(one, other)


def paired(differences: Sequence[float]) -> tuple[float, float, float] | None:
    """Mean of paired differences with its 95 % interval; None with fewer than two."""
    if len(differences) < 2:  # noqa: PLR2004  (an interval needs a deviation)
        return None
    from kb.repro.statistics import paired_t  # noqa: PLC0415

    return paired_t(differences)
