"""A model's scores on a split, and their metrics."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kb.datasets.corpus import Corpus
from kb.records.errors import KBError
from kb.records.runs import Interval, Intervals, Resampled
from kb.repro import ranks
from kb.repro.split_tensors import SplitTensors
from kb.repro.views.view import owners
from kb.retrieval import Evaluation, evaluate
from kb.retrieval.search import Search, search
from kb.retrieval.trec import Judgement, Qrels
from models.parts.contract import RetrievalModel

BATCH = 256
RECALLS = ("R@1", "R@5", "R@10")


@torch.no_grad()
def similarity(model: RetrievalModel, tensors: SplitTensors) -> Tensor:
    """(captions, videos) scores of a split. Keeps the model's train or eval mode."""
    training = model.training
    model.eval()
    videos = [model.encode_video(tensors.clips(rows)) for rows in _batches(tensors.videos)]
    scores = []
    for rows in _batches(len(tensors)):
        text = model.encode_text(tensors.captions(rows))
        scores.append(torch.cat([model.similarity(text, video) for video in videos], dim=1))
    model.train(training)
    return torch.cat(scores)


def score(model: RetrievalModel, tensors: SplitTensors) -> Evaluation:
    """Both directions: relevance is each caption's own video."""
    return evaluate(similarity=similarity(model, tensors), relevance=tensors.owner)


def selection(scores: Evaluation, name: str) -> float:
    """The validation score that a recipe selects its epoch by (`Schedule.select`).

    `SumR`; `t2v MRR` or another metric of a direction; `t2v geometric-mean` of R@1, R@5, R@10;
    larger is better (ranks are negated). Raises KBError for an unknown name.
    """
    if name in {"SumR", "last"}:
        return scores.sum_r
    direction, _, metric = name.partition(" ")
    sides = {"t2v": scores.t2v.metrics, "v2t": scores.v2t.metrics}
    if direction in sides and metric == "geometric-mean":
        return math.prod(sides[direction][recall] for recall in RECALLS) ** (1 / len(RECALLS))
    if metric not in sides.get(direction, {}):
        raise KBError(f"no validation score is called {name!r}", hint="write SumR or t2v MRR")
    value = float(sides[direction][metric])
    return -value if metric in {"MedR", "MnR"} else value


def _batches(size: int) -> Iterator[Tensor]:
    return iter(torch.split(torch.arange(size), BATCH))


class SplitScores(Protocol):
    """The fields of a run record that come from scores."""

    @property
    def metrics(self) -> dict[str, Any]:
        """Direction -> metric -> value, and SumR where there are two directions."""
        ...

    @property
    def intervals(self) -> Intervals:
        """95 % bootstrap intervals."""
        ...

    @property
    def ranks(self) -> dict[str, str]:
        """Ranks of all queries, packed."""
        ...

    @property
    def topics(self) -> dict[str, dict[str, float]]:
        """Topic -> measure -> value; empty where captions are the queries."""
        ...


@dataclass(frozen=True)
class ByCaptions:
    """Captions retrieve their video, videos any of their captions."""

    evaluation: Evaluation
    corpus: Corpus
    split: str

    @property
    def metrics(self) -> dict[str, Any]:
        """Both directions and SumR."""
        scores = self.evaluation
        return {"t2v": scores.t2v.metrics, "v2t": scores.v2t.metrics, "SumR": scores.sum_r}

    @property
    def intervals(self) -> Intervals:
        """Of both directions and SumR: families of videos, or videos, with all their captions."""
        family = families(self.corpus, self.split)
        unit: Resampled = "videos" if self.corpus.families is None else "families"
        metrics = {**self.metrics, "both": {"SumR": self.evaluation.sum_r}}
        bounds = self.evaluation.intervals(family=family)
        return {name: bounded(metrics[name], of, unit) for name, of in bounds.items()}

    @property
    def ranks(self) -> dict[str, str]:
        """Rank per query and what ties at it, in both directions."""
        return ranks.packed(self.evaluation)

    @property
    def topics(self) -> dict[str, dict[str, float]]:
        """None."""
        return {}


@dataclass(frozen=True)
class ByTopics:
    """Topics retrieve all relevant shots; one direction only."""

    search: Search

    @property
    def metrics(self) -> dict[str, Any]:
        """Text to video, means over the topics; fractions."""
        return {"t2v": self.search.metrics}

    @property
    def intervals(self) -> Intervals:
        """Over the topics."""
        return {"t2v": bounded(self.search.metrics, self.search.intervals(), "queries")}

    @property
    def ranks(self) -> dict[str, str]:
        """Of the pooled shots."""
        return {"t2v.pooled": ranks.text(self.search.pooled_ranks)}

    @property
    def topics(self) -> dict[str, dict[str, float]]:
        """By topic; fractions."""
        return self.search.per_topic


def score_split(corpus: Corpus, similarity: Any, split: str = "test") -> SplitScores:
    """Every metric of (queries, videos) scores of a split."""
    data = corpus.splits[split]
    if split == "test" and corpus.topics:
        names = [topic.id for topic in corpus.topics]
        return ByTopics(search(similarity, names, data.videos, qrels(corpus)))
    return ByCaptions(evaluate(similarity=similarity, relevance=owners(data)), corpus, split)


def families(corpus: Corpus, split: str) -> NDArray[np.int64] | None:
    """(videos,) number of each video's family; clips cut from one video are one.

    None where videos count as independent.
    """
    if corpus.families is None and not corpus.cut_from:
        return None
    known = {} if corpus.families is None else corpus.families()
    sources = (corpus.cut_from.get(video, video) for video in corpus.splits[split].videos)
    names = [known.get(video, video) for video in sources]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def qrels(corpus: Corpus) -> Qrels:
    """Judgements by topic and shot, without unjudged topics."""
    return {
        topic: {one.shot: Judgement(str(one.stratum), one.gain) for one in judgements}
        for topic, judgements in corpus.judgements.items()
        if judgements
    }


def gallery_size(corpus: Corpus) -> tuple[int, int, float]:
    """Queries and gallery of the test split, and captions per video (0: its queries are topics)."""
    test = corpus.splits["test"]
    if corpus.topics:
        return len(qrels(corpus)), len(test.videos), 0.0
    captions, videos = len(test.captions), len(test.videos)
    return captions, videos, round(captions / max(videos, 1), 3)


def bounded(
    values: Mapping[str, float], bounds: Mapping[str, tuple[float, float]], resampled: Resampled
) -> dict[str, Interval]:
    """Intervals of these values, as a record has them."""
    return {
        name: Interval(value=values[name], low=low, high=high, resampled=resampled)
        for name, (low, high) in bounds.items()
    }
