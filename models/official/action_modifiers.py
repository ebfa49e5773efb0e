"""The release of Action Modifiers: github.com/hazeld/action-modifiers, no licence stated.

Its evaluation lets the true action attend to a video, also where the action is what is asked for.
Here the action of the caption does: `similarity` knows no other.

Quirks
    Q1  the heads of the attention share their maps: queries and features are cut into slices, and
        each slice passes through one map of a slice's width, so that a head sees its part of the
        features alone.
    Q2  what the heads give is interleaved: number d * heads + h is channel d of head h.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from models.action_modifiers import ActionAttention, ActionModifiers, Config
from models.official._loading import load_renamed, matrix_shape
from models.parts.contract import DataSizes

KEYS = {  # prefixes of the released code's names -> of ours
    "action_embedder.weight": "actions",
    "action_modifiers.": "modifiers.",
    "video_embedder.q_linear.": "video.query.",
    "video_embedder.k_linear.": "video.key.",
    "video_embedder.v_linear.": "video.value.",
    "video_embedder.out.": "video.out.",
    "video_embedder.network.": "video.layers.",
}
TEMPORAL = {"sdp": "attention", "average": "average", "single": "single"}


class SlicedAttention(ActionAttention):
    """Heads over slices of the input, with the same maps."""

    def __init__(self, dim: int, in_dim: int, heads: int, dropout: float) -> None:
        super().__init__(dim, in_dim, heads, dropout)
        slice_in, slice_out = math.ceil(in_dim / heads), dim // heads
        self.query = nn.Linear(slice_out, slice_out)
        self.key, self.value = nn.Linear(slice_in, slice_out), nn.Linear(slice_in, slice_out)

    def by_head(self, layer: nn.Module, x: Float[Tensor, "*n in"]) -> Float[Tensor, "*n heads d"]:
        """A map of each slice of x; zeros fill the last slice where it is too short."""
        slices = F.pad(x, (0, -x.shape[-1] % self.heads))
        return layer(slices.unflatten(-1, (self.heads, -1)))  # Q1

    def merge(self, y: Float[Tensor, "*n heads d"]) -> Float[Tensor, "*n dim"]:
        """Channels side by side, the heads of each together."""
        return y.mT.flatten(-2)  # Q2


class Released(ActionModifiers):
    """The model as released."""

    def video_encoder(self, in_dim: int) -> nn.Module:
        """f."""
        c = self.config
        if c.temporal == "attention":
            return SlicedAttention(c.dim, in_dim, c.heads, c.dropout)
        return super().video_encoder(in_dim)


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[Config, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    Adverbs come in pairs with their antonyms. Raises ValueError for weights that are missing or an
    option that is none of the release's.
    """
    recorded = options or {}
    actions, dim = matrix_shape(state, "action_embedder.weight")
    adverbs = sum(key.startswith("action_modifiers.") for key in state)
    if adverbs % 2 or not adverbs:
        raise ValueError(f"official weights do not fit: {adverbs} action_modifiers are no pairs")
    matrix_shape(state, "action_modifiers.0")
    attends = any(key.startswith("video_embedder.q_linear.") for key in state)
    name = str(recorded.get("temporal_agg", "sdp" if attends else "average"))
    if name not in TEMPORAL:
        raise ValueError(f"temporal_agg {name!r} is none of {', '.join(TEMPORAL)}")
    heads = int(recorded.get("heads") or Config.heads)
    layer = "k_linear" if attends else "network.0"
    _, width = matrix_shape(state, f"video_embedder.{layer}.weight")
    config = Config(
        dim=dim,
        temporal=TEMPORAL[name],
        heads=heads,
        margin=float(recorded.get("margin", Config.margin)),
    )
    frames = width * heads if attends else width
    return config, DataSizes(dims={"frames": frames}, classes={"verb": actions, "adverb": adverbs})


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The released checkpoint, or its weights alone."""
    weights = state.get("net", state)
    released, data = config_of(weights)
    return load_renamed(Released(config or released, data), weights, KEYS)
