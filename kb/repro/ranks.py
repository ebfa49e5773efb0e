"""Ranks of all queries as a record stores them, and metrics recomputed from them."""

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.records import Run
from kb.records.recount import unpack
from kb.retrieval import Evaluation, measures

Values = NDArray[np.float64]


def packed(evaluation: Evaluation) -> dict[str, str]:
    """Rank and tie counts of all queries, as text."""
    packed_ranks = {}
    for name, direction in (("t2v", evaluation.t2v), ("v2t", evaluation.v2t)):
        packed_ranks[name] = text(direction.rank)
        packed_ranks[f"{name}.wrong"] = text(direction.best.tied_negatives)
        packed_ranks[f"{name}.right"] = text(direction.best.tied_positives)
    return packed_ranks


def best(run: Run, direction: str) -> measures.Best:
    """The best right answer of each query of a record, and what ties with it."""
    rank, wrong, right = (
        values(run.ranks[name]) for name in (direction, f"{direction}.wrong", f"{direction}.right")
    )
    above = np.rint(rank - 1 - wrong / (right + 1)).astype(np.int64)
    return measures.Best(
        np.arange(len(rank)), above, wrong.astype(np.int64), right.astype(np.int64)
    )


def hits(run: Run, direction: str, cutoff: int) -> Values:
    """(queries,) probability that each query of a record finds a right answer by `cutoff`."""
    return measures.hits(best(run, direction), cutoff, "expected")


def by_topic(run: Run, measure: str) -> Values:
    """(topics,) a measure of each topic of a record, fractions."""
    return np.array([of[measure] for of in run.topics.values()], np.float64)


def has(run: Run, direction: str) -> bool:
    """Whether a record stores what `hits` needs."""
    return {direction, f"{direction}.wrong", f"{direction}.right"} <= run.ranks.keys()


def text(values: NDArray[Any]) -> str:
    """Values as a record stores them."""
    return base64.b64encode(zlib.compress(values.astype("<f4").tobytes(), 9)).decode("ascii")


def values(text: str) -> Values:
    """Inverse of `text`. KBError for damaged text, or text that unpacks to far more than ranks need."""
    return np.array(unpack(text), np.float64)
