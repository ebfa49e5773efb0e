"""Graded relevance and labels: nDCG under ties, and the official evaluators' own definitions."""

from itertools import pairwise, permutations
from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.retrieval import evaluate, proxies

CELLS = st.lists(st.integers(0, 2), min_size=5, max_size=5)


def longhand(scores: list[int], gains: list[int]) -> list[float]:
    """NDCG of every order of the items that the scores allow."""
    ideal = sum(g / log2(i + 2) for i, g in enumerate(sorted(gains, reverse=True)))
    orders = permutations(range(len(scores)))
    allowed = [o for o in orders if all(scores[a] >= scores[b] for a, b in pairwise(o))]
    return [sum(gains[j] / log2(i + 2) for i, j in enumerate(o)) / ideal for o in allowed]


@settings(max_examples=40, deadline=None)
@given(CELLS, CELLS.filter(lambda gains: len(set(gains) - {0}) == 2))
def test_ndcg_is_the_mean_over_the_orders_that_ties_allow(scores, gains) -> None:
    """Expected nDCG is that mean; optimistic and pessimistic are its ends."""
    every = longhand(scores, gains)
    table, right = np.array([scores], float), np.array([gains], float)
    for ties, wanted in (
        ("expected", np.mean(every)),
        ("optimistic", max(every)),
        ("pessimistic", min(every)),
    ):
        evaluation = evaluate(similarity=table, relevance=right, ties=ties)
        assert evaluation.t2v.metrics["nDCG"] == pytest.approx(100 * wanted)


def test_ndcg_is_there_for_graded_relevance_only() -> None:
    """Right answers that are all equally right have no nDCG of their own."""
    assert "nDCG" not in evaluate(similarity=np.eye(3)).t2v.metrics
    evaluation = evaluate(similarity=np.eye(3), relevance=[(0, 0, 1), (1, 1, 0.5), (2, 2, 1)])
    assert evaluation.v2t.metrics["nDCG"] == pytest.approx(100)
    assert evaluation.as_json()["units"]["nDCG"] == "percent"


def test_words_are_cut_as_the_authors_cut_them() -> None:
    """At single blanks: a double blank is a word, and case is kept."""
    assert proxies.words(["The  dog", "a dog"], frozenset({"a", "the"})) == [
        ["The", "", "dog"],
        ["dog"],
    ]
