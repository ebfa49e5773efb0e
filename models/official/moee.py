"""The release of MEE: github.com/antoine77340/Mixture-of-Embedding-Experts, Apache-2.0.

It calls `frames` visual. Its units are numbered face, audio, visual, motion; its mixture has the
experts by name: audio, face, motion, visual. Its word vectors are not among the weights: load the
table of word2vec into `words`. Its baseline `Net2` is the fusion `single`.

Quirks
    Q1  padded steps count as steps of zeros: they shift each cluster by its centre, and the
        maximum over time of the baseline is never below zero.
    Q2  the loss counts each pair against itself, which adds margin / batch size.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from models.moee import AUDIO, MEE, Config
from models.official._loading import load_renamed, matrix_shape
from models.official._pooling import PaddingNetVLAD
from models.parts.batch import Batch, Clips
from models.parts.contract import DataSizes
from models.parts.gating import official_unit
from models.parts.netvlad import netvlad_names
from models.parts.pooling import masked_max

UNITS = ("face", AUDIO, "frames", "motion")  # the order of video_modality_dim
EXPERTS = (AUDIO, "face", "motion", "frames")  # the order of the mixture's rows
OFFICIAL_UNITS = ("face", AUDIO, "visual", "motion")
SINGLE = ("frames", "motion", AUDIO)  # the order in which the baseline concatenates
VOCABULARY = 10_000  # rows of `words`, random


@dataclass(frozen=True)
class ReleasedConfig(Config):
    """The paper's settings, and what the released code sets beside them."""

    widths: tuple[int, ...] = ()  # of the spaces, in the order of the experts; (): as the paper


class Released(MEE):
    """The model as released."""

    Config = ReleasedConfig

    def __init__(self, config: Config, data: DataSizes) -> None:
        order = EXPERTS if config.fusion == "experts" else SINGLE
        dims = {name: data.dims[name] for name in (*order, *data.dims) if name in data.dims}
        super().__init__(config, replace(data, dims=dims))
        self.text_pooling.__class__ = PaddingNetVLAD  # Q1
        if hasattr(self, "audio_pooling"):
            self.audio_pooling.__class__ = PaddingNetVLAD  # Q1

    def space_widths(self) -> dict[str, int]:
        """Of the space of each expert."""
        widths = getattr(self.config, "widths", ())
        return dict(zip(self.data.dims, widths, strict=True)) if widths else super().space_widths()

    def pooled(self, name: str, clips: Clips) -> Float[Tensor, "v _"]:
        """One vector of an expert's steps; the baseline's maximum reads the padding as zeros."""
        if name != AUDIO or self.config.fusion != "single":
            return super().pooled(name, clips)
        mask = clips.mask[name]
        x = clips.features[name].masked_fill(~mask[..., None], 0.0)
        return masked_max(x, torch.ones_like(mask))  # Q1

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Half the mean over all pairs, each with itself too."""
        return super().loss(batch) + self.config.margin / len(batch.captions.words)  # Q2


def prefixes(config: Config) -> dict[str, str]:
    """Beginnings of the released code's names -> of ours."""
    names = {"mee.moe_fc.": "mixture."}
    for pool in ("text_pooling.", "audio_pooling."):
        names |= netvlad_names(pool, pool)
    if config.fusion == "single":
        names |= official_unit("embd_text.", "text_unit.0.")
        return names | official_unit("embd_video.", "video_unit.0.")
    for i, name in enumerate(EXPERTS):
        for side in ("text", "video"):
            names |= official_unit(f"mee.{side}_GU.{UNITS.index(name)}.", f"{side}_unit.{i}.")
    return names


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[ReleasedConfig, DataSizes]:
    """The released configuration: sizes from the weights, the margin from the recorded options.

    The weights of the baseline do not tell visual and motion features apart: their widths are
    halves of the sum. Raises ValueError for weights that are missing or experts in another order.
    """
    recorded = options or {}
    order = tuple(recorded.get("video_modality_order", OFFICIAL_UNITS))
    if order != OFFICIAL_UNITS:
        raise ValueError(f"the experts are {', '.join(order)}, not {', '.join(OFFICIAL_UNITS)}")
    word_dim, text_clusters = matrix_shape(state, "text_pooling.clusters")
    audio, audio_clusters = matrix_shape(state, "audio_pooling.clusters")
    common = {
        "word_dim": word_dim,
        "text_clusters": text_clusters,
        "audio_clusters": audio_clusters,
        "margin": float(recorded.get("margin", Config.margin)),
    }
    if "embd_video.fc.weight" in state:
        single, total = matrix_shape(state, "embd_video.fc.weight")
        motion = (total - audio) // 2
        widths = (total - audio - motion, motion, audio)
        config = ReleasedConfig(fusion="single", single=single, **common)
        return config, DataSizes(VOCABULARY, dims=dict(zip(SINGLE, widths, strict=True)))
    shapes = {
        name: matrix_shape(state, f"mee.video_GU.{UNITS.index(name)}.fc.weight") for name in EXPERTS
    }
    dims = {name: width for name, (_, width) in shapes.items()} | {AUDIO: audio}
    config = ReleasedConfig(widths=tuple(space for space, _ in shapes.values()), **common)
    return config, DataSizes(VOCABULARY, dims=dims)


def load(state: Mapping[str, Tensor], config: Config | None = None) -> Released:
    """The released checkpoint: of its mixture, or of its baseline with one space."""
    released, data = config_of(state)
    chosen = config or released
    unused = "audio_pooling." if chosen.fusion == "single" else "\n"
    weights = {key: weight for key, weight in state.items() if not key.startswith(unused)}
    return load_renamed(Released(chosen, data), weights, prefixes(chosen))
