"""`concepts`: concepts that a video's captions name, the targets of a concept space.

Dong et al., "Dual Encoding for Video Retrieval by Text", TPAMI 2021: the words of all captions of a
video, less those that name nothing, each counted, against the most frequent one of that video.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import torch
from torch import Tensor

from kb.datasets.corpus import Corpus, SplitData
from kb.records.errors import Exit, KBError
from kb.repro.views.view import Fill, Source, Toy, View, to_device
from kb.repro.vocabulary import Vocabulary, tokenise
from models.parts.batch import Captions

MOST = 512  # concepts
TWICE = 2  # times a video's captions must name a concept, where a video has several captions


class Concepts(View):
    """Shares of the concepts, as `Captions.vectors["concepts"]`; of training only."""

    name, side, training_only = "concepts", "captions", True

    def lacks(self, corpus: Corpus, split: str) -> str | None:  # noqa: ARG002
        """Nothing: they are counted in the training captions."""
        return None

    def load(self, source: Source) -> Fill:
        """(t, concepts) the row of each caption's video."""
        table = concept_shares(source.data, source.vocabulary.bow_size)
        owner = torch.from_numpy(source.owners)

        def fill(captions: Captions, rows: Tensor) -> None:
            captions.vectors["concepts"] = to_device(table[owner[rows]], source.device)

        return fill

    def toy(self, toy: Toy) -> None:
        """Each concept named or not."""
        width = toy.sizes.vectors["concepts"]
        toy.captions.vectors["concepts"] = toy.integers(0, 2, (toy.n, width)).float()

    def sizes(self, corpus: Corpus, vocabulary: Vocabulary) -> dict[str, Any]:  # noqa: ARG002
        """How many concepts."""
        return {"vectors": {"concepts": min(vocabulary.bow_size, MOST)}}


def concept_shares(split: SplitData, width: int) -> Tensor:
    """(videos, `width` and at most MOST) share of each concept, the most frequent concept first.

    A row is a video's counts over its largest, which may be of a word that is no concept; zeros
    where nothing counts. Columns beyond the words there are hold zeros.
    """
    counts = _counts(split)
    total: Counter[str] = Counter()
    for row in counts:
        total.update(row)
    size = min(width, MOST)
    often = sorted(total, key=lambda word: (-total[word], word))[:size]
    table = torch.zeros(len(counts), size)
    table[:, : len(often)] = shares(counts, often)
    return table


def shares(counts: Sequence[Mapping[str, int]], concepts: Sequence[str]) -> Tensor:
    """(videos, concepts) counts over the largest of each video, of whatever word that is."""
    table = torch.zeros(len(counts), len(concepts))
    column = {word: number for number, word in enumerate(concepts)}
    for number, row in enumerate(counts):
        for word in row.keys() & column.keys():
            table[number, column[word]] = row[word] / max(row.values())
    return table


def _counts(split: SplitData) -> list[Counter[str]]:
    """Concept counts of each video, without those below the minimum."""
    texts: dict[str, list[str]] = {video: [] for video in split.videos}
    for caption in split.captions:
        texts[caption.video].append(caption.text)
    least = TWICE if len(split.captions) >= TWICE * len(split.videos) else 1
    counts = (Counter(_names(words)) for words in texts.values())
    return [Counter({word: n for word, n in row.items() if n >= least}) for row in counts]


def _names(texts: Iterable[str]) -> Iterable[str]:
    """Stems of the words that name something."""
    words = (word for text in texts for word in tokenise(text))
    return (_stem(word) for word in words if word not in function_words())


@cache
def function_words() -> frozenset[str]:
    """Words that name nothing."""
    text = (files("kb.repro.views") / "function_words.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() for word in line.split("#")[0].split())


@cache
def _stem(word: str) -> str:
    try:
        from snowballstemmer import stemmer  # noqa: PLC0415  (one model's words need it)
    except ModuleNotFoundError as error:
        raise KBError(
            "snowballstemmer is not installed, which finds the concepts that captions name",
            hint="it comes with the extra: pip install 'kb-video-text-retrieval[repro]'",
            code=Exit.UNREACHABLE,
        ) from error
    stem: str = stemmer("english").stemWord(word)
    return stem
