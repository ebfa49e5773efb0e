"""Intervals of stored runs, computed again from their ranks: `kb check --recompute-intervals`.

Only intervals change. They resample families of videos where the world of a record's fingerprint
can be read or generated, else videos where all have the same number of captions. What does not
follow keeps its interval, which names what it resampled: mAP where a query has several right
answers, runs of other data, runs by topics.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb import datasets
from kb.datasets.corpus import Corpus
from kb.datasets.synthetic.counterparts import COUNTERPARTS
from kb.datasets.synthetic.probes import Probe
from kb.records import Library, Run
from kb.records.runs import Data, Intervals, Resampled
from kb.records.store import read_run
from kb.repro import ranks, store
from kb.repro.scoring import bounded, families
from kb.repro.views.view import owners
from kb.retrieval import Relevance, bootstrap, measures

Progress = Callable[[str, int, int], None]
Indices = NDArray[np.int64]
TIES = "expected"  # the rule of all records


@dataclass(frozen=True)
class _Clusters:
    """What a run resamples."""

    resampled: Resampled
    owner: Indices  # (captions,) row of each caption's video
    family: Indices | None  # (videos,)

    def of(self, run: Run) -> dict[str, Indices]:
        """Direction -> cluster of each of its queries."""
        captions, videos = len(self.owner), run.data.gallery
        caption, video = Relevance.read(self.owner, captions, videos).clusters(self.family)
        return {"t2v": caption, "v2t": video[np.unique(self.owner)]}


def recompute(library: Library, progress: Progress | None = None) -> tuple[int, int]:
    """Rewrite the intervals of all runs; how many changed, of how many."""
    changed, worlds = 0, _Worlds(progress)
    paths = sorted((library.data / "results").glob("*/*.json"))
    for path in paths:
        run = read_run(path)
        if again := intervals(run, worlds):
            merged = {side: {**run.intervals.get(side, {}), **of} for side, of in again.items()}
            changed += store.replace_intervals(library, path, {**run.intervals, **merged})
    return changed, len(paths)


class _Worlds:
    """Synthetic test splits by a record's data, read once."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self._clusters: dict[str, _Clusters | None] = {}

    def clusters(self, data: Data) -> _Clusters | None:
        """None where the data are no synthetic ones, or no longer generated alike."""
        if data.fingerprint not in self._clusters:
            self._clusters[data.fingerprint] = self._read(data)
        return self._clusters[data.fingerprint]

    def _read(self, data: Data) -> _Clusters | None:
        corpus: Corpus
        if data.probe is not None:
            corpus = datasets.catalogue.load_probe(probe_of(data), self.progress)
        elif data.name not in COUNTERPARTS or data.size not in COUNTERPARTS[data.name].sizes:
            return None
        else:
            corpus = datasets.load(
                data.name, size=data.size, protocol=data.protocol, progress=self.progress
            )
        if corpus.fingerprint != data.fingerprint:
            return None
        owner = owners(corpus.splits[data.split])
        return _Clusters("families", owner, families(corpus, data.split))


def probe_of(data: Data) -> Probe:
    """The probe world of a record's data."""
    of = data.probe
    assert of is not None
    return Probe(of.mechanism, of.level, of.seed, tuple(of.inputs), data.size or "small")


def intervals(run: Run, worlds: _Worlds) -> Intervals:
    """Intervals of all metrics that a run's ranks decide; {} where its clusters are unknown."""
    sides = ("t2v", "v2t")
    if run.status == "failed" or not all(ranks.has(run, side) for side in sides):
        return {}
    clusters = worlds.clusters(run.data) or _same_number(run)
    if clusters is None:
        return {}
    single = {"t2v": True, "v2t": len(np.unique(clusters.owner)) == len(clusters.owner)}
    samples = {
        side: _sample(run, side, of, single=single[side]) for side, of in clusters.of(run).items()
    }
    values = {**run.metrics, "both": run.metrics}
    return {
        side: bounded(values[side], bounds, clusters.resampled)
        for side, bounds in bootstrap.intervals(samples).items()
    }


def _same_number(run: Run) -> _Clusters | None:
    """Captions by video where every video has as many; None for a run with families."""
    data, each = run.data, int(run.data.captions_per_video)
    known = any(x.resampled == "families" for of in run.intervals.values() for x in of.values())
    if known or not each or each != data.captions_per_video or data.queries != each * data.gallery:
        return None
    return _Clusters("videos", np.repeat(np.arange(data.gallery), each), None)


def _sample(run: Run, direction: str, cluster: Indices, *, single: bool) -> bootstrap.Sample:
    """A direction of a run; `single`: its queries have one right answer each."""
    best = ranks.best(run, direction)
    per_query = {f"R@{k}": 100 * measures.hits(best, k, TIES) for k in measures.CUTOFFS}
    rank = measures.ranks(best, TIES)
    per_query |= {"MnR": rank, "MRR": measures.reciprocal(best, TIES)}
    if single:
        per_query["mAP"] = 100 * per_query["MRR"]
    return bootstrap.Sample(per_query, rank, cluster)
