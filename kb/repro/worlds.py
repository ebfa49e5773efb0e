"""What a staging of the world is worth as a test: chance, oracle, baseline, and each on twins."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kb import datasets
from kb.datasets.corpus import Corpus
from kb.datasets.diorama import oracle, truth
from kb.datasets.diorama.stagings import STAGINGS
from kb.records.worlds import Measured
from kb.repro import reference
from kb.repro.baseline import NAME as BASELINE
from kb.repro.baseline import BowMean
from kb.repro.batches import owners, views
from kb.repro.plan import plan
from kb.repro.scoring import similarity
from kb.repro.train import Training
from kb.repro.vocabulary import Vocabulary
from kb.retrieval import evaluate

Progress = Callable[[str, int, int], None]
Scores = NDArray[np.float32]
SIGNIFICANT = 1e-6  # scores closer than this are a tie


@dataclass
class _Watcher:
    """Tells the epochs of the baseline as progress."""

    progress: Progress
    epochs: int

    def steps(self, done: int, of: int) -> None:
        """Steps are too short to tell."""

    def epoch(self, row: dict[str, Any]) -> None:
        """An epoch is done."""
        self.progress("baseline", row["epoch"], self.epochs)


class _Unlimited:
    """There is always time."""

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
    """Reference points of a staging's test split, as `data/worlds.json` holds them."""
    root = datasets.make(name, size=size, seed=seed, progress=progress)
    corpus = datasets.load(name, size=size, seed=seed)
    relevance = owners(corpus.splits["test"])
    scores = {
        "oracle": oracle.similarity(root),
        BASELINE: baseline(corpus, progress, epochs=epochs),
    }
    pairs = twins_of(corpus, root)
    points = {
        who: {
            **reference.metrics(evaluate(similarity=found, relevance=relevance)),
            "twins": {kind: told_apart(found, relevance, two) for kind, two in pairs.items()},
        }
        for who, found in scores.items()
    }
    staging = STAGINGS[name]
    row = {
        "name": name,
        "size": size,
        "seed": seed,
        "fingerprint": corpus.fingerprint,
        "keeps": list(staging.keeps),
        "leaves": list(staging.leaves),
        "splits": {
            split: {"videos": len(data.videos), "captions": len(data.captions)}
            for split, data in corpus.splits.items()
        },
        "twins": {kind: len(two) for kind, two in pairs.items()},
        "points": {"chance": reference.chance(corpus), **points},
    }
    return Measured.model_validate(row)


def baseline(corpus: Corpus, progress: Progress, epochs: int | None = None) -> Scores:
    """(captions, videos) of the test split by a bag of words over mean frames, trained as runs are."""
    texts = [caption.text for caption in corpus.splits["train"].captions]
    words, device = Vocabulary.build(texts), torch.device("cpu")
    torch.set_num_threads(1)  # as runs on small worlds: the same sums on any machine
    torch.manual_seed(0)
    changes = None if epochs is None else {"epochs": epochs}
    chosen = plan(BASELINE, corpus, words, seed=0, changes=changes)
    training = Training(chosen.build(), chosen.recipe, chosen.seed)
    sides = {
        split: views(corpus, split, words, BowMean.needs, device)
        for split in ("train", "val", "test")
    }
    training.run(
        sides["train"],
        sides["val"],
        watcher=_Watcher(progress, chosen.recipe.epochs),
        budget=_Unlimited(),
        keep=lambda _: None,
    )
    scores: Scores = similarity(training.model, sides["test"]).numpy()
    return scores


def twins_of(corpus: Corpus, root: Path) -> dict[str, list[tuple[int, int]]]:
    """Pairs of columns of the test gallery whose videos are twins, by how they differ."""
    column = {video: number for number, video in enumerate(corpus.splits["test"].videos)}
    every = truth.videos(root)
    found: dict[str, list[tuple[int, int]]] = {}
    for kind, pairs in sorted(oracle.distinguishing(every).items()):
        named = [(every[a].id, every[b].id) for a, b in pairs]
        two = [(column[a], column[b]) for a, b in named if a in column and b in column]
        if two:
            found[kind] = two
    return found


def told_apart(scores: Scores, owner: NDArray[np.int64], pairs: list[tuple[int, int]]) -> float:
    """Percent of captions of twins that score their own video above its twin; a tie counts half."""
    right = []
    for one, other in pairs:
        for own, wrong in ((one, other), (other, one)):
            gap = scores[owner == own, own] - scores[owner == own, wrong]
            right += list(np.where(np.abs(gap) < SIGNIFICANT, 0.5, gap > 0))
    return 100 * float(np.mean(right))
