"""What a caption can tell at best: its stated facts against the scripts, errors included."""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.diorama.meaning import EVENT_FIELDS, EVENTS, FIELDS, HEAD, UNSTATED, rows, whole
from kb.datasets.diorama.script import Video, script_from
from kb.records.errors import Exit, KBError

TRUTH = "diorama.json"  # scripts, twins, parameters: for the oracle and for analysis only
MEANINGS = "diorama.meanings.npy"  # (captions, fields): what each caption states, in file order
_NUMBERS = 16  # no field has as many values
Scores = NDArray[np.float32]
Table = NDArray[np.int8]


def truth(root: Path) -> dict[str, Any]:
    """The sidecar of a generated data set: parameters, and every video with its script."""
    path = root / TRUTH
    if not path.is_file():
        what = "is not there: only a generated data set has its truth"
        raise KBError(what, where=path, mend="kb data make", code=Exit.UNREACHABLE)
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


def videos(root: Path) -> list[Video]:
    """Every video with its script, in the order of the annotation files."""
    return [Video(**{**v, "script": script_from(v["script"])}) for v in truth(root)["videos"]]


def meanings(root: Path) -> Table:
    """(captions, fields) what each caption states, in the order of the annotation files."""
    table: Table = np.load(root / MEANINGS)
    return table


def similarity(root: Path, split: str = "test") -> Scores:
    """(captions, videos) of a split: the share of a caption's facts that a video bears out.

    A caption that leaves out what tells twins apart scores both the same: such ties are real.
    """
    every = videos(root)
    wanted = [v.split == split for v in every]
    scripts = rows([whole(v.script) for v in every if v.split == split])
    stated = meanings(root)
    per_video = len(stated) // len(every)
    return agreement(stated[np.repeat(wanted, per_video)], scripts)


def agreement(stated: Table, shown: Table) -> Scores:
    """(captions, videos) share of stated facts that agree, at the best alignment of the events.

    An alignment keeps the order that the caption claims and may skip events of the video.
    """
    head = _agree(stated[:, :HEAD], shown[:, :HEAD])
    events = [
        [_agree(_event(stated, i), _event(shown, j)) for j in range(EVENTS)] for i in range(EVENTS)
    ]
    told = (_event_table(stated)[:, :, 0] != UNSTATED).sum(axis=1)
    best = np.zeros_like(head)
    for count in range(1, EVENTS + 1):
        of = told == count
        for places in combinations(range(EVENTS), count):
            total = sum(events[i][j][of] for i, j in enumerate(places))
            best[of] = np.maximum(best[of], total)
    facts = (stated != UNSTATED).sum(axis=1, dtype=np.float32)
    share: Scores = (head + best) / np.maximum(facts, 1)[:, None]
    return share


def distinguishing(every: list[Video]) -> dict[str, list[tuple[int, int]]]:
    """Pairs of positions of twins, by how they differ: each twin with the first of its family."""
    first = {v.family: i for i, v in enumerate(every) if not v.twin}
    pairs: dict[str, list[tuple[int, int]]] = {}
    for i, video in enumerate(every):
        if video.twin:
            pairs.setdefault(video.twin, []).append((first[video.family], i))
    return pairs


def _event_table(table: Table) -> Table:
    return table[:, HEAD:].reshape(len(table), EVENTS, len(EVENT_FIELDS))


def _event(table: Table, number: int) -> Table:
    return _event_table(table)[:, number]


def _agree(stated: Table, shown: Table) -> Scores:
    """(captions, videos) count of fields stated and borne out: one product of one-hot rows."""
    count: Scores = _one_hot(stated) @ _one_hot(shown).T
    return count


def _one_hot(table: Table) -> Scores:
    """(rows, fields) -> (rows, fields x numbers), all zero where unstated."""
    hot: Scores = (table[:, :, None] == np.arange(_NUMBERS, dtype=np.int8)).astype(np.float32)
    return hot.reshape(len(table), -1)


assert len(FIELDS) == HEAD + EVENTS * len(EVENT_FIELDS)
