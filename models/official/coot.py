"""The release of COOT: github.com/gingsi/coot-videotext, Apache-2.0.

A checkpoint is a mapping of four networks, local and global of either side. Its text is states of
BERT, which are not among the weights: load a table of them into `words`.

Quirks
    Q1  normalisation divides by the unbiased standard deviation and adds its epsilon, 1e-6, to that.
    Q2  the exponent of a position's period is 2 i / H with i the channel itself: periods grow twice
        as fast as in a transformer, and no sine shares one with a cosine.
    Q3  means are sums over all slots, padding too, divided by the number of true ones: of the parts
        of a whole and, with the pooling `avg`, of the steps of a part. They depend on the longest
        row of the batch.
    Q4  the cycle loss takes one part of each video, drawn at random.
"""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.coot import COOT, Config, Global, Level, Local, Side
from models.official._loading import flatten_checkpoint, load_renamed, matrix_shape
from models.parts.contract import DataSizes
from models.parts.cycles import cycle_errors
from models.parts.nested import pad_parts

VOCABULARY = 10_000  # rows of `words`, random
NETWORKS = {  # the released code's networks -> ours
    f"net_{side}_{theirs}.": f"{ours}.{side}."
    for side in ("video", "text")
    for theirs, ours in (("local", "local"), ("global", "whole"))
}
LOCAL, GLOBAL = "net_{}_local.", "net_{}_global."
UNUSED = ("pooler.pools.0.genpool_one", "embedding.pe")  # no weights
ATTENTION = "self_attention_layer."
INNER = "pointwise_feedforward_layer."
LAYER = {  # of one layer
    **{
        f"{ATTENTION}sublayer.{x}_projection.": f"attention.{x}." for x in ("query", "key", "value")
    },
    f"{ATTENTION}sublayer.final_projection.": "attention.out.",
    f"{ATTENTION}layer_normalization.gain": "attention.norm.weight",
    f"{ATTENTION}layer_normalization.bias": "attention.norm.bias",
    f"{INNER}sublayer.feed_forward.0.": "inner.linear1.",
    f"{INNER}sublayer.feed_forward.3.": "inner.linear2.",
    f"{INNER}layer_normalization.gain": "inner.norm.weight",
    f"{INNER}layer_normalization.bias": "inner.norm.bias",
}
OURS = {  # of one network
    "norm_input.gain": "norm.weight",
    "norm_input.bias": "norm.bias",
    "input_fc.mlp.0.": "project.",
    **{f"tf.encoder_layers.0.{theirs}": f"layer.{ours}" for theirs, ours in LAYER.items()},
    **{f"tf_context.encoder_layers.0.{theirs}": f"reader.{ours}" for theirs, ours in LAYER.items()},
    **{f"pooler.pools.0.genpool_{x}_head": f"pool.{x}" for x in ("w1", "b1", "w2", "b2")},
}
KEYS = {  # beginnings of the released code's names -> of ours
    network + theirs: own + ours
    for network, own in NETWORKS.items()
    for theirs, ours in OURS.items()
}
POOLERS = {"atn": "attention", "avg": "mean", "max": "max"}


class UnbiasedNorm(nn.LayerNorm):
    """Layer normalisation as the released code has it."""

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Over the last axis."""
        apart = x - x.mean(-1, keepdim=True)
        return self.weight * apart / (x.std(-1, keepdim=True) + 1e-6) + self.bias  # Q1


class ReleasedLocal(Local):
    """A local network, whose padding is zeros before it is read."""

    def forward(self, x: Float[Tensor, "b n i"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b d"]:
        """Of any length."""
        return super().forward(x * mask[..., None], mask)


class ReleasedGlobal(Global):
    """A global network, with the released code's mean."""

    def average(self, x: Float[Tensor, "b n d"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b d"]:
        """Of the parts."""
        return padded_mean(x, mask)


def padded_mean(x: Float[Tensor, "b n d"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b d"]:
    """Sum over all slots, divided by the number of true ones."""
    return x.sum(1) / mask.sum(1, keepdim=True).clamp(min=1)  # Q3


class Released(COOT):
    """The model as released."""

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        for module in list(self.modules()):
            if isinstance(module, nn.LayerNorm):
                module.__class__ = UnbiasedNorm
            if isinstance(module, Level):
                module.paired = False  # Q2
            if isinstance(module, Global):
                module.__class__ = ReleasedGlobal
            if isinstance(module, Local):
                module.__class__ = ReleasedLocal
                module.pool = padded_mean if config.pooling == "mean" else module.pool

    def cycle(self, text: Side, video: Side) -> Float[Tensor, ""]:
        """Cycles from one clip and from one sentence of each video."""
        s, c = (pad_parts(x.parts, x.owner, len(x.whole)) for x in (text, video))
        both = {"clip": (*c, *s), "sent": (*s, *c)}
        return sum(
            cycle_errors(*pair).gather(1, self.draw(start, pair[1])[:, None]).mean()
            for start, pair in both.items()
        )

    def draw(self, _start: str, mask: Bool[Tensor, "b n"]) -> Int[Tensor, " b"]:
        """A part of each row to start from."""
        at = torch.rand(len(mask), device=mask.device) * mask.sum(1)
        return at.long().clamp(max=mask.shape[1] - 1)  # Q4


def config_of(
    state: Mapping[str, Any], options: Mapping[str, Any] | None = None
) -> tuple[Config, DataSizes]:
    """The released configuration: sizes and layers from the weights, the rest from the options.

    Raises ValueError for weights that are missing or a pooling that is none.
    """
    weights, recorded = tensors(state), options or {}
    hidden, frames = matrix_shape(weights, "net_video_local.input_fc.mlp.0.weight")
    _, word_dim = matrix_shape(weights, "net_text_local.input_fc.mlp.0.weight")
    first = (
        "net_video_local.tf.encoder_layers.0.pointwise_feedforward_layer.sublayer.feed_forward.0"
    )
    inner, _ = matrix_shape(weights, f"{first}.weight")
    pool = weights.get("net_video_local.pooler.pools.0.genpool_w1_head")
    pooler = str(recorded.get("local_pooler", "avg" if pool is None else "atn"))
    if pooler not in POOLERS:
        raise ValueError(f"local_pooler {pooler!r} is none of {', '.join(POOLERS)}")
    heads = Config.pool_heads if pool is None else len(pool)
    config = Config(
        word_dim=word_dim,
        hidden=hidden,
        heads=int(recorded.get("heads", Config.heads)),
        inner=inner,
        pooling=POOLERS[pooler],
        pool_heads=heads,
        pool_hidden=Config.pool_hidden if pool is None else heads * pool.shape[-1],
        context=any(".tf_context." in key for key in weights),
        margin=float(recorded.get("margin", Config.margin)),
        cycle_weight=float(recorded.get("loss_cycle_cons", Config.cycle_weight)),
    )
    return config, DataSizes(VOCABULARY, dims={"frames": frames})


def tensors(state: Mapping[str, Any]) -> dict[str, Any]:
    """The weights of all four networks, without what no weight is."""
    whole = flatten_checkpoint(state, list(NETWORKS))
    return {key: weight for key, weight in whole.items() if not key.endswith(UNUSED)}


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The released checkpoint."""
    released, data = config_of(state)
    return load_renamed(Released(config or released, data), tensors(state), KEYS)
