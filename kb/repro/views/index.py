"""`caption-index`, `video-index`: rows of the training split, the keys of memory banks."""

from torch import Tensor

from kb.datasets.corpus import Corpus
from kb.repro.views.view import Fill, Source, Toy, View, to_device
from models.parts.batch import Captions, Clips


class Index(View):
    """The rows that a batch is made of."""

    training_only = True

    def __init__(self, name: str, side: str) -> None:
        self.name, self.side = name, side

    def lacks(self, corpus: Corpus, split: str) -> str | None:  # noqa: ARG002
        """Nothing: every split has rows."""
        return None

    def load(self, source: Source) -> Fill:
        """(rows,) row numbers of the batch."""

        def fill(side: Captions | Clips, rows: Tensor) -> None:
            side.index = to_device(rows, source.device)

        return fill

    def toy(self, toy: Toy) -> None:
        """Different rows of a bank of the toy's sizes."""
        size = toy.sizes.captions if self.side == "captions" else toy.sizes.videos
        index = toy.permutation(size)[: toy.n]
        (toy.captions if self.side == "captions" else toy.clips).index = index
