"""The release of the polynomial loss: github.com/wayne980/PolyLoss 05da003, Apache-2.0.

Its part on images alone; a frame stands in a region's place. The options a, b and max_violation of
its command are not read: the coefficients are constants.

Quirks
    Q1  the encoders are those of SCAN, whose regions attend to words.
    Q2  a positive of 1 - 1e-5 or more counts as none. The released code then stops with an error;
        here the anchor is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor

from models.official._loading import load_renamed
from models.official._scan import (
    KEYS,
    Aggregation,
    CrossAttentionHost,
    Direction,
    checkpoint_weights,
    host_settings,
)
from models.parts.contract import DataSizes
from models.universal_weighting_polyloss import Config, PolyLoss

ONE = 1 - 1e-5


@dataclass(frozen=True)
class ReleasedConfig(Config):
    """The paper's settings, and those of the attention."""

    direction: Direction = "i2t"
    sharpness: float = 4.0
    aggregation: Aggregation = "Mean"


class Released(CrossAttentionHost, PolyLoss):  # Q1
    """The model as released."""

    Config = ReleasedConfig

    def kept(self, scores: Float[Tensor, "b b"]) -> Bool[Tensor, "b b"]:
        """N of the anchors in the rows."""
        return super().kept(scores) & (scores.diagonal() < ONE)[:, None]  # Q2


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[ReleasedConfig, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    Raises ValueError for weights that are missing or an attention that is none.
    """
    recorded = options or {}
    settings, data = host_settings(state, recorded)
    margin = float(recorded.get("margin", Config.margin))
    return ReleasedConfig(**settings, margin=margin), data


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The released checkpoint, or its two state dicts as one under their prefixes."""
    weights = checkpoint_weights(state)
    released, data = config_of(weights)
    chosen = released if config is None else ReleasedConfig(**vars(config))
    return load_renamed(Released(chosen, data), weights, KEYS)
