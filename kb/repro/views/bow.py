"""`bow`: counts of a caption's words over the bag-of-words vocabulary."""

from typing import Any

import torch
from torch import Tensor

from kb.datasets.corpus import Corpus
from kb.repro.views.view import Fill, Source, Toy, View
from kb.repro.vocabulary import Vocabulary
from models.parts.batch import Captions
from models.parts.words import SPECIAL


class Bow(View):
    """Counted batch by batch from the word ids."""

    name, side = "bow", "captions"

    def lacks(self, corpus: Corpus, split: str) -> str | None:  # noqa: ARG002
        """Nothing: every caption has words."""
        return None

    def load(self, source: Source) -> Fill:
        """(t, bow) counts; the special ids fall into columns that are cut off."""
        size = source.vocabulary.bow_size

        def fill(captions: Captions, _: Tensor) -> None:
            words = captions.words
            counts = torch.zeros(len(words), size + SPECIAL, device=words.device)
            ones = torch.ones_like(words, dtype=torch.float32)
            captions.bow = counts.scatter_add_(1, words, ones)[:, SPECIAL:]

        return fill

    def toy(self, toy: Toy) -> None:
        """Each word once or not."""
        toy.captions.bow = toy.integers(0, 2, (toy.n, toy.sizes.bow)).float()

    def sizes(self, corpus: Corpus, vocabulary: Vocabulary) -> dict[str, Any]:  # noqa: ARG002
        """How many words."""
        return {"bow": vocabulary.bow_size}
