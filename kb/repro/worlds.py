"""Synthetic datasets as benchmarks: chance, oracle and baseline, overall and on minimal pairs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kb import datasets
from kb.datasets.corpus import Corpus
from kb.datasets.synthetic import contact_sheet, oracle, questions
from kb.datasets.synthetic.counterparts import COUNTERPARTS
from kb.records.worlds import Measured
from kb.repro import reference
from kb.repro.baseline import NAME as BASELINE
from kb.repro.minimal_pairs import SIGNIFICANT, Right, accuracy, differ, minimal_pairs_of
from kb.repro.plan import plan
from kb.repro.scoring import score_split, similarity
from kb.repro.split_tensors import load_split
from kb.repro.train import Training
from kb.repro.views.view import owners
from kb.repro.vocabulary import Vocabulary

Progress = Callable[[str, int, int], None]
Scores = NDArray[np.float32]


@dataclass
class _EpochProgress:
    """Reports the epochs of the baseline as progress."""

    progress: Progress
    epochs: int

    def steps(self, done: int, of: int) -> None:
        """Steps are too short to report."""

    def epoch(self, row: dict[str, Any]) -> None:
        """An epoch is done."""
        self.progress("baseline", row["epoch"], self.epochs)


class _Unlimited:
    """A budget without limit."""

    def allows(self, seconds: float) -> bool:
        """Always."""
        return seconds >= 0


def measure(
    name: str,
    *,
    size: str,
    seed: int = 0,
    progress: Progress,
    epochs: int | None = None,
) -> Measured:
    """Reference points of a synthetic test split, as `data/worlds.json` stores them."""
    root = datasets.make(name, size=size, seed=seed, progress=progress)
    corpus = datasets.load(name, size=size, seed=seed)
    scores = {
        "oracle": oracle.similarity(root),
        BASELINE: baseline(corpus, progress, epochs=epochs),
    }
    right, pairs = right_for(corpus, scores["oracle"]), minimal_pairs_of(corpus)
    pairs = {
        kind: columns
        for kind, columns in pairs.items()
        if accuracy(right, right, columns) is not None
    }
    points = {
        who: {
            **score_split(corpus, similarity_matrix).metrics,
            "twins": {
                kind: accuracy(similarity_matrix, right, columns) for kind, columns in pairs.items()
            },
        }
        for who, similarity_matrix in scores.items()
    }
    counterpart = COUNTERPARTS[name]
    row = {
        "name": name,
        "size": size,
        "seed": seed,
        "fingerprint": corpus.fingerprint,
        "keeps": list(counterpart.keeps),
        "leaves": list(counterpart.leaves),
        "splits": {
            split: {"videos": len(data.videos), "captions": len(data.captions)}
            for split, data in corpus.splits.items()
        },
        "topics": len(corpus.topics) or None,
        "twins": {
            kind: int(differ(right, columns).any(0).sum()) for kind, columns in pairs.items()
        },
        "points": {"chance": reference.chance(corpus), **points},
        "tasks": questions.tasks(corpus, root, scores) or None,
        "spreads": contact_sheet.spreads(corpus, root),
        "sheet": contact_sheet.examples(corpus, root),
    }
    return Measured.model_validate(row)


def baseline(corpus: Corpus, progress: Progress, epochs: int | None = None) -> Scores:
    """(captions, videos) test scores of the baseline, trained as in runs."""
    texts = [caption.text for caption in corpus.splits["train"].captions]
    words, device = Vocabulary.build(texts), torch.device("cpu")
    torch.set_num_threads(1)  # as runs on small worlds: the same sums on any machine
    torch.manual_seed(0)
    changes = None if epochs is None else {"epochs": epochs}
    chosen = plan(BASELINE, corpus, words, seed=0, changes=changes)
    splits = {
        split: load_split(corpus, split, words, chosen.views, device)
        for split in ("train", "val", "test")
    }
    training = Training(
        chosen.build(), chosen.recipe, splits["train"], splits["val"], seed=chosen.seed
    )
    training.run(
        callback=_EpochProgress(progress, chosen.recipe.schedule.epochs),
        budget=_Unlimited(),
        checkpoint=lambda _: None,
    )
    scores: Scores = similarity(training.model, splits["test"]).numpy()
    return scores


def right_for(corpus: Corpus, oracle: Scores) -> Right:
    """(queries, videos) which videos answer a query: its own, or all that show what a topic states.

    For topics this is the truth, not the judgements, which leave most of the gallery unjudged.
    """
    if corpus.topics:
        return np.asarray(oracle >= 1 - SIGNIFICANT)
    owner = owners(corpus.splits["test"])
    return np.asarray(owner[:, None] == np.arange(oracle.shape[1]))
