"""Ranks of all queries as a record keeps them, and what can be computed from them again."""

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.records import Run
from kb.records.recount import unpack
from kb.retrieval import Evaluation, measures

Values = NDArray[np.float64]


def packed(found: Evaluation) -> dict[str, str]:
    """Ranks of all queries, and what ties at them, as text."""
    ranks = {}
    for name, direction in (("t2v", found.t2v), ("v2t", found.v2t)):
        ranks[name] = text(direction.rank)
        ranks[f"{name}.wrong"] = text(direction.best.wrong)
        ranks[f"{name}.right"] = text(direction.best.right)
    return ranks


def hits(run: Run, direction: str, cutoff: int) -> Values:
    """(queries,) probability that each query of a record finds a right answer by `cutoff`."""
    rank, wrong, right = (
        values(run.ranks[name]) for name in (direction, f"{direction}.wrong", f"{direction}.right")
    )
    above = np.rint(rank - 1 - wrong / (right + 1)).astype(np.int64)
    best = measures.Best(
        np.arange(len(rank)), above, wrong.astype(np.int64), right.astype(np.int64)
    )
    return measures.hits(best, cutoff, "expected")


def by_topic(run: Run, measure: str) -> Values:
    """(topics,) a measure of each topic of a record, fractions."""
    return np.array([of[measure] for of in run.topics.values()], np.float64)


def has(run: Run, direction: str) -> bool:
    """Whether a record keeps what `hits` needs."""
    return {direction, f"{direction}.wrong", f"{direction}.right"} <= run.ranks.keys()


def text(values: NDArray[Any]) -> str:
    """Values as a record keeps them."""
    return base64.b64encode(zlib.compress(values.astype("<f4").tobytes(), 9)).decode("ascii")


def values(text: str) -> Values:
    """The same, read back. KBError for what is none, or unpacks to far more than ranks need."""
    return np.array(unpack(text), np.float64)
