"""Scores of topics are worth what NIST's script says of the run that they come to."""

import numpy as np
import pytest
import torch

from kb.records.errors import KBError
from kb.retrieval.inferred import DEPTH, evaluate_run, measure
from kb.retrieval.search import MEASURES, search
from kb.retrieval.trec import Returned, read_qrels, read_run, write_run

TOPICS = ["501", "502", "503"]
SHOTS = [f"shot{at // 7}_{at}" for at in range(1200)]


@pytest.fixture
def qrels(tmp_path):
    """Two strata of two topics; the third was not judged."""
    rng, path = np.random.default_rng(1), tmp_path / "qrels"
    lines = [
        f"{topic} 0 {SHOTS[at]} {1 + (at > 300)} {rng.integers(-1 if at > 300 else 0, 2)}"
        for topic in TOPICS[:2]
        for at in rng.choice(len(SHOTS), 500, replace=False)
    ]
    path.write_text("\n".join(lines))
    return read_qrels(path)


@pytest.fixture
def scores():
    """Rounded, so that many are equal."""
    return np.random.default_rng(2).normal(size=(3, len(SHOTS))).round(1)


def test_the_measures_are_those_of_the_written_run(qrels, scores, tmp_path):
    """Topic by topic and in the mean, ties included; the topic nobody judged is left out."""
    result = search(scores, TOPICS, SHOTS, qrels)
    rows = {
        topic: dict(zip(SHOTS, row, strict=True))
        for topic, row in zip(TOPICS, scores.tolist(), strict=True)
    }
    (tmp_path / "run").write_text("\n".join(write_run(rows.items(), "ours")))
    expected = evaluate_run(read_run(tmp_path / "run"), qrels)
    assert list(result.per_topic) == TOPICS[:2]
    for name in MEASURES:
        assert result.metrics[name] == pytest.approx(expected[name], rel=1e-12)
        for topic in TOPICS[:2]:
            assert result.per_topic[topic][name] == expected["per_topic"][topic][name]


def test_scores_on_a_device_count_the_same(qrels, scores):
    """Numpy arrays and torch tensors alike."""
    on_torch = search(torch.from_numpy(scores), TOPICS, SHOTS, qrels)
    assert on_torch.metrics == search(scores, TOPICS, SHOTS, qrels).metrics


def test_ranks_of_the_pool_give_every_measure_again(qrels, scores):
    """What a record keeps suffices, with the judgements, to compute it anew."""
    result = search(scores, TOPICS, SHOTS, qrels)
    pooled_ranks = iter(result.pooled_ranks.astype(int).tolist())
    for topic in TOPICS[:2]:
        rank = {shot: next(pooled_ranks) for shot in qrels[topic]}
        assert max(rank.values()) <= DEPTH
        at = {place: shot for shot, place in rank.items() if place}
        shots = [at.get(place, f"outside the pool {place}") for place in range(1, DEPTH + 1)]
        assert measure(Returned(shots, DEPTH), qrels[topic])["infAP"] == pytest.approx(
            result.per_topic[topic]["infAP"], rel=1e-12
        )


def test_the_interval_holds_the_mean_and_narrows_to_it(qrels, scores):
    """Over the topics; topics that agree leave no doubt."""
    result = search(scores, TOPICS, SHOTS, qrels)
    for name, (low, high) in result.intervals().items():
        values = [of[name] for of in result.per_topic.values()]
        assert min(values) <= low <= result.metrics[name] <= high <= max(values)
    alone = search(scores[:1], TOPICS[:1], SHOTS, qrels)
    low, high = alone.intervals()["infAP"]
    assert low == high == alone.metrics["infAP"]


def test_a_model_that_scores_everything_alike_gains_nothing_by_the_order_of_the_gallery(
    qrels, scores
):
    """Ties stand by falling shot id, wherever the shots lie."""
    even = np.zeros_like(scores)
    one = search(even, TOPICS, SHOTS, qrels)
    other = search(even, TOPICS, SHOTS[::-1], qrels)
    assert one.metrics == other.metrics
    assert one.run["501"].shots == sorted(SHOTS, reverse=True)[:DEPTH]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s[:, :-1], "have the shape"),
        (lambda s: np.where(s > 1, np.nan, s), "hold NaN"),
    ],
)
def test_scores_that_are_none_are_refused(change, message, qrels, scores):
    """One line each."""
    with pytest.raises(KBError, match=message):
        search(change(scores), TOPICS, SHOTS, qrels)


def test_topics_without_any_judgement_are_refused(scores):
    """There is nothing to measure."""
    with pytest.raises(KBError, match="no topic was judged"):
        search(scores, TOPICS, SHOTS, {"601": {}})
