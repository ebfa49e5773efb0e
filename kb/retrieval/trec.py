"""TREC's two file formats: a run (what was returned) and qrels (what was judged, by stratum)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np

from kb.records import plainfile
from kb.records.errors import KBError
from kb.retrieval.counting import BLOCK, Rows, numpy_of

_LONGEST = 1000  # characters of a line
_QRELS = "a line of qrels is: topic 0 shot stratum relevance"
_RUN = "a line of a run is: topic 0 shot rank score tag"
_UNSAMPLED = -1


@dataclass(frozen=True)
class Judgement:
    """A shot of the pool: its stratum, and its grade; -1 is in the pool and was not sampled."""

    stratum: str
    grade: float


@dataclass(frozen=True)
class Returned:
    """What a run returned for one topic."""

    shots: list[str]  # best first, each once
    lines: int  # of the file, repeats included


Qrels = dict[str, dict[str, Judgement]]  # topic -> shot -> judgement
TrecRun = dict[str, Returned]


def read_qrels(path: Path) -> Qrels:
    """Judgements by topic and shot, of lines `topic 0 shot stratum relevance`.

    Four columns (`topic 0 shot relevance`) are one stratum. Raises KBError for a line that is none
    of these, a shot judged twice in a topic, a file without a line.
    """
    qrels: Qrels = defaultdict(dict)
    for number, fields in _lines(path):
        stratum = fields[3] if len(fields) == 5 else "1"  # noqa: PLR2004  (columns)
        grade = _number(fields[-1]) if len(fields) in {4, 5} else None
        if grade is None or grade < _UNSAMPLED:
            raise KBError("is no judgement", where=path, line=number, hint=_QRELS)
        topic, shot = fields[0], fields[2]
        if shot in qrels[topic]:
            raise KBError(f"{shot} of topic {topic} is judged twice", where=path, line=number)
        qrels[topic][shot] = Judgement(stratum, grade)
    _refuse_empty(qrels, path, _QRELS)
    return dict(qrels)


def read_run(path: Path) -> TrecRun:
    """What a run returned, of lines `topic 0 shot rank score tag`, as NIST's script orders it.

    By falling score; the rank column is not read. Equal scores rank by falling shot id, and a shot
    returned twice keeps its last score. Comment lines before the first line (`#`) are passed over.
    """
    scores: dict[str, dict[str, float]] = defaultdict(dict)
    lines: dict[str, int] = defaultdict(int)
    for number, fields in _lines(path):
        if not lines and fields[0].startswith("#"):
            continue  # of a header
        score = _number(fields[4]) if len(fields) == 6 else None  # noqa: PLR2004  (columns)
        if score is None:
            raise KBError("is no line of a run", where=path, line=number, hint=_RUN)
        scores[fields[0]][fields[2]] = score
        lines[fields[0]] += 1
    run = {topic: Returned(_ordered(of), lines[topic]) for topic, of in scores.items()}
    _refuse_empty(run, path, _RUN)
    return run


def ranked(
    scores: Rows, topics: Sequence[str], shots: Sequence[str], depth: int
) -> Iterator[tuple[str, dict[str, float]]]:
    """The best shots of each topic, from scores (topics, shots); equal ones by falling shot id.

    Raises KBError for a wrong number of names, a repeated name or one with a blank, and NaN.
    """
    for what, names, size in zip(("topic", "shot"), (topics, shots), scores.shape, strict=True):
        _refuse_names(what, names, size)
    place = np.argsort(np.argsort(np.array(shots)))  # of each id among all, as strings
    step = max(1, BLOCK // len(shots))
    for start in range(0, len(topics), step):
        block = scores.rows(start, min(start + step, len(topics)))
        table = np.asarray(numpy_of(block), np.float64)
        if np.isnan(table).any():
            raise KBError("the scores hold NaN", hint="correct the model")
        for topic, row in zip(topics[start : start + step], table, strict=True):
            best = np.lexsort((place, row))[::-1][:depth]
            yield topic, {shots[item]: float(row[item]) for item in best}


def _refuse_names(what: str, names: Sequence[str], size: int) -> None:
    if len(names) != size:
        raise KBError(f"there are {len(names)} {what} ids, the scores have {size} {what}s")
    if len(set(names)) != size:
        raise KBError(f"a {what} id is there twice")
    blank = next((name for name in names if name.split() != [name]), None)
    if blank is not None:
        raise KBError(f"{blank!r} is no {what} id", hint="an id is one word")


def write_run(rows: Iterable[tuple[str, dict[str, float]]], tag: str) -> Iterator[str]:
    """Lines of a run file from (topic, scores by shot), best first, without their line ends."""
    for topic, scores in rows:
        for rank, shot in enumerate(_ordered(scores), 1):
            yield f"{topic} 0 {shot} {rank} {scores[shot]!r} {tag}"


def _ordered(scores: dict[str, float]) -> list[str]:
    return sorted(scores, key=lambda shot: (scores[shot], shot), reverse=True)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        plainfile.refuse_devices(path, "name a text file")
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if len(line) > _LONGEST:
                    raise KBError("is too long a line", where=path, line=number)
                if line.strip():
                    yield number, line.split()
    except FileNotFoundError as error:
        raise KBError("is not there", where=path) from error
    except (OSError, UnicodeDecodeError) as error:
        raise KBError("cannot be read as text", where=path) from error


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def _refuse_empty(topics: Qrels | TrecRun, path: Path, hint: str) -> None:
    if not topics:
        raise KBError("has no line", where=path, hint=hint)
