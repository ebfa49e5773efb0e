"""The release of Dual Encoding: github.com/danieljf24/dual_encoding, Apache-2.0.

Quirks, with either of which a score depends on what else is in the batch
    Q1  the video GRU reads the padding too, and its backward direction begins there.
    Q2  level 3: windows that lie wholly in the padding take part in the maximum.
"""

import re
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from models.dual_encoding import Config, DualEncoding
from models.official._loading import flatten_checkpoint, load_renamed, matrix_shape
from models.parts.contract import DataSizes
from models.parts.multilevel import MultiLevel, TextLevels, VideoLevels

PARTS = ("vid_encoding.", "text_encoding.")
KEYS = {  # prefixes of the released code's names -> of ours
    "text_encoding.embed.": "text.words.",
    "text_encoding.rnn.": "text.gru.",
    "text_encoding.convs1.": "text.filters.",
    "text_encoding.text_mapping.fc1.": "text_space.0.",
    "text_encoding.text_mapping.bn_1.": "text_space.1.",
    "vid_encoding.rnn.": "video.gru.",
    "vid_encoding.convs1.": "video.filters.",
    "vid_encoding.visual_mapping.fc1.": "video_space.0.",
    "vid_encoding.visual_mapping.bn_1.": "video_space.1.",
}


class WindowsInPadding(MultiLevel):
    """Level 3 as released."""

    def window_mask(self, mask: Bool[Tensor, "b n"]) -> Bool[Tensor, "b n"]:
        """Every step, padding included."""
        return torch.ones_like(mask)  # Q2


class ReleasedText(WindowsInPadding, TextLevels):
    """The text side, whose GRU is packed."""


class ReleasedVideo(WindowsInPadding, VideoLevels):
    """The video side, whose GRU is not."""

    def states(
        self, x: Float[Tensor, "b n step"], mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b n states"]:
        """H over the padding too, set to zero there afterwards."""
        return self.gru(x * mask[..., None])[0] * mask[..., None]  # Q1


class Released(DualEncoding):
    """The model as released."""

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        self.text.__class__, self.video.__class__ = ReleasedText, ReleasedVideo


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[Config, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    `options` are the official code's own names. Raises ValueError for weights that are missing or
    an option that is not the paper's.
    """
    given = options or {}
    if given.get("measure", "cosine") != "cosine":
        raise ValueError(f"measure {given['measure']!r} is not the paper's cosine")
    config: dict[str, Any] = {}
    for side, part, space in (("video", "vid", "visual"), ("text", "text", "text")):
        name = re.compile(rf"{part}_encoding\.convs1\.\d+\.weight")
        convs = [weight.shape for key, weight in sorted(state.items()) if name.fullmatch(key)]
        _, hidden = matrix_shape(state, f"{part}_encoding.rnn.weight_hh_l0")
        config["common"], u = matrix_shape(state, f"{part}_encoding.{space}_mapping.fc1.weight")
        whole = u - 2 * hidden - sum(filters for filters, *_ in convs)
        config[f"{side}_levels"] = (1, 2, 3) if whole > 0 else (2, 3)
        config[f"{side}_rnn"] = hidden
        config[f"{side}_kernels"] = tuple(k for _, _, k, _ in convs)
        config[f"{side}_filters"] = convs[0][0] if convs else 0
    _, frames = matrix_shape(state, "vid_encoding.rnn.weight_ih_l0")
    vocabulary, config["word_dim"] = matrix_shape(state, "text_encoding.embed.weight")
    config["margin"] = float(given.get("margin", Config.margin))
    config["max_frames"] = int(given.get("video_max_len", Config.max_frames))
    config["hardest"] = bool(given.get("max_violation", Config.hardest))
    return Config(**config), DataSizes(vocabulary, max(whole, 0), {"frames": frames})


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The released checkpoint, or its two state dicts as one under their prefixes."""
    weights = flatten_checkpoint(state, PARTS)
    told, data = config_of(weights)
    return load_renamed(Released(config or told, data), weights, KEYS)
