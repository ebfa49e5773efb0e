"""The release of CLIP4Clip: github.com/ArrowLuo/CLIP4Clip, MIT.

CLIP's own weights are under `clip.`. Layers that a head has and never calls are not loaded: the
scale of the tight head, the positions of the LSTM, the flat patches beside the 3-D ones.

Quirks
    Q1  the tight head's steps have no type: the line that adds it is commented out.
    Q2  the tight head's last layer has a bias, which moves all scores alike.
"""

import re
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.clip4clip import CLIP4Clip, Config
from models.official._hub_clip import clip_sizes, clip_weights
from models.official._loading import load_renamed, matrix_shape, official_names
from models.parts.clip import (
    DEPTH,
    clip_block_names,
    inflate,
    patch_tower_names,
    text_tower_names,
)
from models.parts.contract import DataSizes

STARTS_FROM = "clip"  # what training starts from, in the Hub's format
HEAD_DIM = 64  # numbers per attention head at every published width
WORDS, TEXT_POSITIONS = "clip.token_embedding.weight", "clip.positional_embedding"
FRAME_POSITIONS = "frame_position_embeddings.weight"
CROSS_POSITIONS = "cross.embeddings.position_embeddings.weight"
VISUAL, TEXT = "clip.visual.", "clip."
FLAT, DEEP = f"{VISUAL}conv1.weight", f"{VISUAL}conv2.weight"
HEADS = {  # the head that a weight of the release belongs to
    "similarity_dense.weight": "tightTransf",
    "lstm_visual.weight_ih_l0": "seqLSTM",
    "transformerClip.resblocks.0.ln_1.weight": "seqTransf",
}


class Released(CLIP4Clip):
    """The model as released."""

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        if config.head == "tightTransf":
            del self.types
            self.score = nn.Linear(config.common, 1)  # Q2

    def kinds(self, steps: int) -> Float[Tensor, "n c"]:
        """Nothing."""
        return torch.zeros_like(self.positions[:steps])  # Q1


def unused(head: str, depth: int) -> frozenset[str]:
    """What the release's model of this head has among its weights and never calls."""
    names = {"clip.logit_scale"} if head == "tightTransf" else set()
    names |= {FRAME_POSITIONS} if head == "seqLSTM" else set()
    return frozenset(names | ({FLAT} if depth > 1 else set()))


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[Config, DataSizes]:
    """The released configuration: head and sizes from the weights, numbers of heads from options.

    Without options every attention has a head per 64 numbers, or one. Raises ValueError for weights
    that are missing.
    """
    recorded = options or {}
    vocabulary, text = matrix_shape(state, WORDS)
    positions, _ = matrix_shape(state, TEXT_POSITIONS)
    video, common = matrix_shape(state, f"{VISUAL}proj")
    places, _ = matrix_shape(state, f"{VISUAL}positional_embedding")
    kernel = state.get(DEEP, state.get(FLAT))
    if kernel is None:
        raise ValueError(f"official weights do not fit: {FLAT} is missing")
    head = next((name for key, name in HEADS.items() if key in state), "meanP")
    stack = {"seqTransf": "transformerClip.", "tightTransf": "cross.transformer."}.get(head)
    of_head = "cross_heads" if head == "tightTransf" else "temporal_heads"
    config = Config(
        text=(text, _heads(recorded, "text_heads", text), _blocks(state, f"{TEXT}transformer.")),
        positions=positions,
        video=(
            *(video, _heads(recorded, "vision_heads", video)),
            _blocks(state, f"{VISUAL}transformer."),
        ),
        side=round((places - 1) ** 0.5) * kernel.shape[-1],
        patch=kernel.shape[-1],
        depth=DEPTH if DEEP in state else 1,
        common=common,
        head=head,
        blocks=(_heads(recorded, of_head, common), _blocks(state, stack) if stack else 0),
        max_words=int(recorded.get("max_words", Config.max_words)),
        max_frames=int(recorded.get("max_frames", Config.max_frames)),
    )
    return config, DataSizes(vocabulary)


def _heads(options: Mapping[str, Any], name: str, width: int) -> int:
    return int(options.get(name, max(1, width // HEAD_DIM)))


def _blocks(state: Mapping[str, Tensor], official: str) -> int:
    """How many blocks a stack has."""
    block = re.compile(rf"{re.escape(official)}resblocks\.(\d+)\.ln_1\.weight")
    return sum(1 for key in state if block.fullmatch(key))


def keys(config: Config) -> dict[str, str]:
    """Beginnings of the released code's names -> of ours."""
    c = config
    names = text_tower_names(TEXT, "text.", c.text[2])
    conv = "conv1" if c.depth == 1 else "conv2"
    names |= patch_tower_names(VISUAL, "video.", c.video[2], conv)
    if c.head == "tightTransf":
        names |= {CROSS_POSITIONS: "positions", "cross.pooler.ln_pool.": "pool."}
        names |= {"cross.pooler.dense.": "dense.", "similarity_dense.": "score."}
        return names | clip_block_names("cross.transformer.", "blocks.", c.blocks[1])
    names["clip.logit_scale"] = "scale.log"
    if c.head == "seqLSTM":
        names["lstm_visual."] = "lstm."
    if c.head == "seqTransf":
        names[FRAME_POSITIONS] = "positions"
        names |= clip_block_names("transformerClip.", "blocks.", c.blocks[1])
    return names


def tower_sizes(config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that a CLIP decides, by its config.json. ValueError for another kind of towers."""
    return {"tokens": "pieces", **clip_sizes(config)}


def start_from_tower(net: CLIP4Clip, state: Mapping[str, Tensor]) -> None:
    """Give the towers, the scale and the head's first blocks the weights of a CLIP of the Hub."""
    c = net.config
    weights = {f"{TEXT}{name}": weight for name, weight in clip_weights(state).items()}
    weights[FLAT] = inflate(weights[FLAT], c.depth)
    names = text_tower_names(TEXT, "text.", c.text[2])
    names |= patch_tower_names(VISUAL, "video.", c.video[2])
    if c.head == "tightTransf":
        del weights["clip.logit_scale"]
    else:
        names["clip.logit_scale"] = "scale.log"
    load_renamed(net, weights, names)
    if c.head in {"seqTransf", "tightTransf"}:
        net.start_from_text()


def official_state(net: Released) -> dict[str, Tensor]:
    """The weights of a model as a checkpoint of the release holds them."""
    own, names = net.state_dict(), official_names(net, keys(net.config))
    return released_layout({key: own[name] for key, name in names.items()})


def released_layout(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Under official names: the kernel over one frame as the release's 2-D one."""
    return {key: one.squeeze(2) if key == FLAT else one for key, one in tensors.items()}


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The released checkpoint, without the layers that its head never calls."""
    chosen, data = config_of(state)
    chosen = config or chosen
    idle = unused(chosen.head, chosen.depth)
    weights = {key: weight for key, weight in state.items() if key not in idle}
    flat = weights.get(FLAT)
    if isinstance(flat, Tensor) and flat.ndim == 4:  # noqa: PLR2004  (filters, colours, rows, columns)
        weights[FLAT] = inflate(flat, 1)
    return load_renamed(Released(chosen, data), weights, keys(chosen))
