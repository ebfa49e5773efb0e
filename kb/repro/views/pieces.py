"""`pieces`: captions as ids of the tokeniser that a pre-trained tower comes with."""

from typing import Any

import torch
from torch import Tensor

from kb.datasets.corpus import Corpus
from kb.records.errors import Exit, KBError
from kb.repro.views.view import Fill, Source, Toy, View, to_device
from kb.repro.vocabulary import Vocabulary
from models.parts.batch import Captions, Tokens

ABSENT = "word pieces come with a pre-trained tower (name its folder: --tower FOLDER)"


class Pieces(View):
    """Any captions have them, where a tower is given."""

    name, side = "pieces", "captions"

    def lacks(self, corpus: Corpus, split: str) -> str | None:  # noqa: ARG002
        """A run without a tower."""
        return None if corpus.text_pieces is not None else ABSENT

    def sizes(self, corpus: Corpus, vocabulary: Vocabulary) -> dict[str, Any]:  # noqa: ARG002
        """The vocabulary is the tokeniser's."""
        return {} if corpus.text_pieces is None else {"vocabulary": corpus.text_pieces.vocabulary}

    def load(self, source: Source) -> Fill:
        """Ids of every caption, cut by the tokeniser where the tower reads no more."""
        read = source.corpus.text_pieces
        if read is None:
            raise KBError(ABSENT, where=source.corpus.name, code=Exit.UNREACHABLE)
        pieces = read([caption.text for caption in source.captions])

        def fill(captions: Captions, rows: Tensor) -> None:
            of_batch = [pieces[row] for row in rows.tolist()]
            width = max(1, *(len(ids) for ids in of_batch))
            table = torch.zeros(len(of_batch), width, dtype=torch.long)
            mask = torch.zeros(len(of_batch), width, dtype=torch.bool)
            for place, ids in enumerate(of_batch):
                table[place, : len(ids)] = torch.tensor(ids, dtype=torch.long)
                mask[place, : len(ids)] = True
            device = source.device
            captions.pieces = Tokens(to_device(table, device), to_device(mask, device))

        return fill

    def toy(self, toy: Toy) -> None:
        """The words themselves."""
        toy.captions.pieces = Tokens(toy.captions.words.clone(), toy.captions.mask.clone())
