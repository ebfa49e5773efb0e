"""The release of IRA: github.com/feiyuchen7/IRA f3e5068, no licence stated.

Its part on images alone; a frame stands in a region's place.

Quirks
    Q1  the encoders are those of SCAN, whose words attend to regions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from models.ira_loss import Config, IRALoss
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


@dataclass(frozen=True)
class ReleasedConfig(Config):
    """The paper's settings, and those of the attention."""

    direction: Direction = "t2i"
    sharpness: float = 9.0
    aggregation: Aggregation = "Mean"


class Released(CrossAttentionHost, IRALoss):  # Q1
    """The model as released."""

    Config = ReleasedConfig


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[ReleasedConfig, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    Raises ValueError for weights that are missing or an attention that is none.
    """
    recorded = options or {}
    settings, data = host_settings(state, recorded)
    config = ReleasedConfig(**settings, **loss_settings(recorded))
    return config, data


def loss_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the loss, by the released code's names."""
    return {
        "margin": float(options.get("margin", Config.margin)),
        "alpha": float(options.get("alpha", Config.alpha)),
        "beta": float(options.get("beta", Config.beta)),
        "hardest": bool(options.get("max_violation", Config.hardest)),
    }


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The released checkpoint, or its two state dicts as one under their prefixes."""
    weights = checkpoint_weights(state)
    released, data = config_of(weights)
    chosen = released if config is None else ReleasedConfig(**vars(config))
    return load_renamed(Released(chosen, data), weights, KEYS)
