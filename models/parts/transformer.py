"""Transformers as BERT stacks them, and their weights under BERT's names.

Devlin, Chang, Lee, Toutanova. "BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding." NAACL 2019, arXiv:1810.04805. A block is torch's own, each half normalised after it
is added; BERT keeps queries, keys and values in three matrices, torch in one.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

EPSILON = 1e-12  # of BERT's layer normalisations
SPREAD = 0.02  # standard deviation of fresh weights
PARTS = ("query", "key", "value")  # the order in which torch stacks them


def encoder_layers(
    width: int, heads: int, inner: int, layers: int, dropout: float
) -> nn.TransformerEncoder:
    """`layers` post-norm blocks with exact GELU, fresh as BERT's; to be given key padding masks."""
    block = nn.TransformerEncoderLayer(
        width, heads, inner, dropout, "gelu", layer_norm_eps=EPSILON, batch_first=True
    )
    block.dropout = nn.Identity()  # BERT has none between the two layers of the feed-forward half
    stack = nn.TransformerEncoder(block, layers, enable_nested_tensor=False)
    stack.apply(init_bert_weights)
    return stack


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
    """Words, or vectors that stand for something else, -> states. BERT's pooler is not here."""

    def __init__(
        self,
        vocabulary: int | None,
        positions: int,
        blocks: nn.TransformerEncoder,
        *,
        segments: int = 2,
    ) -> None:
        """`vocabulary` None: vectors are read."""
        super().__init__()
        norm = blocks.layers[0].norm1
        width, dropout = norm.normalized_shape[0], blocks.layers[0].dropout1.p
        self.words = nn.Identity() if vocabulary is None else nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(positions, width)
        self.segments = nn.Embedding(segments, width)
        self.norm, self.dropout = nn.LayerNorm(width, EPSILON), nn.Dropout(dropout)
        self.apply(init_bert_weights)
        self.blocks = blocks

    def forward(
        self,
        x: Shaped[Tensor, "b n *width"],
        mask: Bool[Tensor, "b n"],
        segment: Int[Tensor, "b n"] | None = None,
        position: Int[Tensor, "b n"] | None = None,
    ) -> Float[Tensor, "b n out"]:
        """States of the last block; all of segment 0 and numbered from 0 where nothing else is said.

        The first of a row is always read: no row is without any.
        """
        first = torch.arange(x.shape[1], device=x.device)
        at = first if position is None else position
        kind = torch.zeros_like(first) if segment is None else segment
        x = self.norm(self.words(x) + self.positions(at) + self.segments(kind))
        return self.blocks(self.dropout(x), src_key_padding_mask=~(mask | (first == 0)))


def block_names(official: str, ours: str, layers: int, norm: str = "LayerNorm") -> dict[str, str]:
    """Beginnings of BERT's names -> of ours for a stack of blocks, `fused` having joined three.

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
    found = {f"{official}embeddings.{a}": f"{ours}{b}" for a, b in embeddings.items()}
    return found | block_names(f"{official}encoder.", f"{ours}blocks.", layers, norm)


def merge_qkv(official: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Official weights in which queries, keys and values of each attention are one matrix.

    Raises ValueError, one line, where one of the three is missing or they are of unequal shapes.
    """
    found = {}
    for key, weight in official.items():
        if ".self.query." in key:
            three = [official.get(key.replace("query", part)) for part in PARTS]
            if any(not isinstance(one, Tensor) or one.shape != three[0].shape for one in three):
                raise ValueError(f"official weights do not fit: {key} has no equal key and value")
            found[key.replace("query.", "in_proj_")] = torch.cat(three)
        elif not any(f".self.{part}." in key for part in PARTS):
            found[key] = weight
    return found


def split_qkv(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `fused`, for holding gradients against the official ones."""
    found = {}
    for key, weight in weights.items():
        if ".self.in_proj_" not in key:
            found[key] = weight
            continue
        for part, one in zip(PARTS, weight.chunk(3), strict=True):
            found[key.replace("in_proj_", f"{part}.")] = one
    return found
