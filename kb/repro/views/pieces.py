"""`pieces`: captions as ids of the tokeniser that a pre-trained tower comes with."""

from kb.datasets.corpus import Corpus
from kb.records.errors import Exit, KBError
from kb.repro.views.view import Fill, Source, Toy, View
from models.parts.batch import Tokens

ABSENT = "word pieces need a pre-trained tower with its tokeniser, and kb loads none"


class Pieces(View):
    """No dataset has them: they are the tower's."""

    name, side = "pieces", "captions"

    def lacks(self, corpus: Corpus, split: str) -> str | None:  # noqa: ARG002
        """Always, since no tower can be loaded."""
        return ABSENT

    def load(self, source: Source) -> Fill:
        """Refuses."""
        hint = "train on a synthetic dataset, where words are read, or pass --checkpoint"
        raise KBError(ABSENT, where=source.corpus.name, hint=hint, code=Exit.UNREACHABLE)

    def toy(self, toy: Toy) -> None:
        """The words themselves."""
        toy.captions.pieces = Tokens(toy.captions.words.clone(), toy.captions.mask.clone())
