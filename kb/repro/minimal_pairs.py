"""Minimal pairs: how often a system scores the right video of a pair above the wrong one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.corpus import Corpus
from kb.repro.views.view import owners

Scores = NDArray[np.float32]
Right = NDArray[np.bool_]
Pairs = list[tuple[int, int]]  # columns of the gallery
SIGNIFICANT = 1e-6  # scores closer than this are a tie


def accuracies(corpus: Corpus, scores: NDArray[Any]) -> dict[str, float]:
    """By kind, the accuracy on the minimal pairs of the test split; kinds that no query tells left out.

    `scores` are (captions, videos).
    """
    owner = owners(corpus.splits["test"])
    right = np.asarray(owner[:, None] == np.arange(scores.shape[1]))
    by_kind = {kind: accuracy(scores, right, of) for kind, of in minimal_pairs_of(corpus).items()}
    return {kind: value for kind, value in by_kind.items() if value is not None}


def minimal_pairs_of(corpus: Corpus) -> dict[str, Pairs]:
    """Columns of the test gallery whose videos are minimal pairs, by the fact that differs."""
    if corpus.minimal_pairs is None:
        return {}
    column = {video: number for number, video in enumerate(corpus.splits["test"].videos)}
    by_kind = {
        kind: [(column[a], column[b]) for a, b in named if a in column and b in column]
        for kind, named in sorted(corpus.minimal_pairs().items())
    }
    return {kind: columns for kind, columns in by_kind.items() if columns}


def differ(right: Right, pairs: Pairs) -> Right:
    """(queries, pairs) whether exactly one video of a minimal pair answers the query."""
    one, other = np.array(pairs).T
    return np.asarray(right[:, one] != right[:, other])


def accuracy(scores: NDArray[Any], right: Right, pairs: Pairs) -> float | None:
    """Percent of queries that score the right video of a minimal pair above the wrong one.

    A tie counts half; None where no query is answered by exactly one video of a pair.
    """
    query, pair = np.nonzero(differ(right, pairs))
    if not len(query):
        return None
    one, other = np.array(pairs)[pair].T
    sign = np.where(right[query, one], 1.0, -1.0)
    gap = sign * (scores[query, one].astype(np.float64) - scores[query, other])
    return 100 * float(np.mean(np.where(np.abs(gap) < SIGNIFICANT, 0.5, gap > 0)))
