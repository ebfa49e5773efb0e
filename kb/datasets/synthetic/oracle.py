"""The ground-truth oracle: facts stated by a caption, errors included, against the scripts."""

from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb.datasets.synthetic import truth
from kb.datasets.synthetic.meaning import (
    EVENT_FIELDS,
    HEAD,
    UNSTATED,
    Meaning,
    fields,
    rows,
    whole,
)
from kb.datasets.synthetic.script import SHAPES, Video
from kb.datasets.synthetic.truth import Table

NUMBERS = 16  # no field has as many values
Scores = NDArray[np.float32]


def similarity(root: Path, split: str = "test") -> Scores:
    """(queries, videos) of a split: the share of a caption's or topic's facts that a video shows.

    A caption that omits the fact in which a minimal pair differs gives both videos the same score.
    """
    stated = truth.queries(root, split)
    shown = [whole(video.script) for video in truth.videos(root) if video.split == split]
    return agreement(stated, rows(shown, events_of(stated)))


def events_of(table: Table) -> int:
    """Number of event slots of a row."""
    return int(table.shape[1] - HEAD) // len(EVENT_FIELDS)


def agreement(stated: Table, shown: Table) -> Scores:
    """(captions, videos) share of stated facts that agree, at the best alignment of the events.

    An alignment keeps the order that the caption claims and may skip events of the video.
    """
    facts = (stated != UNSTATED).sum(axis=1, dtype=np.float32)
    share: Scores = aligned(stated, one_hot(shown)) / np.maximum(facts, 1)[:, None]
    return share


def aligned(stated: Table, weights: Scores) -> Scores:
    """(captions, videos) sum of the weights of the stated facts, at the best alignment.

    `weights` are (videos, fields, NUMBERS), none negative: what each value of a field counts.
    """
    places = range(events_of(stated))
    width = len(EVENT_FIELDS)
    head = total(stated[:, :HEAD], weights[:, :HEAD])
    by_event = [weights[:, HEAD + j * width : HEAD + (j + 1) * width] for j in places]
    events = [[total(_event(stated, i), by_event[j]) for j in places] for i in places]
    stated_events = (_event_table(stated)[:, :, 0] != UNSTATED).sum(axis=1)
    best = np.zeros_like(head)
    for count in range(1, len(places) + 1):
        of = stated_events == count
        for chosen in combinations(places, count):
            agreeing = sum(events[i][j][of] for i, j in enumerate(chosen))
            best[of] = np.maximum(best[of], agreeing)
    return np.asarray(head + best, np.float32)


def bag(stated: Table, shown: Table) -> Scores:
    """(captions, videos) share of stated values that a video shows anywhere, each as often as there.

    What a bag of all words can know at most: which values, but not of whom or in which order.
    """
    counts = _values(stated), _values(shown)
    both = np.zeros((len(stated), len(shown)), np.float32)
    for column in np.flatnonzero(counts[0].any(axis=0)):
        told = np.flatnonzero(counts[0][:, column])
        both[told] += np.minimum(counts[0][told, column, None], counts[1][:, column])
    share: Scores = both / np.maximum(counts[0].sum(axis=1), 1)[:, None]
    return share


def colours(table: Table) -> Table:
    """(rows, shapes) the colour of the figure of each shape, where a row has both; else UNSTATED."""
    names = fields(events_of(table))
    colour_of = np.full((len(table), len(SHAPES)), UNSTATED, np.int8)
    for at, name in enumerate(names):
        if name.endswith(".shape"):
            shape, colour = table[:, at], table[:, names.index(f"{name[:-5]}colour")]
            both = np.nonzero((shape != UNSTATED) & (colour != UNSTATED))[0]
            colour_of[both, shape[both]] = colour[both]
    return colour_of


def _values(table: Table) -> Scores:
    """(rows, kinds x NUMBERS) how often each value of a kind (shape, colour, ...) is in a row."""
    hot = one_hot(table)
    names = [name.rsplit(".", 1)[-1] for name in fields(events_of(table))]
    kinds = sorted(set(names))
    summed = [hot[:, [at for at, n in enumerate(names) if n == kind]].sum(axis=1) for kind in kinds]
    return np.concatenate(summed, axis=1)


def borne_out(meaning: Meaning, shown: Table, events: int) -> NDArray[np.bool_]:
    """(videos,) whether each row of `shown` agrees with every fact of a meaning, in its order."""
    stated = rows([meaning], events)
    agreeing = np.zeros(len(shown), np.bool_)
    for chosen in combinations(range(events), len(meaning.events)):
        pairs = [(_event(stated, i), _event(shown, j)) for i, j in enumerate(chosen)]
        pairs.append((stated[:, :HEAD], shown[:, :HEAD]))
        agreeing |= np.all([_all_agree(own[0], there) for own, there in pairs], axis=0)
    return agreeing


def _all_agree(stated: Table, shown: Table) -> NDArray[np.bool_]:
    """(fields,), (videos, fields) -> (videos,)."""
    is_stated = stated != UNSTATED
    agree: NDArray[np.bool_] = (shown[:, is_stated] == stated[is_stated]).all(axis=1)
    return agree


def distinguishing(every: list[Video]) -> dict[str, list[tuple[int, int]]]:
    """Positions of minimal pairs, by the fact that differs: each variant with its family's first."""
    first = {v.family: i for i, v in enumerate(every) if not v.twin}
    pairs: dict[str, list[tuple[int, int]]] = {}
    for i, video in enumerate(every):
        if video.twin:
            pairs.setdefault(video.twin, []).append((first[video.family], i))
    return pairs


def _event_table(table: Table) -> Table:
    return table[:, HEAD:].reshape(len(table), events_of(table), len(EVENT_FIELDS))


def _event(table: Table, number: int) -> Table:
    return _event_table(table)[:, number]


def total(stated: Table, weights: Scores) -> Scores:
    """(captions, videos) weights of the stated values, summed over the fields."""
    flat = one_hot(stated).reshape(len(stated), -1)
    sums: Scores = flat @ weights.reshape(len(weights), -1).T
    return sums


def one_hot(table: Table) -> Scores:
    """(rows, fields) -> (rows, fields, NUMBERS), all zero where unstated."""
    hot: Scores = (table[:, :, None] == np.arange(NUMBERS, dtype=np.int8)).astype(np.float32)
    return hot
