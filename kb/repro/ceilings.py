"""What the data of a probe world allow: ground truth, a perfect bag of words, a probe on the features.

The probe is a small network that learns the facts of a video from its features, and ranks videos by
the probability of what a caption states. What it cannot tell apart, no model of these inputs is
asked to.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from kb.datasets.corpus import Corpus
from kb.datasets.synthetic import oracle, truth
from kb.datasets.synthetic.meaning import UNSTATED, rows, whole
from kb.records import atomic
from kb.repro import minimal_pairs
from kb.repro.scoring import score_split

FILE = "diorama.ceilings.json"
PARTS = 3  # of a video, whose means the probe reads
HIDDEN, EPOCHS, RATE, DECAY, BATCH = 256, 60, 1e-3, 1e-3, 64
FLOOR = 20.0  # log-probabilities are counted from here, so that every fact adds to a score
Scores = NDArray[np.float32]


def of_world(corpus: Corpus, root: Path) -> dict[str, Any]:
    """Name -> metrics on the test split, with `pairs`; computed once for a world, beside its files."""
    path = root / FILE
    try:
        stored: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        stored = _measured(corpus, root)
        atomic.write(path, json.dumps(stored, sort_keys=True).encode())
    return stored


def _measured(corpus: Corpus, root: Path) -> dict[str, Any]:
    every, stated = truth.videos(root), truth.queries(root, "test")
    facts = rows([whole(video.script) for video in every], oracle.events_of(stated))
    test = np.array([video.split == "test" for video in every])
    learnt = _learnt(corpus, np.concatenate([facts, oracle.colours(facts)], axis=1), test)
    width = facts.shape[1]
    scores = {
        "oracle": oracle.agreement(stated, facts[test]),
        "bag": oracle.bag(stated, facts[test]),
        "features": oracle.aligned(stated, learnt[:, :width])
        + oracle.total(oracle.colours(stated), learnt[:, width:]),
    }
    return {
        name: {**score_split(corpus, one).metrics, "pairs": minimal_pairs.accuracies(corpus, one)}
        for name, one in scores.items()
    }


def _learnt(corpus: Corpus, facts: NDArray[np.int8], test: NDArray[np.bool_]) -> Scores:
    """(test videos, fields, NUMBERS) log-probability of each value, from FLOOR up."""
    torch.manual_seed(0)
    looks = torch.from_numpy(_pooled(corpus))
    train = [
        at for at, name in enumerate(_names(corpus)) if name in set(corpus.splits["train"].videos)
    ]
    looks = (looks - looks[train].mean(0)) / (looks[train].std(0) + 1e-3)
    wanted = torch.from_numpy(facts.astype(np.int64))
    width = wanted.shape[1] * oracle.NUMBERS
    network = nn.Sequential(
        nn.Linear(looks.shape[1], HIDDEN), nn.ReLU(), nn.Dropout(0.3), nn.Linear(HIDDEN, width)
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    for _ in range(EPOCHS):
        for batch in torch.split(torch.tensor(train)[torch.randperm(len(train))], BATCH):
            optimiser.zero_grad()
            _loss(network(looks[batch]), wanted[batch]).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    network.eval()
    with torch.no_grad():
        logits = network(looks[torch.from_numpy(test)]).view(-1, wanted.shape[1], oracle.NUMBERS)
        weights: Scores = (functional.log_softmax(logits, dim=2) + FLOOR).clamp(min=0).numpy()
    return weights


def _loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy over the fields that a video has."""
    return functional.cross_entropy(
        logits.view(-1, oracle.NUMBERS), wanted.flatten(), ignore_index=UNSTATED
    )


def _names(corpus: Corpus) -> list[str]:
    return [name for split in ("train", "val", "test") for name in corpus.splits[split].videos]


def _pooled(corpus: Corpus) -> Scores:
    """(videos, width) of every expert: mean, maximum, and means of the parts of a video."""
    columns = []
    for expert in sorted(corpus.features):
        features = corpus.features[expert]
        table = np.zeros((len(_names(corpus)), (2 + PARTS) * features.dim), np.float32)
        for at, name in enumerate(_names(corpus)):
            if name in features:
                steps = features.read(name)
                parts = [steps[_part(i, len(steps))].mean(0) for i in range(PARTS)]
                table[at] = np.concatenate([steps.mean(0), steps.max(0), *parts])
        columns.append(table)
    return np.concatenate(columns, axis=1)


def _part(number: int, steps: int) -> slice:
    """The steps of one part; at least one."""
    start = min(number * steps // PARTS, steps - 1)
    return slice(start, max((number + 1) * steps // PARTS, start + 1))
