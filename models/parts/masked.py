"""Masked modelling: which steps are masked, what guesses them, and what writes a sentence anew.

Devlin, Chang, Lee, Toutanova. "BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding." NAACL 2019, arXiv:1810.04805. Of frames, contrasted with all frames of a batch: Sun,
Baradel, Murphy, Schmid, arXiv:1906.05743.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.transformer import EPSILON, Bert, init_bert_weights


def random_steps(may: Bool[Tensor, "b n"], share: float) -> Bool[Tensor, "b n"]:
    """Each step that may be masked, with this probability; one of a row where chance leaves none."""
    draw = torch.rand(may.shape, device=may.device).masked_fill(~may, 2.0)
    least = torch.zeros_like(may).scatter(1, draw.argmin(1, keepdim=True), value=True)
    return may & (least | (draw < share))


class TiedHead(nn.Module):
    """A table's row, or a vector of its width, from a state: the table is that of the input."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.hidden, self.norm = nn.Linear(width, width), nn.LayerNorm(width, EPSILON)
        self.bias = nn.Parameter(torch.zeros(out))
        init_bert_weights(self.hidden)

    def forward(
        self, x: Float[Tensor, "*b width"], table: Float[Tensor, "out width"]
    ) -> Float[Tensor, "*b out"]:
        """Logits over the rows of the table."""
        return F.linear(self.norm(F.gelu(self.hidden(x))), table, self.bias)


class TiedDecoder(nn.Module):
    """Writes a sentence from states, word by word, with the tables of the Bert that reads sentences.

    Vaswani et al. "Attention Is All You Need." NeurIPS 2017, arXiv:1706.03762; each third of a block
    is normalised after it is added.
    """

    def __init__(self, bert: Bert, heads: int, inner: int, blocks: int, dropout: float) -> None:
        super().__init__()
        words, width = bert.words.weight.shape
        kind = {"layer_norm_eps": EPSILON, "batch_first": True}
        block = nn.TransformerDecoderLayer(width, heads, inner, dropout, "gelu", **kind)
        block.dropout = nn.Identity()  # as in BERT
        self.norm, self.dropout = nn.LayerNorm(width, EPSILON), nn.Dropout(dropout)
        self.blocks = nn.TransformerDecoder(block, blocks)
        self.blocks.apply(init_bert_weights)
        self.head = TiedHead(width, words)

    def forward(
        self,
        bert: Bert,
        words: Int[Tensor, "b n"],
        mask: Bool[Tensor, "b n"],
        states: Float[Tensor, "b m width"],
        states_mask: Bool[Tensor, "b m"],
    ) -> Float[Tensor, "b n vocabulary"]:
        """Logits of the word after each, which has read those before it and the states."""
        step = torch.arange(words.shape[1], device=words.device)
        x = self.dropout(self.norm(bert.words(words) + bert.positions(step)))
        x = self.blocks(
            x,
            states,
            tgt_mask=step > step[:, None],
            tgt_key_padding_mask=~(mask | (step == 0)),
            memory_key_padding_mask=~states_mask,
        )
        return self.head(x, bert.words.weight)
