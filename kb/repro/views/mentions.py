"""`mentions`, `video-mentions`: words that name something, in a caption, in all of a video's.

Wu, Ngo, "Interpretable Embedding for Ad-Hoc Video Search", ACM MM 2020: a video has each concept
that any of its captions mentions, a query those that it mentions itself.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kb.datasets.corpus import Corpus
from kb.repro.views.concepts import function_words
from kb.repro.views.view import Fill, Source, Toy, View, to_device
from kb.repro.vocabulary import Vocabulary
from models.parts.batch import Captions

OWN, OF_VIDEO = "mentions", "video-mentions"  # both are OWN's width


class Mentions(View):
    """1 for each concept of a caption, else 0, as `Captions.vectors["mentions"]`."""

    name, side = OWN, "captions"

    def lacks(self, corpus: Corpus, split: str) -> str | None:  # noqa: ARG002
        """Nothing: every caption has words."""
        return None

    def load(self, source: Source) -> Fill:
        """(t, concepts) of the captions or topics."""
        column, width = columns(source.vocabulary)
        column = column.to(source.device)

        def fill(captions: Captions, _: Tensor) -> None:
            words = captions.words
            table = torch.zeros(len(words), width + 1, device=words.device)
            captions.vectors[self.name] = table.scatter_(1, column[words], 1.0)[:, :width]

        return fill

    def toy(self, toy: Toy) -> None:
        """Each concept or not; the caption's own number always, so that no two are the same."""
        width = toy.sizes.vectors[OWN]
        own = torch.eye(width).repeat(1 + toy.n // width, 1)[: toy.n]
        toy.captions.vectors[self.name] = own.maximum(toy.integers(0, 2, (toy.n, width)).float())

    def sizes(self, corpus: Corpus, vocabulary: Vocabulary) -> dict[str, Any]:  # noqa: ARG002
        """How many concepts."""
        return {"vectors": {OWN: columns(vocabulary)[1]}}


class VideoMentions(Mentions):
    """The same over all captions of the caption's video; of training only."""

    name, training_only = OF_VIDEO, True

    def load(self, source: Source) -> Fill:
        """(t, concepts) the row of each caption's video."""
        column, width = columns(source.vocabulary)
        owner = torch.from_numpy(source.owners)
        table = torch.zeros(len(source.data.videos), width, dtype=torch.bool)
        for video, caption in zip(owner.tolist(), source.data.captions, strict=True):
            named = column[source.vocabulary.encode(caption.text)]
            table[video, named[named < width]] = True

        def fill(captions: Captions, rows: Tensor) -> None:
            captions.vectors[self.name] = to_device(table[owner[rows]].float(), source.device)

        return fill

    def toy(self, toy: Toy) -> None:
        """What the caption mentions, and more."""
        more = toy.integers(0, 2, (toy.n, toy.sizes.vectors[OWN])).float()
        toy.captions.vectors[self.name] = more.maximum(toy.captions.vectors.get(OWN, more))


def columns(vocabulary: Vocabulary) -> tuple[Tensor, int]:
    """(word ids,) the concept's column of each id, and how many concepts there are.

    Concepts are the words of the vocabulary but function words, in its order. Other ids have the
    column after the last.
    """
    concepts = [word not in function_words() for word in vocabulary.words]
    ids = torch.zeros(len(vocabulary), dtype=torch.bool)
    ids[len(vocabulary) - len(concepts) :] = torch.tensor(concepts, dtype=torch.bool)
    return torch.where(ids, ids.cumsum(0) - 1, sum(concepts)), sum(concepts)


def mentioned(texts: Sequence[str], vocabulary: Vocabulary) -> Tensor:
    """(texts, concepts) 1 for each concept of a text, else 0."""
    column, width = columns(vocabulary)
    table = torch.zeros(len(texts), width + 1)
    for row, text in enumerate(texts):
        table[row, column[vocabulary.encode(text)]] = 1.0
    return table[:, :width]


VIEWS = (Mentions(), VideoMentions())
