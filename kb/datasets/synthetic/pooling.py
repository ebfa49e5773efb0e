"""Judgements as TRECVID makes them: runs of several participants, pooled, sampled by depth."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kb.datasets.corpus import Judgement
from kb.datasets.synthetic.draws import Draws, noise
from kb.datasets.synthetic.meaning import UNSTATED, fields, rows, whole
from kb.datasets.synthetic.oracle import agreement
from kb.datasets.synthetic.script import Video
from kb.datasets.synthetic.topics import GeneratedTopic
from kb.datasets.synthetic.world import World

BLIND = (  # a participant each: the facts that its system does not see
    ("manner",),
    ("colour", "size"),
    ("place", "texture"),
    ("shape",),
    ("action",),
    ("manner", "place", "size", "texture"),
    ("colour", "action"),
    ("shape", "manner"),
)
_NOISE = 600  # thousandths of a topic's facts that a system gets wrong by chance
DEPTHS = (200, 1000)  # of a run, to the first stratum and to the second (TRECVID 2016)
SHARES = (100, 10)  # ... and in a small gallery: one of so many shots, FEWEST at least
FEWEST = (5, 10)
JUDGED = 9  # of the second stratum, one in so many (11.1 %); of the first all
_PARTS = 1 << 14  # shots that are compared at a time
Ranks = NDArray[np.int64]


def judge(
    world: World, queries: Sequence[GeneratedTopic], gallery: Sequence[Video], events: int
) -> list[list[Judgement]]:
    """Judgements of each topic, in gallery order; shots outside the pool have none."""
    best = best_ranks(world, queries, gallery, events)
    depths = [
        min(depth, max(fewest, len(gallery) // share))
        for depth, share, fewest in zip(DEPTHS, SHARES, FEWEST, strict=True)
    ]
    return [
        _judged(Draws(world.dataset, world.seed, "sample", at), one, best[at], depths, gallery)
        for at, one in enumerate(queries)
    ]


def _judged(
    draws: Draws, query: GeneratedTopic, best: Ranks, depths: list[int], gallery: Sequence[Video]
) -> list[Judgement]:
    stratum = 1 + np.searchsorted(depths, best, side="right")
    second = [int(shot) for shot in np.flatnonzero(stratum == len(depths))]
    sampled = set(draws.distinct(second, -(-len(second) // JUDGED)))
    judgements = []
    for shot in map(int, np.flatnonzero(stratum <= len(depths))):
        seen = stratum[shot] == 1 or shot in sampled
        gain = int(query.answers[shot]) if seen else -1
        judgements.append(Judgement(gallery[shot].id, int(stratum[shot]), gain))
    return judgements


def best_ranks(
    world: World, queries: Sequence[GeneratedTopic], gallery: Sequence[Video], events: int
) -> Ranks:
    """(topics, shots) the best rank, from 0, that any participant gives a shot."""
    shown = rows([whole(video.script) for video in gallery], events)
    stated = rows([one.meaning for one in queries], events)
    best = np.full((len(queries), len(gallery)), len(gallery), np.int64)
    for number, blind in enumerate(BLIND):
        unseen = [name.rpartition(".")[2] in blind for name in fields(events)]
        visible = np.where(unseen, np.int8(UNSTATED), stated)
        for at, scores in enumerate(_thousandths(visible, shown)):
            key = Draws(world.dataset, world.seed, "participant", number, at).word()
            order = np.argsort(-(scores + noise(key, len(scores), _NOISE)), kind="stable")
            rank = np.empty_like(order)
            rank[order] = np.arange(len(order))
            best[at] = np.minimum(best[at], rank)
    return best


def _thousandths(stated: NDArray[np.int8], shown: NDArray[np.int8]) -> Ranks:
    """(topics, shots) the share of a topic's facts that a shot shows, in thousandths."""
    parts = [shown[at : at + _PARTS] for at in range(0, len(shown), _PARTS)]
    shares = np.concatenate([agreement(stated, part) for part in parts], axis=1)
    return np.asarray(np.rint(1000 * shares), np.int64)
