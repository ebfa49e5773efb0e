"""A sentence read by a GRU over word vectors that are learnt with it.

Cho et al. "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
Translation." EMNLP 2014, arXiv:1406.1078. Kiros, Salakhutdinov, Zemel (arXiv:1411.2539) brought it
to visual-semantic embeddings; the field has used it since.
"""

from typing import Literal, TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.pooling import masked_max, masked_mean
from models.parts.temporal import end_states, gru_states, last_states

Pool: TypeAlias = Literal["last", "mean", "max"]


class SentenceGRU(nn.Module):
    """Word ids -> states of a GRU -> one vector of size `out`.

    `bidirectional` "concat": both directions' states side by side, "mean": their average. `pool`
    "last": each direction's state after its last word. Word vectors start in U(-word_init,
    word_init).
    """

    def __init__(
        self,
        vocabulary: int,
        word_dim: int,
        hidden: int,
        *,
        bidirectional: Literal["concat", "mean"] | None = None,
        pool: Pool = "last",
        word_init: float = 0.1,
    ) -> None:
        super().__init__()
        self.bidirectional, self.pool = bidirectional, pool
        self.words = nn.Embedding(vocabulary, word_dim)
        nn.init.uniform_(self.words.weight, -word_init, word_init)
        both = bidirectional is not None
        self.gru = nn.GRU(word_dim, hidden, batch_first=True, bidirectional=both)
        self.out = 2 * hidden if bidirectional == "concat" else hidden

    def merge_directions(
        self, states: Float[Tensor, "*shape directions"]
    ) -> Float[Tensor, "*shape out"]:
        """Both directions as one."""
        if self.bidirectional != "mean":
            return states
        return torch.stack(states.chunk(2, -1)).mean(0)

    def states(
        self, words: Int[Tensor, "t n"], mask: Bool[Tensor, "t n"]
    ) -> Float[Tensor, "t n out"]:
        """One vector per word, zero at the padding."""
        return self.merge_directions(gru_states(self.gru, self.words(words), mask))

    def forward(
        self, words: Int[Tensor, "t n"], mask: Bool[Tensor, "t n"]
    ) -> Float[Tensor, "t out"]:
        """One vector per sentence; zeros for a row without a word."""
        states = gru_states(self.gru, self.words(words), mask)
        if self.pool == "last":
            end = end_states if self.bidirectional else last_states
            return self.merge_directions(end(states, mask))
        pooled = masked_mean if self.pool == "mean" else masked_max
        return pooled(self.merge_directions(states), mask)
