"""Our measures against those of ir_measures, an oracle of information retrieval."""

from __future__ import annotations

import numpy as np
import pytest

from kb.retrieval import evaluate

oracle = pytest.importorskip("ir_measures", reason="ir_measures is not installed")


@pytest.mark.parametrize("seed", range(5))
def test_recall_precision_and_reciprocal_rank_agree_without_ties(seed: int) -> None:
    """Success at a cutoff, average precision and reciprocal rank of each query, several right."""
    generator = np.random.default_rng(seed)
    captions, videos = 30, 50
    scores = generator.permuted(
        np.tile(np.arange(videos, dtype=float), (captions, 1)), axis=1
    ) + generator.uniform(0, 0.1, (captions, videos))
    pairs = sorted(
        {(i, int(j)) for i in range(captions) for j in generator.choice(videos, 1 + i % 3)}
        | {(int(generator.integers(captions)), j) for j in range(videos)}
    )
    ours = evaluate(similarity=scores, relevance=pairs).t2v.per_query
    qrels = [oracle.Qrel(f"{i:03}", f"{j:03}", 1) for i, j in pairs]
    run = [
        oracle.ScoredDoc(f"{i:03}", f"{j:03}", float(scores[i, j]))
        for i in range(captions)
        for j in range(videos)
    ]
    wanted = {
        "R@1": oracle.Success @ 1,
        "R@5": oracle.Success @ 5,
        "R@10": oracle.Success @ 10,
        "mAP": oracle.AP,
        "MRR": oracle.RR,
    }
    found: dict[object, dict[str, float]] = {}
    for value in oracle.iter_calc([*wanted.values()], qrels, run):
        found.setdefault(value.measure, {})[value.query_id] = value.value
    for name, measure in wanted.items():
        scale = 1.0 if name == "MRR" else 100.0
        theirs = [scale * found[measure][query] for query in sorted(found[measure])]
        np.testing.assert_allclose(ours[name], theirs, rtol=1e-9, err_msg=name)
