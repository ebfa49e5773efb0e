"""Fusion of the scores of two spaces: min-max scaling of each, then a weighted sum.

As Dong et al., "Dual Encoding for Video Retrieval by Text" (TPAMI 2021), fuse their latent space
with their space of concepts. The extremes are those of the whole test set, so a score depends on
all of it: a post-processing, to be named beside the number.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.records.errors import KBError
from kb.retrieval.files import Scores

Values = NDArray[np.float64]
_JUDGED, _LEAST = 100, 0.1  # scores it takes to judge, and their least correlation
LATENT = 0.6  # the first's weight in the paper; the second has the rest


def fused(first: Any, second: Any, weight: float = LATENT) -> Values:
    """Weight * scaled first + (1 - weight) * scaled second; all (captions, videos).

    Raises KBError where shapes differ, a score is not finite, or all scores of one are the same.
    """
    if first.shape != second.shape:
        raise KBError(f"scores to fuse are {tuple(first.shape)} and {tuple(second.shape)}")
    if not 0 <= weight <= 1:
        raise KBError(f"the weight {weight} is not between 0 and 1")
    return weight * scaled(first) + (1 - weight) * scaled(second)


def aligned(first: Scores, second: Scores) -> tuple[Any, str]:
    """The second's table with its rows and columns in the first's order; how that is known.

    By names where both files have them; else both must be in one order already, which scores off
    the diagonal show. Raises KBError where captions or videos are not the same.
    """
    places = []
    for side in ("captions", "videos"):
        own, other = getattr(first, side), getattr(second, side)
        if own is None or other is None:
            refuse_other_items(first.table, second.table)
            return second.table, "order"
        if strangers := set(own) ^ set(other):
            what = f"the scores to fuse have other {side}: {len(strangers)} are in one file alone"
            raise KBError(
                f"{what}, such as {min(strangers)}", hint="fuse scores of the same test set"
            )
        place = {name: number for number, name in enumerate(other)}
        places.append([place[name] for name in own])
    return second.table[np.ix_(*places)], "names"


def refuse_other_items(first: Any, second: Any) -> None:
    """Raise KBError where two matrices seem to be of captions and videos in different orders.

    Scores of the same items agree beyond the right answers: off the diagonal they are correlated.
    """
    tables = [np.asarray(table, np.float64) for table in (first, second)]
    if tables[0].shape != tables[1].shape:
        return
    others = np.eye(*tables[0].shape) == 0
    if others.sum() < _JUDGED or not all(np.isfinite(table).all() for table in tables):
        return
    left, right = (table[others] - table[others].mean() for table in tables)
    length = float(np.sqrt((left @ left) * (right @ right)))
    agreement = float(left @ right) / length if length else 1.0
    if agreement < _LEAST:
        what = f"the scores to fuse do not agree off the diagonal (correlation {agreement:.2f})"
        raise KBError(what, hint="both must have the same captions and videos in the same order")


def scaled(scores: Any) -> Values:
    """The scores from 0, their least, to 1, their largest."""
    table = np.asarray(scores, np.float64)
    if not np.isfinite(table).all():
        raise KBError("fusion needs finite scores")
    least, most = table.min(), table.max()
    if least == most:
        raise KBError("every score is the same: there is nothing to scale by")
    return np.asarray((table - least) / (most - least))


def report(weight: float, matched_by: str) -> dict[str, Any]:
    """Name, weights, how items were matched and queries seen, to report with the numbers."""
    return {
        "name": "min-max",
        "weights": [weight, round(1 - weight, 12)],
        "matched_by": matched_by,
        "queries_seen": "all of the test set",
    }
