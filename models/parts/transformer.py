"""Stacks of transformer blocks, BERT on top of one, and BERT's weights under our names.

Vaswani et al. "Attention Is All You Need." NeurIPS 2017, arXiv:1706.03762. Devlin, Chang, Lee,
Toutanova. "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding." NAACL
2019, arXiv:1810.04805. A block is torch's own; BERT keeps queries, keys and values in three
matrices, torch in one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

Activation: TypeAlias = str | Callable[[Tensor], Tensor]

EPSILON = 1e-12  # of BERT's layer normalisations
SPREAD = 0.02  # standard deviation of fresh weights
QKV = (".self.query.", ".self.key.", ".self.value.")  # BERT's names, in the order torch stacks them


def quick_gelu(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """CLIP's stand-in for the exact GELU, x sigmoid(1.702 x)."""
    return x * (1.702 * x).sigmoid()


def encoder_layers(  # noqa: PLR0913  (the sizes of a stack, and how its blocks differ from BERT's)
    width: int,
    heads: int,
    inner: int,
    layers: int,
    dropout: float,
    *,
    activation: Activation = "gelu",
    norm_first: bool = False,
    epsilon: float = EPSILON,
) -> nn.TransformerEncoder:
    """`layers` blocks, fresh as BERT's: read them with `encoder_states`.

    By default each half is normalised after it is added, as in BERT; `norm_first`: before it is
    computed, as in CLIP. "gelu" is the exact one. Dropout stands on the attention's weights and
    on the result of both halves.
    """
    block = nn.TransformerEncoderLayer(
        width,
        heads,
        inner,
        dropout,
        activation,
        layer_norm_eps=epsilon,
        batch_first=True,
        norm_first=norm_first,
    )
    block.dropout = nn.Identity()  # BERT has none between the two layers of the feed-forward half
    stack = nn.TransformerEncoder(block, layers, enable_nested_tensor=False)
    stack.apply(init_bert_weights)
    return stack


def encoder_states(
    blocks: nn.TransformerEncoder,
    x: Float[Tensor, "b n width"],
    mask: Bool[Tensor, "b n"],
    *,
    causal: bool = False,
) -> Float[Tensor, "b n width"]:
    """States of the last block, which read true steps only; zeros at the padding.

    `causal`: a step reads itself and what precedes it; the mask is True first, then False. A row
    without a step is all zeros.
    """
    readable = mask | ~mask.any(1, keepdim=True)  # softmax over nothing is not a number
    n = x.shape[1]
    later = torch.ones(n, n, dtype=torch.bool, device=x.device).triu(1) if causal else None
    x = x.masked_fill(~mask[..., None], 0.0)
    states = blocks(x, mask=later, src_key_padding_mask=~readable, is_causal=causal)
    return states.masked_fill(~mask[..., None], 0.0)


def init_bert_weights(module: nn.Module) -> None:
    """Weights from N(0, 0.02), biases zero; layer normalisations are left at one and zero."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, 0.0, SPREAD)
    if isinstance(module, nn.MultiheadAttention):
        nn.init.normal_(module.in_proj_weight, 0.0, SPREAD)
        nn.init.zeros_(module.in_proj_bias)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


class Bert(nn.Module):
    """Words, or vectors that stand for something else, -> states. BERT's pooler is not here.

    `words`: a vocabulary's size, or the layer that reads a step (a linear map of a frame's
    features); None: steps are vectors of the blocks' width. `segments` 0: there are none.
    """

    def __init__(
        self,
        words: int | nn.Module | None,
        positions: int,
        blocks: nn.TransformerEncoder,
        *,
        segments: int = 2,
        epsilon: float = EPSILON,
    ) -> None:
        """`epsilon`: of the embeddings' normalisation; the blocks have their own."""
        super().__init__()
        norm = blocks.layers[0].norm1
        width, dropout = norm.normalized_shape[0], blocks.layers[0].dropout1.p
        self.words = nn.Embedding(words, width) if isinstance(words, int) else words
        self.words = nn.Identity() if self.words is None else self.words
        self.positions = nn.Embedding(positions, width)
        self.segments = nn.Embedding(segments, width) if segments else None
        self.norm, self.dropout = nn.LayerNorm(width, epsilon), nn.Dropout(dropout)
        self.apply(init_bert_weights)
        self.blocks = blocks

    def forward(
        self,
        x: Shaped[Tensor, "b n *features"],
        mask: Bool[Tensor, "b n"],
        segment: Int[Tensor, "b n"] | None = None,
        position: Int[Tensor, "b n"] | None = None,
    ) -> Float[Tensor, "b n out"]:
        """States of the last block; segment 0 and positions from 0 where no others are passed.

        The first step of a row is always read, so that no row is without any.
        """
        first = torch.arange(x.shape[1], device=x.device) == 0
        x = self.embed(x, segment, position)
        return self.blocks(x, src_key_padding_mask=~(mask | first))

    def embed(
        self,
        x: Shaped[Tensor, "b n *features"],
        segment: Int[Tensor, "b n"] | None = None,
        position: Int[Tensor, "b n"] | None = None,
    ) -> Float[Tensor, "b n width"]:
        """What the first block reads."""
        step = torch.arange(x.shape[1], device=x.device)
        x = self.words(x) + self.positions(step if position is None else position)
        if self.segments is not None:
            x = x + self.segments(torch.zeros_like(step) if segment is None else segment)
        embedded: Tensor = self.dropout(self.norm(x))
        return embedded


def block_names(official: str, ours: str, layers: int, norm: str = "LayerNorm") -> dict[str, str]:
    """Beginnings of BERT's names -> of ours for a stack of blocks, after `merge_qkv`.

    `official` ends before `layer.0`, `ours` before `layers.0`; `norm` is how normalisations are
    spelt.
    """
    within = {
        "attention.self.in_proj_": "self_attn.in_proj_",
        "attention.output.dense.": "self_attn.out_proj.",
        f"attention.output.{norm}.": "norm1.",
        "intermediate.dense.": "linear1.",
        "output.dense.": "linear2.",
        f"output.{norm}.": "norm2.",
    }
    return {
        f"{official}layer.{n}.{theirs}": f"{ours}layers.{n}.{own}"
        for n in range(layers)
        for theirs, own in within.items()
    }


def bert_names(official: str, ours: str, layers: int, norm: str = "LayerNorm") -> dict[str, str]:
    """The same for a whole `Bert`: `official` and `ours` are what its names begin with."""
    embeddings = {
        "word_embeddings.": "words.",
        "position_embeddings.": "positions.",
        "token_type_embeddings.": "segments.",
        f"{norm}.": "norm.",
    }
    names = {f"{official}embeddings.{a}": f"{ours}{b}" for a, b in embeddings.items()}
    return names | block_names(f"{official}encoder.", f"{ours}blocks.", layers, norm)


def merge_qkv(official: Mapping[str, Tensor], qkv: Sequence[str] = QKV) -> dict[str, Tensor]:
    """Official weights in which queries, keys and values of each attention are one matrix.

    `qkv`: how a key of each of the three is recognised; `.self.query.weight` becomes
    `.self.in_proj_weight`. Raises ValueError, one line, where one of the three is missing or they
    are of unequal shapes.
    """
    query, *others = qkv
    merged, matrix = {}, _merged_name(query)
    for key, weight in official.items():
        if query in key:
            three = [weight, *(official.get(key.replace(query, other)) for other in others)]
            if any(not isinstance(one, Tensor) or one.shape != weight.shape for one in three):
                raise ValueError(f"official weights do not fit: {key} has no equal key and value")
            merged[key.replace(query, matrix)] = torch.cat(three)
        elif not any(other in key for other in others):
            merged[key] = weight
    return merged


def split_qkv(weights: Mapping[str, Tensor], qkv: Sequence[str] = QKV) -> dict[str, Tensor]:
    """The inverse of `merge_qkv`, to compare gradients with the official ones."""
    split, matrix = {}, _merged_name(qkv[0])
    for key, weight in weights.items():
        if matrix not in key:
            split[key] = weight
            continue
        for part, one in zip(qkv, weight.chunk(len(qkv)), strict=True):
            split[key.replace(matrix, part)] = one
    return split


def _merged_name(query: str) -> str:
    """`.self.query.` -> `.self.in_proj_`."""
    return f"{query.rstrip('.').rpartition('.')[0]}.in_proj_"
