"""Reference points of a dataset: chance and, on synthetic data, the ground-truth oracle."""

from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from kb import datasets
from kb.datasets.corpus import Corpus
from kb.datasets.synthetic import oracle
from kb.datasets.synthetic.counterparts import COUNTERPARTS
from kb.repro.scoring import score_split

DRAWS = 10  # random rankings of every topic, whose mean is chance


def chance(corpus: Corpus, split: str = "test") -> dict[str, Any]:
    """Metrics expected of random scores: all alike, with ties resolved in expectation.

    For topics, the mean of DRAWS random rankings.
    """
    data = corpus.splits[split]
    if split == "test" and corpus.topics:
        return _mean_of_random(corpus, (len(corpus.topics), len(data.videos)))
    even = np.broadcast_to(np.float32(0), (len(data.captions), len(data.videos)))
    return score_split(corpus, even, split).metrics


def _mean_of_random(corpus: Corpus, shape: tuple[int, int]) -> dict[str, Any]:
    """Chance for topics: their measures have no expectation in closed form, so sample it."""
    rng = np.random.default_rng(0)
    metrics = [
        score_split(corpus, rng.random(shape, np.float32)).metrics["t2v"] for _ in range(DRAWS)
    ]
    return {"t2v": {name: fmean(one[name] for one in metrics) for name in metrics[0]}}


def ground_truth_oracle(
    corpus: Corpus, root: Path | None, split: str = "test"
) -> dict[str, Any] | None:
    """Metrics of the facts each caption states against the scripts; None for data without scripts."""
    if corpus.name not in COUNTERPARTS or corpus.families is None:  # read without its truth
        return None
    folder = root or datasets.make(corpus.name, size=corpus.size or "small")
    scores = oracle.similarity(folder, split)
    return score_split(corpus, scores, split).metrics
