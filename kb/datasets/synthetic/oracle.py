"""The ground-truth oracle: facts stated by a caption, errors included, against the scripts."""

from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb.datasets.synthetic import truth
from kb.datasets.synthetic.meaning import EVENT_FIELDS, HEAD, UNSTATED, Meaning, rows, whole
from kb.datasets.synthetic.script import Video
from kb.datasets.synthetic.truth import Table

_NUMBERS = 16  # no field has as many values
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
    places = range(events_of(stated))
    head = _agree(stated[:, :HEAD], shown[:, :HEAD])
    events = [[_agree(_event(stated, i), _event(shown, j)) for j in places] for i in places]
    stated_events = (_event_table(stated)[:, :, 0] != UNSTATED).sum(axis=1)
    best = np.zeros_like(head)
    for count in range(1, len(places) + 1):
        of = stated_events == count
        for chosen in combinations(places, count):
            total = sum(events[i][j][of] for i, j in enumerate(chosen))
            best[of] = np.maximum(best[of], total)
    facts = (stated != UNSTATED).sum(axis=1, dtype=np.float32)
    share: Scores = (head + best) / np.maximum(facts, 1)[:, None]
    return share


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


def _agree(stated: Table, shown: Table) -> Scores:
    """(captions, videos) number of stated fields that agree: a product of one-hot rows."""
    count: Scores = _one_hot(stated) @ _one_hot(shown).T
    return count


def _one_hot(table: Table) -> Scores:
    """(rows, fields) -> (rows, fields x numbers), all zero where unstated."""
    hot: Scores = (table[:, :, None] == np.arange(_NUMBERS, dtype=np.int8)).astype(np.float32)
    return hot.reshape(len(table), -1)
