"""Diorama in the TRECVID's ad-hoc search format: topics, a gallery without captions, judgements.

Judgements are made as TRECVID makes them: runs of several participants, pooled, sampled by depth.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb.datasets.corpus import Judgement, Topic
from kb.datasets.readers.avs import TRAIN, VAL, write_topics
from kb.datasets.synthetic import modalities, topics, truth
from kb.datasets.synthetic.draws import Draws, noise
from kb.datasets.synthetic.grammar import Sentence
from kb.datasets.synthetic.meaning import UNSTATED, fields, rows, whole
from kb.datasets.synthetic.oracle import agreement
from kb.datasets.synthetic.script import Video
from kb.datasets.synthetic.topics import GeneratedTopic
from kb.datasets.synthetic.video_names import letters
from kb.datasets.synthetic.world import Progress, World, counted

GALLERY, YEAR = "iacc.3", "tv16"
FIRST = 501  # number of the year's first topic
_PROGRAMME, _SHOTS = 35_345, 70  # number of the first programme, shots of each
_GIF = 50  # of 100 training videos: with one caption, as TGIF's; the others as MSR-VTT's
_SENTENCES = 2  # of a video of tv2016train: sets A and B
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


def write(world: World, folder: Path, progress: Progress) -> None:
    """Write the gallery `iacc.3`, the training collections, and the features of all."""
    videos = list(counted(_named(world), world, progress))
    seen = modalities.write(world, videos, folder, progress)
    training_captions: list[truth.VideoCaption] = []
    for split, collection in (("train", TRAIN), ("val", VAL)):
        own = [video for video in videos if video.split == split]
        own_captions = [(video, one) for video in own for one in _captions(world, video)]
        training_captions += [(video, [one]) for video, (_, one) in own_captions]
        lines = [f"{video.id}#{number} {one.text}" for video, (number, one) in own_captions]
        truth.lines(lines, folder / collection / "TextData" / f"{collection}.caption.txt")
        truth.lines([v.id for v in own], folder / collection / "VideoSets" / f"{collection}.txt")
    truth.write(world, videos, training_captions, seen, folder)
    gallery = [video for video in videos if video.split == "test"]
    truth.lines([v.id for v in gallery], folder / GALLERY / "VideoSets" / f"{GALLERY}.txt")
    events = max(len(video.script.events) for video in videos)
    composed = topics.compose(world, gallery, events)
    truth.write_topics([one.meaning for one in composed], events, folder)
    text = folder / GALLERY / "TextData"
    text.mkdir()
    numbered = [Topic(str(number), one.text) for number, one in enumerate(composed, FIRST)]
    judged = judge(world, composed, gallery, events)
    by_topic = {topic.id: judgements for topic, judgements in zip(numbered, judged, strict=True)}
    write_topics(numbered, by_topic, text, YEAR)


def _captions(world: World, video: Video) -> list[tuple[int, Sentence]]:
    count = _SENTENCES if video.split == "val" else world.size.captions
    if video.id.startswith("tumblr"):
        count = 1
    return list(enumerate(world.captions(video, count)))


def _named(world: World) -> Iterator[Video]:
    """Names as the collections give them: MSR-VTT's, TGIF's, a Vine's number, programme and shot."""
    count = dict.fromkeys(("train", "val", "test"), 0)
    for video in world.videos():
        number = count[video.split]
        count[video.split] += 1
        draws = Draws(world.dataset, world.seed, "name", video.split, number)
        if video.split == "test":
            programme, shot = divmod(number, _SHOTS)
            yield replace(video, id=f"shot{_PROGRAMME + programme}_{shot + 1}")
        elif video.split == "val":
            yield replace(video, id=str(number + 1))
        elif draws.chance(_GIF):
            yield replace(video, id=f"tumblr_{letters(draws, 17)}")
        else:
            yield replace(video, id=f"video{number}")


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
