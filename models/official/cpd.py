"""The release of CPD: github.com/MCG-NJU/CPD-Video, MIT.

Its 3-D ResNet-50 is not read: `frames` are that network's vectors, one per clip. The weights hold
the banks of the dataset they were trained on.

Quirks
    Q1  the text encoder attends to the zeros that fill a text up to `max_words`.
    Q2  a pair may be among its own negatives.
    Q3  banks and Z change in evaluation too.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from models.cpd import CPD, Config
from models.official._loading import load_renamed, matrix_shape
from models.parts.contract import DataSizes
from models.parts.transformer import merge_qkv

TOWER = "textual_encoder."
QKV = (".attention.q_lin.", ".attention.k_lin.", ".attention.v_lin.")
KEYS = {  # beginnings of the released code's names -> of ours
    f"{TOWER}embeddings.word_embeddings.": "text.words.",
    f"{TOWER}embeddings.position_embeddings.": "text.positions.",
    f"{TOWER}embeddings.LayerNorm.": "text.norm.",
    "text_emb.": "text_space.",
    "vis_emb.": "video_space.",
    "text_memory": "banks.text.bank",
    "vis_memory": "banks.video.bank",
    "Z_t": "Z_text",
    "Z_v": "Z_video",
}
BLOCK = {  # the same within a block, three matrices merged to one
    "attention.in_proj_": "self_attn.in_proj_",
    "attention.out_lin.": "self_attn.out_proj.",
    "sa_layer_norm.": "norm1.",
    "ffn.lin1.": "linear1.",
    "ffn.lin2.": "linear2.",
    "output_layer_norm.": "norm2.",
}
HEAD = 64  # width of a head where the options do not tell their number


class Released(CPD):
    """The model as released."""

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        self.text.words.padding_idx = 0  # the zeros have a vector, which is not trained

    def states(
        self, words: Int[Tensor, "t n"], mask: Bool[Tensor, "t n"]
    ) -> Float[Tensor, "t n w"]:
        """States of the words, which have read the padding."""
        width = words.shape[1]
        filled = F.pad(words * mask, (0, self.config.max_words - width))
        return super().states(filled, torch.ones_like(filled, dtype=torch.bool))[:, :width]  # Q1

    def negatives(self, index: Int[Tensor, " b"]) -> Int[Tensor, "b k"]:
        """Random rows of the banks."""
        shape = (len(index), self.config.negatives)
        return torch.randint(self.data.captions, shape, device=index.device)  # Q2

    @property
    def remembers(self) -> bool:
        """Always."""
        return True  # Q3


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[Config, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    Raises ValueError where a weight is missing.
    """
    recorded = options or {}
    words, width = matrix_shape(state, f"{TOWER}embeddings.word_embeddings.weight")
    positions, _ = matrix_shape(state, f"{TOWER}embeddings.position_embeddings.weight")
    inner, _ = matrix_shape(state, f"{TOWER}transformer.layer.0.ffn.lin1.weight")
    common, frames = matrix_shape(state, "vis_emb.weight")
    pairs, _ = matrix_shape(state, "vis_memory")
    blocks = sum(key.endswith(".ffn.lin1.weight") for key in state)
    heads = int(recorded.get("text_heads", max(1, width // HEAD)))
    config = Config(
        max_words=int(recorded.get("max_words", min(Config.max_words, positions))),
        text=(width, heads, inner, blocks),
        positions=positions,
        common=common,
        temperature=float(recorded.get("T", Config.temperature)),
        momentum=float(recorded.get("momentum", Config.momentum)),
        negatives=int(recorded.get("K", Config.negatives)),
    )
    return config, DataSizes(words, dims={"frames": frames}, captions=pairs)


def prefixes(model: Released) -> dict[str, str]:
    """Beginnings of the released code's names, three matrices merged to one -> of ours."""
    blocks = {
        f"{TOWER}transformer.layer.{n}.{theirs}": f"text.blocks.layers.{n}.{own}"
        for n in range(model.config.text[3])
        for theirs, own in BLOCK.items()
    }
    return KEYS | blocks


def load(state: Mapping[str, Tensor], config: Config | None = None) -> Released:
    """The released checkpoint, without the 3-D network."""
    weights = {
        key: weight for key, weight in state.items() if not key.startswith("visual_encoder.")
    }
    merged = merge_qkv(weights, QKV)
    released, data = config_of(merged)
    model = Released(config or released, data)
    return load_renamed(model, merged, prefixes(model))
