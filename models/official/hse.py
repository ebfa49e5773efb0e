"""The release of HSE: github.com/zbwglory/CMHSE, no licence stated.

Its checkpoint is a list of state dicts; the decoders are there where it was trained with them. It
pools states by their maximum unless told otherwise, and sums losses unless told to normalise.

Quirks
    Q1  attention's weights are exp(e) / (sum of exp(e) + 1e-4): they do not sum to one, and no
        maximum is subtracted.
    Q2  with the hardest negatives alone a ranking loss is still divided by all n * n pairs, and
        the weak correspondence takes the largest score of a block instead of its mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from models.hse import HSE, Config, Hierarchy, Parts
from models.official._loading import flatten_checkpoint, load_renamed, matrix_shape
from models.parts.contract import DataSizes
from models.parts.losses import hinge_terms
from models.parts.temporal import gru_states, last_states

ENCODERS = {  # the released code's modules, in the order of its list -> ours
    "clip_enc": "video.level.part",
    "txt_enc": "text.level.part",
    "vid_seq_enc": "video.level.whole",
    "txt_seq_enc": "text.level.whole",
}
DECODERS = {
    "vid_seq_dec": "video.to_parts",
    "txt_seq_dec": "text.to_parts",
    "clip_seq_dec": "video.to_steps",
    "sent_seq_dec": "text.to_steps",
}
MODULES = ENCODERS | DECODERS
KEYS = {  # prefixes of the released code's names -> of ours
    "txt_enc.embed.": "words.",
    **{f"{theirs}.rnn.rnn.": f"{ours}." for theirs, ours in MODULES.items()},
    **{f"{theirs}.rnn.lin.": f"{ours}_hidden." for theirs, ours in ENCODERS.items()},
    **{f"{theirs}.rnn.att_w.": f"{ours}_scores." for theirs, ours in ENCODERS.items()},
}
POOLINGS = ("maxout", "seq2seq", "attention")


@dataclass(frozen=True)
class ReleasedConfig(Config):
    """The paper's settings, and what the released code sets beside them."""

    pooling: str = "maxout"  # seq2seq: the last state; attention
    normalise: bool = True  # else losses are sums
    hardest: bool = False


class ReleasedHierarchy(Hierarchy):
    """One side, with the released code's poolings."""

    pooling = "maxout"

    def set_pooling(self, pooling: str) -> None:
        """Attention has a hidden layer and scores for each level."""
        self.pooling = pooling
        for level, gru in list(self.level.items()) if pooling == "attention" else []:
            self.level[f"{level}_hidden"] = nn.Linear(gru.hidden_size, gru.hidden_size)
            self.level[f"{level}_scores"] = nn.Linear(gru.hidden_size, 1, bias=False)

    def embed(
        self, level: str, x: Tensor, mask: Tensor, context: Float[Tensor, "b d"] | None = None
    ) -> Float[Tensor, "b d"]:
        """One vector of each sequence."""
        if self.pooling == "maxout":
            return super().embed(level, x, mask, context)
        begin = None if context is None else context[None]
        states = gru_states(self.level[level], x, mask, begin)
        if self.pooling == "seq2seq":
            return last_states(states, mask)
        scores = self.level[f"{level}_scores"](torch.tanh(self.level[f"{level}_hidden"](states)))
        e = scores.exp() * mask[..., None]
        return (e / (e.sum(1, keepdim=True) + 1e-4) * states).sum(1)  # Q1


class Released(HSE):
    """The model as released."""

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        self.normalise = getattr(config, "normalise", True)
        self.hardest = getattr(config, "hardest", False)
        for side in (self.text, self.video):
            side.__class__ = ReleasedHierarchy
            side.set_pooling(getattr(config, "pooling", "maxout"))

    def ranking(self, scores: Float[Tensor, "n n"]) -> Float[Tensor, ""]:
        """L of two sets, a sum unless normalised."""
        by_caption, by_video = hinge_terms(scores, self.config.margin)
        if self.hardest:
            by_caption, by_video = by_caption.amax(1), by_video.amax(0)
        total = by_caption.sum() + by_video.sum()
        return total / scores.numel() if self.normalise else total  # Q2

    def correspondence(self, text: Parts, video: Parts, wholes: int) -> Float[Tensor, ""]:
        """By the largest score of a block where the hardest negatives count."""
        if self.config.correspondence == "pairs" or not self.hardest:
            return super().correspondence(text, video, wholes)
        scores = self.similarity(text.embedding, video.embedding)
        return self.ranking(max_scores(scores, text.owner, video.owner, wholes))  # Q2

    def distance(self, x: Float[Tensor, "n d"], target: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
        """E, a sum unless normalised."""
        mean = super().distance(x, target)
        return mean if self.normalise else mean * len(x)


def max_scores(
    scores: Float[Tensor, "n m"], rows: Int[Tensor, " n"], columns: Int[Tensor, " m"], wholes: int
) -> Float[Tensor, "wholes wholes"]:
    """The largest scores of the blocks between the parts of two wholes; 0 without a part."""
    block = (rows[:, None] * wholes + columns).flatten()
    top = scores.new_zeros(wholes**2)
    top = top.scatter_reduce(0, block, scores.flatten(), "amax", include_self=False)
    return top.view(wholes, wholes)


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[ReleasedConfig, DataSizes]:
    """The released configuration: sizes and layers from the weights, the rest from the options.

    Raises ValueError for weights that are missing or a pooling that is none.
    """
    recorded = options or {}
    vocabulary, word_dim = matrix_shape(state, "txt_enc.embed.weight")
    width, frames = matrix_shape(state, "clip_enc.rnn.rnn.weight_ih_l0")
    attention = any(key.endswith(".att_w.weight") for key in state)
    pooling = str(recorded.get("rnn_type", "attention" if attention else "maxout"))
    if pooling not in POOLINGS:
        raise ValueError(f"rnn_type {pooling!r} is none of {', '.join(POOLINGS)}")

    def weight(module: str, switch: str, option: str, default: float) -> float:
        there = any(key.startswith(f"{module}.") for key in state) and recorded.get(switch, True)
        return float(recorded.get(option, default)) if there else 0.0

    low, weak = recorded.get("low_level_loss", True), recorded.get("weak_low_level_loss", False)
    config = ReleasedConfig(
        word_dim=word_dim,
        common=width // 3,
        hierarchy=any(key.startswith("vid_seq_enc.") for key in state),
        correspondence=("groups" if weak else "pairs") if low else None,
        reconstruct_parts=weight("vid_seq_dec", "reconstruct_loss", "weight_recon", 5e-4),
        reconstruct_steps=weight(
            "clip_seq_dec", "lowest_reconstruct_loss", "lowest_weight_recon", 1e-4
        ),
        margin=float(recorded.get("margin", Config.margin)),
        pooling=pooling,
        normalise=bool(recorded.get("norm", True)),
        hardest=bool(recorded.get("max_violation", False)),
    )
    return config, DataSizes(vocabulary, dims={"frames": frames})


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The released checkpoint, a list of parts or all of them under their modules' names."""
    parts = state.get("model")
    prefixes = [f"{module}." for module in MODULES]
    if isinstance(parts, list | tuple):
        prefixes = prefixes[: max(len(parts), len(ENCODERS))]
    weights = flatten_checkpoint(state, prefixes)
    released, data = config_of(weights)
    return load_renamed(Released(config or released, data), weights, KEYS)
