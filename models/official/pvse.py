"""The release of PVSE: github.com/yalesong/pvse, MIT (data and code for academic purposes only).

Quirks
    Q1  the Gaussian kernel of the discrepancy takes distances that are not squared.
    Q2  `legacy`, as the released checkpoints were trained: both halves of g are the states at the
        last part, where the backward GRU has read one part only. Its recurrent weights get no
        gradient.

Its training has a quirk too (D5 of the model): ReduceLROnPlateau, left in "min" mode, is given the
sum of recalls, so that the rate is halved after 10 epochs without a new lowest score, rising scores
or not; and the epoch is chosen on the test set. Losses and gradients show neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from models.official._loading import load_renamed, matrix_shape
from models.parts.contract import DataSizes
from models.parts.temporal import gru_states, last_states
from models.pvse import PVSE, Config, PolysemousEncoder

HEADS = "img_enc.pie_net.attention.w_2.weight"
KEYS = {  # prefixes of the released code's names -> of ours
    "txt_enc.embed.": "words.",
    **{
        f"{official}.{theirs}.": f"{side}.{ours}."
        for official, side in (("txt_enc", "text"), ("img_enc", "video"))
        for theirs, ours in (
            ("rnn", "gru"),
            ("pie_net.attention.w_1", "hidden"),
            ("pie_net.attention.w_2", "heads"),
            ("pie_net.fc", "affine.0"),
            ("pie_net.layer_norm", "norm"),
        )
    },
}


@dataclass(frozen=True)
class ReleasedConfig(Config):
    """The paper's settings and an option of the release; a plain Config is that of checkpoints."""

    legacy: bool = True


class LegacyEncoder(PolysemousEncoder):
    """One side in the checkpoints."""

    def whole(self, x: Float[Tensor, "b n in"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b d"]:
        """g: both directions' states at the last part."""
        return self.dropout(last_states(gru_states(self.gru, x, mask), mask))  # Q2


class Released(PVSE):
    """The model as released."""

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        if not isinstance(config, ReleasedConfig) or config.legacy:
            self.text.__class__ = self.video.__class__ = LegacyEncoder

    def distance(self, x: Float[Tensor, "m d"], y: Float[Tensor, "n d"]) -> Float[Tensor, "m n"]:
        """The distance itself."""
        return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")  # Q1


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[ReleasedConfig, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    `options` are the official code's own names. Raises ValueError for weights that are missing or
    an option that is not the paper's.
    """
    recorded = options or {}
    if recorded.get("order", False):
        raise ValueError("order embeddings are not the paper's")
    vocabulary, word_dim = matrix_shape(state, "txt_enc.embed.weight")
    _, frames = matrix_shape(state, "img_enc.rnn.weight_ih_l0")
    _, half = matrix_shape(state, "img_enc.rnn.weight_hh_l0")
    attention = HEADS in state
    config = ReleasedConfig(
        word_dim=word_dim,
        common=2 * half,
        heads=matrix_shape(state, HEADS)[0] if attention else 1,
        attention=attention,
        dropout=float(recorded.get("dropout", Config.dropout)),
        margin=float(recorded.get("margin", Config.margin)),
        hardest=bool(recorded.get("max_violation", Config.hardest)),
        diversity=float(recorded.get("div_weight", Config.diversity)),
        discrepancy=float(recorded.get("mmd_weight", Config.discrepancy)),
        gamma=float(recorded.get("mmd_gamma", Config.gamma)),
        legacy=bool(recorded.get("legacy", True)),
    )
    return config, DataSizes(vocabulary, dims={"frames": frames})


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The checkpoint, or its state dict; the weights of its ResNet are left out.

    Without a config the model is as the released checkpoints were trained.
    """
    nested = state["model"] if isinstance(state.get("model"), Mapping) else state
    named = {key.removeprefix("module."): weight for key, weight in nested.items()}
    weights = {key: w for key, w in named.items() if not key.startswith("img_enc.cnn.")}
    sized, data = config_of(weights)
    return load_renamed(Released(config or sized, data), weights, KEYS)
