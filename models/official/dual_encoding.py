"""The release of Dual Encoding: github.com/danieljf24/dual_encoding f4bd13a, Apache-2.0.

Quirks, with either of which a score depends on what else is in the batch
    Q1  the video GRU reads the padding too, and its backward direction begins there.
    Q2  level 3: windows that lie wholly in the padding take part in the maximum.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from models.dual_encoding import Config, DualEncoding
from models.official._loading import flatten_checkpoint, load_renamed, matrix_shape
from models.official._multilevel import PaddedText, PaddedVideo, side_sizes
from models.parts.contract import DataSizes

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


class Released(DualEncoding):
    """The model as released."""

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        self.text.__class__, self.video.__class__ = PaddedText, PaddedVideo  # Q1, Q2


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[Config, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    `options` are the official code's own names. Raises ValueError for weights that are missing or
    an option that is not the paper's.
    """
    recorded = options or {}
    if recorded.get("measure", "cosine") != "cosine":
        raise ValueError(f"measure {recorded['measure']!r} is not the paper's cosine")
    sides = {
        name: side_sizes(state, f"{part}_encoding.", f"{part}_encoding.{space}_mapping.fc1.weight")
        for name, part, space in (("video", "vid", "visual"), ("text", "text", "text"))
    }
    config: dict[str, Any] = {}
    for name, side in sides.items():
        config[f"{name}_levels"] = (1, 2, 3) if side.whole else (2, 3)
        config[f"{name}_rnn"], config[f"{name}_filters"] = side.hidden, side.filters
        config[f"{name}_kernels"] = side.kernels
    config["common"], _ = matrix_shape(state, "text_encoding.text_mapping.fc1.weight")
    vocabulary, config["word_dim"] = matrix_shape(state, "text_encoding.embed.weight")
    config["margin"] = float(recorded.get("margin", Config.margin))
    config["max_frames"] = int(recorded.get("video_max_len", Config.max_frames))
    config["hardest"] = bool(recorded.get("max_violation", Config.hardest))
    data = DataSizes(vocabulary, sides["text"].whole, {"frames": sides["video"].step})
    return Config(**config), data


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The released checkpoint, or its two state dicts as one under their prefixes."""
    weights = flatten_checkpoint(state, PARTS)
    released, data = config_of(weights)
    return load_renamed(Released(config or released, data), weights, KEYS)
