"""The release of Dual-task: github.com/nikkiwoo-gh/Dual-task-video-retrieval 962da2c, Apache-2.0.

Quirks, with any of which a score depends on what else is in the batch or the collection
    Q1  the video GRU reads the padding too, and its backward direction begins there.
    Q2  level 3: windows that lie wholly in the padding take part in the maximum.
    Q3  both scores of a query are scaled to 0..1 by their extremes over the videos at hand; where
        all are equal the released code divides 0 by 0, and here they are 0.
"""

from collections.abc import Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor

from models.dual_task_avs import Config, DualTask, Side
from models.official._loading import flatten_checkpoint, load_renamed, matrix_shape
from models.official._multilevel import PaddedText, PaddedVideo, side_sizes
from models.parts.contract import DataSizes

PARTS = ("vid_network.", "text_encoding.")
KEYS = {  # prefixes of the released code's names -> of ours
    "text_encoding.embed.": "text.words.",
    "text_encoding.rnn.": "text.gru.",
    "text_encoding.convs1.": "text.filters.",
    "text_encoding.text_mapping.fc1.": "text_space.0.",
    "text_encoding.text_mapping.bn_1.": "text_space.1.",
    "vid_network.rnn.": "video.gru.",
    "vid_network.convs1.": "video.filters.",
    "vid_network.visual_mapping.fc1.": "video_space.0.",
    "vid_network.visual_mapping.bn_1.": "video_space.1.",
    "vid_network.fc_layer.fc1.": "decoder.0.",
    "vid_network.fc_layer.bn_1.": "decoder.1.",
}
DECODER = "vid_network.fc_layer.fc1.weight"
PAPER = {  # options that the paper has one value of
    "measure": "cosine",
    "max_violation": True,
    "cost_style": "sum",
    "direction": "all",
}


class Released(DualTask):
    """The model as released."""

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        self.text.__class__, self.video.__class__ = PaddedText, PaddedVideo  # Q1, Q2

    def similarity(self, text: Side, video: Side) -> Float[Tensor, "t v"]:
        """Scaled scores, fused; those of one task are not scaled."""
        E = self.embedding_scores(text, video)
        if not self.config.concept_loss:
            return E
        return self.fused(scaled(E), scaled(self.concept_scores(text, video)))


def scaled(scores: Float[Tensor, "t v"]) -> Float[Tensor, "t v"]:
    """Each query's scores from 0 to 1."""
    low, high = scores.aminmax(dim=1, keepdim=True)
    extent = high - low
    return (scores - low) / extent.masked_fill(extent == 0, 1.0)  # Q3


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[Config, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    `options` are the official code's own names. Raises ValueError for weights that are missing or
    an option that is not the paper's.
    """
    recorded = options or {}
    for name, value in PAPER.items():
        if recorded.get(name, value) != value:
            raise ValueError(f"{name} {recorded[name]!r} is not the paper's {value!r}")
    sides = {
        name: side_sizes(state, f"{part}.", f"{part}.{space}_mapping.fc1.weight")
        for name, part, space in (
            ("video", "vid_network", "visual"),
            ("text", "text_encoding", "text"),
        )
    }
    config: dict[str, Any] = {}
    for name, side in sides.items():
        config[f"{name}_rnn"], config[f"{name}_filters"] = side.hidden, side.filters
        config[f"{name}_kernels"] = side.kernels
    config["levels"] = (1, 2, 3) if sides["video"].whole else (2, 3)
    config["common"], _ = matrix_shape(state, "text_encoding.text_mapping.fc1.weight")
    vocabulary, config["word_dim"] = matrix_shape(state, "text_encoding.embed.weight")
    vectors = {}
    if any(key.startswith("vid_network.fc_layer.") for key in state):
        vectors["mentions"], _ = matrix_shape(state, DECODER)
    else:
        config["concept_loss"] = None
    config["margin"] = float(recorded.get("margin", Config.margin))
    config["mentioned_weight"] = float(recorded.get("lambda_pos", Config.mentioned_weight))
    data = DataSizes(vocabulary, sides["text"].whole, {"frames": sides["video"].step}, vectors)
    return Config(**config), data


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The released checkpoint, or its two state dicts as one under their prefixes."""
    weights = flatten_checkpoint(state, PARTS)
    released, data = config_of(weights)
    if config and config.concept_loss and not released.concept_loss:
        raise ValueError(f"official weights do not fit: {DECODER} is missing")
    return load_renamed(Released(config or released, data), weights, KEYS)
