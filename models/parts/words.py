"""Frozen word vectors: a sentence as the mean of its distinct words."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.parts.batch import Captions

SPECIAL = 4  # <pad> <start> <end> <unk>: no words


class WordVectors(nn.Module):
    """A table that no training changes. Random until a trained one is loaded into `table`."""

    table: Float[Tensor, "vocabulary dim"]

    def __init__(self, vocabulary: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("table", torch.randn(vocabulary, dim))

    def forward(self, captions: Captions) -> Float[Tensor, "t dim"]:
        """Mean vector of the distinct words, zeros without any; `vectors["w2v"]` where it is given."""
        given = captions.vectors.get("w2v")
        if given is not None:
            return given
        present = torch.zeros(len(captions.words), len(self.table), device=self.table.device)
        present.scatter_(1, captions.words * captions.mask, 1.0)  # a repeated word counts once
        present[:, :SPECIAL] = 0.0
        return present @ self.table / present.sum(1, keepdim=True).clamp(min=1)
