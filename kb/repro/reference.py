"""What stands beside a model on generated data: chance, and what the captions can tell at best."""

from pathlib import Path
from typing import Any

import numpy as np

from kb import datasets
from kb.datasets.corpus import Corpus
from kb.datasets.diorama import oracle
from kb.datasets.diorama.stagings import STAGINGS
from kb.repro.batches import owners
from kb.retrieval import Evaluation, evaluate


def chance(corpus: Corpus, split: str = "test") -> dict[str, Any]:
    """Metrics expected of random scores: all alike, with ties resolved in expectation."""
    data = corpus.splits[split]
    shape = (len(data.captions), len(data.videos))
    even = np.broadcast_to(np.float32(0), shape)
    return metrics(evaluate(similarity=even, relevance=owners(data)))


def oracle_on_scripts(
    corpus: Corpus, root: Path | None, split: str = "test"
) -> dict[str, Any] | None:
    """Metrics of a caption's stated facts against the scripts; None where data have no scripts."""
    if corpus.name not in STAGINGS:
        return None
    folder = root or datasets.make(corpus.name, size=corpus.size or "small")
    scores = oracle.similarity(folder, split)
    return metrics(evaluate(similarity=scores, relevance=owners(corpus.splits[split])))


def metrics(found: Evaluation) -> dict[str, Any]:
    """Both directions and SumR, as run records hold them."""
    return {"t2v": found.t2v.metrics, "v2t": found.v2t.metrics, "SumR": found.sum_r}
