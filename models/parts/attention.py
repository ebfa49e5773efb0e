"""Attention of one stream over another, and two streams that attend to each other.

Vaswani et al. "Attention Is All You Need." NeurIPS 2017, arXiv:1706.03762. Co-attention: Lu, Batra,
Parikh, Lee. "ViLBERT: Pretraining Task-Agnostic Visiolinguistic Representations for
Vision-and-Language Tasks." NeurIPS 2019, arXiv:1908.02265. The streams may differ in width, which
torch's own MultiheadAttention does not allow.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.parts.transformer import EPSILON, init_bert_weights


def attend(
    q: Float[Tensor, "b n width"],
    k: Float[Tensor, "b m width"],
    v: Float[Tensor, "b m values"],
    mask: Bool[Tensor, "b m"],
    heads: int = 1,
    dropout: float = 0.0,
) -> Float[Tensor, "b n values"]:
    """softmax(q k / sqrt(width of a head)) v, head by head, over the keys that the mask keeps.

    Zeros where it keeps none. `dropout` is applied to the weights whenever it is not zero.
    """
    q, k, v = (x.unflatten(2, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    some = mask.any(1)[:, None, None, None]
    readable = mask[:, None, None] | ~some  # softmax over nothing is not a number
    y = F.scaled_dot_product_attention(q, k, v, readable, dropout)
    return y.masked_fill(~some, 0.0).transpose(1, 2).flatten(2)


def sinusoids(steps: int, dim: int, *, paired: bool = True) -> Float[Tensor, "steps dim"]:
    """Positions of Vaswani et al., section 3.5: sines in even channels, cosines in odd ones.

    A sine and the cosine after it have one period. Not `paired`: each channel i has its own, of
    10,000 to the power of 2 i / dim, a form that some codes run.
    """
    step, channel = torch.arange(steps), torch.arange(dim)
    power = 2 * (channel // 2) if paired else 2 * channel
    angle = step[:, None] / 10_000 ** (power / dim)
    return torch.where(channel % 2 == 0, angle.sin(), angle.cos())


class CrossAttention(nn.Module):
    """norm(x + W attend(x, context)): one stream asks another, or itself.

    `dim` and `context_dim` are the streams' widths, `width` that of queries, keys and values.
    """

    def __init__(
        self, dim: int, context_dim: int, width: int, heads: int, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, width)
        self.key, self.value = nn.Linear(context_dim, width), nn.Linear(context_dim, width)
        self.out, self.norm = nn.Linear(width, dim), nn.LayerNorm(dim, EPSILON)
        self.dropout = nn.Dropout(dropout)
        self.apply(init_bert_weights)

    def forward(
        self,
        x: Float[Tensor, "b n dim"],
        context: Float[Tensor, "b m context"],
        mask: Bool[Tensor, "b m"],
    ) -> Float[Tensor, "b n dim"]:
        """x, and what it reads where the mask of the context is True."""
        dropout = self.dropout.p if self.training else 0.0
        read = attend(
            self.query(x), self.key(context), self.value(context), mask, self.heads, dropout
        )
        return self.norm(x + self.dropout(self.out(read)))


class FeedForward(nn.Module):
    """norm(x + W2 gelu(W1 x)): the second half of a post-norm block."""

    def __init__(self, dim: int, inner: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(dim, inner), nn.Linear(inner, dim)
        self.norm, self.dropout = nn.LayerNorm(dim, EPSILON), nn.Dropout(dropout)
        self.apply(init_bert_weights)

    def forward(self, x: Float[Tensor, "b n dim"]) -> Float[Tensor, "b n dim"]:
        """Each step by itself."""
        return self.norm(x + self.dropout(self.linear2(F.gelu(self.linear1(x)))))


class CrossLayer(nn.Module):
    """Both halves: a stream asks another, or itself, then each step by itself."""

    def __init__(
        self,
        dim: int,
        context_dim: int,
        width: int,
        heads: int,
        inner: int,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.attention = CrossAttention(dim, context_dim, width, heads, dropout)
        self.inner = FeedForward(dim, inner, dropout)

    def forward(
        self,
        x: Float[Tensor, "b n dim"],
        context: Float[Tensor, "b m context"],
        mask: Bool[Tensor, "b m"],
    ) -> Float[Tensor, "b n dim"]:
        """States of x; the mask is that of the context."""
        return self.inner(self.attention(x, context, mask))


class CoAttention(nn.Module):
    """Two streams of widths `dims`: each attends to the other, then to itself step by step."""

    def __init__(
        self,
        dims: tuple[int, int],
        width: int,
        heads: int,
        inner: tuple[int, int],
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        a, b = dims
        self.first = CrossAttention(a, b, width, heads, dropout)
        self.second = CrossAttention(b, a, width, heads, dropout)
        self.first_inner = FeedForward(a, inner[0], dropout)
        self.second_inner = FeedForward(b, inner[1], dropout)

    def forward(
        self,
        x: Float[Tensor, "b n first"],
        x_mask: Bool[Tensor, "b n"],
        y: Float[Tensor, "b m second"],
        y_mask: Bool[Tensor, "b m"],
    ) -> tuple[Float[Tensor, "b n first"], Float[Tensor, "b m second"]]:
        """Both streams, each having read the other as it came in."""
        x, y = self.first(x, y, y_mask), self.second(y, x, x_mask)
        return self.first_inner(x), self.second_inner(y)
