"""Reference points of a dataset's own tasks on its counterpart: multiple choice, missing word, moment."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.corpus import Blank, Caption, Corpus
from kb.datasets.synthetic import lexicon, oracle, truth
from kb.datasets.synthetic.counterparts import COUNTERPARTS
from kb.datasets.synthetic.meaning import EVENT_FIELDS, HEAD, UNSTATED, rows, whole

_GRID = 10  # parts of a video, from whose edges moments are guessed
_ENOUGH = 0.5  # intersection over union of a moment that is found
_TIE = 1e-6
Scores = NDArray[np.float32]
Spans = NDArray[np.float64]  # (moments, 2) start and end
Table = NDArray[np.int8]


def tasks(corpus: Corpus, root: Path, scores: Mapping[str, Scores]) -> dict[str, dict[str, Any]]:
    """By task: number of questions, metric, and reference points in percent.

    `scores` are (captions, videos) of the test split of `corpus`, by system.
    """
    read = COUNTERPARTS[corpus.name].read
    points_by_task = {}
    for protocol, task in _TASKS.items():
        if protocol in read.protocols:
            other = read(root, protocol=protocol, name=corpus.name)
            points_by_task[protocol] = task(corpus, other, root, scores)
    return points_by_task


def _choice(
    corpus: Corpus, task_corpus: Corpus, _: Path, scores: Mapping[str, Scores]
) -> dict[str, Any]:
    """Which of five sentences is the clip's own; a tie is a guess among its sentences."""
    data, questions = corpus.splits["test"], task_corpus.choices["test"]
    row = {caption.text: number for number, caption in enumerate(data.captions)}
    column = {video: number for number, video in enumerate(data.videos)}
    points = {"chance": 100 * float(np.mean([1 / len(one.options) for one in questions]))}
    for who, similarity in scores.items():
        right = []
        for one in questions:
            score = similarity[[row[text] for text in one.options], column[one.video]]
            best = score >= score.max() - _TIE
            right.append(best[one.answer] / best.sum())
        points[who] = 100 * float(np.mean(right))
    return {"metric": "accuracy", "questions": len(questions), "points": points}


def _blank(
    corpus: Corpus, task_corpus: Corpus, root: Path, scores: Mapping[str, Scores]
) -> dict[str, Any]:
    """Which word is missing.

    The oracle knows the fact that the word states, and answers the word that states it most often.
    """
    del corpus, root, scores
    questions = task_corpus.blanks["test"]
    usual = Counter(one.answer for one in task_corpus.blanks["train"])
    words = sorted(usual, key=lambda word: (-usual[word], word))
    by_fact: dict[object, str] = {}
    for word in words:
        by_fact.setdefault(_FACTS.get(word, word), word)
    points = {
        "chance": _share(questions, lambda one: float(one.answer in usual) / len(words)),
        "most frequent word": _share(questions, lambda one: one.answer == words[0]),
        "oracle": _share(
            questions, lambda one: by_fact.get(_FACTS.get(one.answer, one.answer)) == one.answer
        ),
    }
    return {"metric": "accuracy", "questions": len(questions), "points": points}


def _share(questions: Sequence[Blank], right: Callable[[Blank], float]) -> float:
    return 100 * float(np.mean([right(one) for one in questions]))


def _facts() -> dict[str, object]:
    """Word -> the fact it states, in its form: synonyms state the same."""
    fact_of: dict[str, object] = dict.fromkeys(lexicon.ABOVE, "a thing")
    groups = (lexicon.NOUNS, lexicon.COLOURS, lexicon.SIZES, lexicon.TEXTURES, lexicon.MANNERS)
    for group in groups:
        fact_of |= {word: fact for fact, words in group.items() for word in words}
    for action, verbs in lexicon.VERBS.items():
        for forms in verbs:
            fact_of |= {form.split()[0]: (action, i) for i, form in enumerate(forms) if form}
    return fact_of


_FACTS = _facts()


def _moments(
    corpus: Corpus, task_corpus: Corpus, root: Path, scores: Mapping[str, Scores]
) -> dict[str, Any]:
    """Temporal localisation of a sentence; right if it overlaps enough with the marked moment."""
    del scores
    test = task_corpus.splits["test"].captions
    marked = _relative(task_corpus, test)
    learnt = _relative(task_corpus, task_corpus.splits["train"].captions)
    edges = np.linspace(0, 1, _GRID + 1)
    guesses = np.array(list(combinations(edges, 2)))
    usual = guesses[int(np.argmax([_localised(learnt, guess).mean() for guess in guesses]))]
    points = {
        "chance": float(np.mean([_localised(marked, guess).mean() for guess in guesses])),
        "whole video": float(_localised(marked, np.array([0.0, 1.0])).mean()),
        "most frequent moment": float(_localised(marked, usual).mean()),
        "oracle": float(np.mean(_by_script(corpus, task_corpus, root))),
    }
    percent = {who: 100 * share for who, share in points.items()}
    return {"metric": "R@1, IoU >= 0.5", "questions": len(test), "points": percent}


def _relative(task_corpus: Corpus, captions: Sequence[Caption]) -> Spans:
    """(captions, 2) start and end as shares of the video's length."""
    spans = [np.array(c.span) / task_corpus.durations[c.video] for c in captions]
    return np.array(spans)


def _localised(marked: Spans, guess: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(moments,) whether a guess overlaps enough with each: intersection over union."""
    inter = np.minimum(marked[..., 1], guess[..., 1]) - np.maximum(marked[..., 0], guess[..., 0])
    union = np.maximum(marked[..., 1], guess[..., 1]) - np.minimum(marked[..., 0], guess[..., 0])
    return np.asarray(inter >= _ENOUGH * union)


def _by_script(corpus: Corpus, task_corpus: Corpus, root: Path) -> list[float]:
    """For each sentence, the share of best-agreeing acts that overlap enough with its moment."""
    stated, owner = truth.meanings(root)
    every = truth.videos(root)
    test = [at for at, row in enumerate(owner) if every[row].split == "test"]
    count = oracle.events_of(stated)
    right = []
    for at, own in zip(test, corpus.splits["test"].captions, strict=True):
        script, moments = every[owner[at]].script, task_corpus.moments[own.video]
        second = task_corpus.durations[own.video] / script.frames
        acts = np.array([[event.start, event.end] for event in script.events]) * second
        stated_events = _events(stated[at], count)[: len(moments)]
        shown = _events(rows([whole(script)], count)[0], count)[: len(acts)]
        agree = ((stated_events[:, None] == shown) & (stated_events[:, None] != UNSTATED)).sum(
            axis=2
        )
        for moment, score in zip(moments, agree, strict=True):
            best = acts[score == score.max()]
            right.append(float(_localised(best, np.array([moment.start, moment.end])).mean()))
    return right


def _events(row: Table, count: int) -> Table:
    return row[HEAD:].reshape(count, len(EVENT_FIELDS))


Task = Callable[[Corpus, Corpus, Path, Mapping[str, Scores]], dict[str, Any]]
_TASKS: dict[str, Task] = {"mc": _choice, "fib": _blank, "moments": _moments}
