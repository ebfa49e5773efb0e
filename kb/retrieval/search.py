"""Topics against a gallery: the ranked run of a score matrix, measured with pooled judgements."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.records.errors import KBError
from kb.retrieval import bootstrap
from kb.retrieval.inferred import DEPTH, measure
from kb.retrieval.trec import Qrels, Returned, TrecRun

MEASURES = ("infAP", "infNDCG", "iP10", "iP100")  # fractions


@dataclass(frozen=True)
class Search:
    """A run of topics and its measures, over the topics that were judged."""

    run: TrecRun
    qrels: Qrels
    gallery: int

    @cached_property
    def per_topic(self) -> dict[str, dict[str, float]]:
        """MEASURES of each topic, fractions."""
        measures = {topic: measure(self.run[topic], self.qrels[topic]) for topic in self.run}
        return {topic: {name: of[name] for name in MEASURES} for topic, of in measures.items()}

    @property
    def metrics(self) -> dict[str, float]:
        """Means over the topics."""
        means = self._table.mean(axis=0)
        return {name: float(value) for name, value in zip(MEASURES, means, strict=True)}

    def intervals(self, *, samples: int = 1000, seed: int = 0) -> dict[str, tuple[float, float]]:
        """95 % bootstrap intervals over the topics, by measure."""
        columns = dict(zip(MEASURES, self._table.T, strict=True))
        topics = len(self._table)
        sample = bootstrap.Sample(columns, np.zeros(topics), np.arange(topics))
        (drawn,) = bootstrap.resampled([sample], samples=samples, seed=seed)
        return {name: bootstrap.percentiles(means) for name, means in drawn.means.items()}

    @property
    def pooled_ranks(self) -> NDArray[np.float64]:
        """(judgements,) rank from 1 of each pooled shot, topic by topic as qrels have them; 0: none.

        With the qrels they give every measure again.
        """
        rank = {
            topic: {shot: at for at, shot in enumerate(returned.shots, 1)}
            for topic, returned in self.run.items()
        }
        return np.array(
            [rank[topic].get(shot, 0) for topic in self.run for shot in self.qrels[topic]],
            np.float64,
        )

    @cached_property
    def _table(self) -> NDArray[np.float64]:
        """(topics, MEASURES)."""
        return np.array([list(of.values()) for of in self.per_topic.values()], np.float64)


def search(scores: Any, topics: Sequence[str], shots: Sequence[str], qrels: Qrels) -> Search:
    """Measure (topics, shots) scores. Raises KBError for NaN, or where no topic was judged.

    A run is the DEPTH best shots. Equal scores rank by falling shot id, as in NIST's script.
    Topics without judgements are left out.
    """
    table = np.asarray(scores.detach().cpu() if hasattr(scores, "detach") else scores)
    if table.shape != (len(topics), len(shots)):
        what = f"the scores have the shape {table.shape}, not {(len(topics), len(shots))}"
        raise KBError(what, hint="one row per topic, one column per shot")
    if np.isnan(table).any():
        raise KBError("the scores hold NaN", hint="did the training diverge?")
    falling = np.array(sorted(range(len(shots)), key=shots.__getitem__, reverse=True))
    run: TrecRun = {}
    for row, topic in zip(table, topics, strict=True):
        if qrels.get(topic):
            best = falling[np.argsort(-row[falling], kind="stable")[:DEPTH]]
            run[topic] = Returned([shots[at] for at in best], len(best))
    if not run:
        raise KBError("no topic was judged", hint="the qrels and the topics are of one year")
    return Search(run, qrels, len(shots))
