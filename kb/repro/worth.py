"""What scores on a test split are worth: by its captions, or by topics where those are its queries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kb.datasets.corpus import Corpus
from kb.records.runs import Interval
from kb.repro import ranks
from kb.repro.batches import owners
from kb.retrieval import Evaluation, evaluate
from kb.retrieval.search import Search, search
from kb.retrieval.trec import Judgement, Qrels

Intervals = dict[str, dict[str, Interval]]  # direction -> metric -> interval


class Worth(Protocol):
    """The parts of a run record that scores decide."""

    @property
    def metrics(self) -> dict[str, Any]:
        """Direction -> metric -> value, and SumR where there are two directions."""
        ...

    @property
    def intervals(self) -> Intervals:
        """95 % bootstrap intervals over the queries."""
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
    """Each caption asks for its video, each video for the best of its captions."""

    found: Evaluation

    @property
    def metrics(self) -> dict[str, Any]:
        """Both directions and SumR."""
        found = self.found
        return {"t2v": found.t2v.metrics, "v2t": found.v2t.metrics, "SumR": found.sum_r}

    @property
    def intervals(self) -> Intervals:
        """Of both directions."""
        sides = {"t2v": self.found.t2v, "v2t": self.found.v2t}
        return {name: _bounded(side.metrics, side.intervals()) for name, side in sides.items()}

    @property
    def ranks(self) -> dict[str, str]:
        """Rank per query and what ties at it, in both directions."""
        return ranks.packed(self.found)

    @property
    def topics(self) -> dict[str, dict[str, float]]:
        """None."""
        return {}


@dataclass(frozen=True)
class ByTopics:
    """Each topic asks for all shots that answer it; nothing is asked the other way."""

    found: Search

    @property
    def metrics(self) -> dict[str, Any]:
        """Text to video, means over the topics; fractions."""
        return {"t2v": self.found.metrics}

    @property
    def intervals(self) -> Intervals:
        """Over the topics."""
        return {"t2v": _bounded(self.found.metrics, self.found.intervals())}

    @property
    def ranks(self) -> dict[str, str]:
        """Of the pooled shots."""
        return {"t2v.pooled": ranks.text(self.found.pooled_ranks)}

    @property
    def topics(self) -> dict[str, dict[str, float]]:
        """By topic; fractions."""
        return self.found.per_topic


def worth(corpus: Corpus, scores: Any, split: str = "test") -> Worth:
    """What (queries, videos) scores of a split are worth."""
    data = corpus.splits[split]
    if split == "test" and corpus.topics:
        names = [topic.id for topic in corpus.topics]
        return ByTopics(search(scores, names, data.videos, qrels(corpus)))
    return ByCaptions(evaluate(similarity=scores, relevance=owners(data)))


def qrels(corpus: Corpus) -> Qrels:
    """Judgements of the topics that were judged."""
    return {
        topic: {one.shot: Judgement(str(one.stratum), one.gain) for one in judgements}
        for topic, judgements in corpus.judgements.items()
        if judgements
    }


def size(corpus: Corpus) -> tuple[int, int, float]:
    """Queries and gallery of the test split, and captions a video (0: it is asked with topics)."""
    test = corpus.splits["test"]
    if corpus.topics:
        return len(qrels(corpus)), len(test.videos), 0.0
    captions, videos = len(test.captions), len(test.videos)
    return captions, videos, round(captions / max(videos, 1), 3)


def _bounded(
    values: Mapping[str, float], bounds: Mapping[str, tuple[float, float]]
) -> dict[str, Interval]:
    return {
        name: Interval(value=values[name], low=low, high=high)
        for name, (low, high) in bounds.items()
    }
