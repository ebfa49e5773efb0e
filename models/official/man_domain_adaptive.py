"""The release of MAN: github.com/Recmoon/MAN c1547e9, Apache-2.0.

A checkpoint is a list of seven state dicts, without the discriminators of modalities of the first
source and of the target; as in the released code it restores the two encoders alone.

Quirks
    Q1  the video GRU reads the padding too, and its backward direction begins there.
    Q2  level 3: windows that lie wholly in the padding take part in the maximum.
    Q3  the target and the second source are put in the order of their caption lengths, the lengths
        of their videos in falling order: level 2 is a mean over a number of frames that is another
        video's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from models.man_domain_adaptive import MAN, Config
from models.official._loading import flatten_checkpoint, load_renamed, matrix_shape
from models.official._multilevel import PaddedText, PaddedVideo, side_sizes
from models.parts.batch import Batch
from models.parts.contract import DataSizes
from models.parts.pooling import masked_mean

ENCODERS = {  # prefixes of the released code's names -> of ours
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
DISCRIMINATORS = {  # the released code's name -> ours
    "video_domain_classifier": "source_video",
    "text_domain_classifier": "source_text",
    "s_vt_domain_classifier": "source_modality",
    "t_vt_domain_classifier": "target_modality",
    "video_domain_classifier2": "source2_video",
    "text_domain_classifier2": "source2_text",
    "s2_vt_domain_classifier": "source2_modality",
}
KEYS = ENCODERS | {
    f"{theirs}.domain_discriminator.d_fc{layer}.": f"discriminators.{ours}.{place}."
    for theirs, ours in DISCRIMINATORS.items()
    for layer, place in ((1, 0), (2, 2))
}
STORED = 7  # state dicts of a checkpoint, the encoders' first
SECOND = "s2_vt_domain_classifier."


@dataclass(frozen=True)
class ReleasedConfig(Config):
    """The paper's settings, and whether the lengths go with their videos."""

    true_lengths: bool = False  # else Q3


class UnsortedVideo(PaddedVideo):
    """The video side; level 2 takes its lengths where they are set from outside."""

    lengths: Int[Tensor, " v"] | None = None

    def states(
        self, x: Float[Tensor, "v n step"], mask: Bool[Tensor, "v n"]
    ) -> Float[Tensor, "v n states"]:
        """H, also over the padding, where a mean over too many frames reads it."""
        return self.gru(x * mask[..., None])[0]

    def pooled(
        self, H: Float[Tensor, "v n states"], mask: Bool[Tensor, "v n"]
    ) -> Float[Tensor, "v states"]:
        """Level 2."""
        lengths = mask.sum(1) if self.lengths is None else self.lengths
        counted = torch.arange(mask.shape[1], device=mask.device) < lengths[:, None]
        return masked_mean(H, counted)  # Q3

    def windows(
        self, H: Float[Tensor, "v n states"], mask: Bool[Tensor, "v n"]
    ) -> Float[Tensor, "v windows"]:
        """Level 3, over states that are zero at the padding."""
        return super().windows(H * mask[..., None], mask)


class Released(MAN):
    """The model as released."""

    Config = ReleasedConfig

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        self.text.__class__, self.video.__class__ = PaddedText, UnsortedVideo  # Q1, Q2

    def encode_domain(
        self, domain: str, items: Batch
    ) -> tuple[Float[Tensor, "b c"], Float[Tensor, "b c"]]:
        """Captions and videos, in the batch's order."""
        if domain != "source" and not self.config.true_lengths:
            self.video.lengths = unsorted_lengths(items, self.config.max_frames)
        try:
            return super().encode_domain(domain, items)
        finally:
            self.video.lengths = None


def unsorted_lengths(items: Batch, limit: int) -> Int[Tensor, " v"]:
    """The number of frames that each video is given: they fall as the captions' lengths do."""
    order = items.captions.mask.sum(1).argsort(descending=True, stable=True)
    lengths = items.clips.mask["frames"][:, :limit].sum(1)
    return torch.empty_like(lengths).scatter(0, order, lengths.sort(descending=True).values)


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[ReleasedConfig, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    `options` are the official code's own names. Raises ValueError for weights that are missing.
    """
    recorded = options or {}
    sides = {
        name: side_sizes(state, f"{part}_encoding.", f"{part}_encoding.{space}_mapping.fc1.weight")
        for name, part, space in (("video", "vid", "visual"), ("text", "text", "text"))
    }
    config: dict[str, Any] = {}
    for name, side in sides.items():
        config[f"{name}_rnn"], config[f"{name}_filters"] = side.hidden, side.filters
        config[f"{name}_kernels"] = side.kernels
    config["levels"] = (1, 2, 3) if sides["video"].whole else (2, 3)
    config["common"], _ = matrix_shape(state, "text_encoding.text_mapping.fc1.weight")
    vocabulary, config["word_dim"] = matrix_shape(state, "text_encoding.embed.weight")
    several = any(key.startswith(SECOND) for key in state)
    config["sources"] = 1 + bool(recorded.get("multi_source", several))
    for ours, theirs in (
        ("margin", "margin"),
        ("max_frames", "video_max_len"),
        ("domain_weight", "domain_weight"),
        ("modality_weight", "modality_weight"),
        ("reversal", "grl_alpha"),
    ):
        if theirs in recorded:
            config[ours] = recorded[theirs]
    data = DataSizes(vocabulary, sides["text"].whole, {"frames": sides["video"].step})
    return ReleasedConfig(**config), data


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The released checkpoint, which fills the encoders, or all weights by the official names."""
    stored = state.get("model")
    parts = stored[:2] if isinstance(stored, Sequence) and len(stored) == STORED else stored
    encoders_only = stored is not None
    weights = flatten_checkpoint(
        {"model": parts} if encoders_only else state, ("vid_encoding.", "text_encoding.")
    )
    released, data = config_of(weights)
    chosen = released if config is None else ReleasedConfig(**vars(config))
    return load_renamed(Released(chosen, data), weights, ENCODERS if encoders_only else KEYS)
