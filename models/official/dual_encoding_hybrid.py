"""The release of the hybrid space: github.com/danieljf24/hybrid_space b934eff, Apache-2.0.

Quirks, with any of which a score depends on what else is in the batch or the table
    Q1  the video GRU reads the padding too, and its backward direction begins there.
    Q2  level 3: windows that lie wholly in the padding take part in the maximum.
    Q3  level 2 as a maximum: the zeros of the padding take part in it.
    Q4  each space's scores are scaled to 0..1 by the extremes of the whole table at hand.
"""

from collections.abc import Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor

from models.dual_encoding_hybrid import Config, DualEncodingHybrid, Spaces
from models.official._loading import flatten_checkpoint, load_renamed, matrix_shape
from models.official._multilevel import PaddedText, PaddedVideo, side_sizes
from models.parts.contract import DataSizes

SIDES = {"vid": "video", "text": "text"}
PARTS = [f"{side}_{part}." for part in ("encoding", "mapping") for side in SIDES]
KEYS = {  # prefixes of the released code's names -> of ours
    f"{theirs}_{part}.": f"{ours}{name}."
    for theirs, ours in SIDES.items()
    for part, name in {
        "encoding.embed": ".words",
        "encoding.rnn": ".gru",
        "encoding.convs1": ".filters",
        "mapping.mapping.fc1": "_space.0",
        "mapping.mapping.bn_1": "_space.1",
        "mapping.tag_fc": "_concepts.0",
        "mapping.tag_fc_batch_norm": "_concepts.1",
    }.items()
}
TAGS = "text_mapping.tag_fc.weight"
PAPER = {  # options that the paper has one value of
    "measure": "cosine",
    "measure_2": "jaccard",
    "max_violation": True,
    "cost_style": "sum",
    "direction": "all",
}


class Released(DualEncodingHybrid):
    """The model as released."""

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        self.text.__class__, self.video.__class__ = PaddedText, PaddedVideo  # Q1, Q2, Q3

    def fused(self, S: Spaces) -> Float[Tensor, "t v"]:
        """Weighted sum of scaled scores; one space alone is not scaled."""
        if len(S) == 1:
            return super().fused(S)
        return super().fused(
            {k: (s - s.min()) / (s.max() - s.min()) for k, s in S.items()}  # Q4
        )


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
        ours: side_sizes(state, f"{theirs}_encoding.", f"{theirs}_mapping.mapping.fc1.weight")
        for theirs, ours in SIDES.items()
    }
    config: dict[str, Any] = {}
    for name, side in sides.items():
        config[f"{name}_rnn"], config[f"{name}_filters"] = side.hidden, side.filters
        config[f"{name}_kernels"] = side.kernels
    config["levels"] = (1, 2, 3) if sides["video"].whole else (2, 3)
    config["common"], _ = matrix_shape(state, "text_mapping.mapping.fc1.weight")
    vocabulary, config["word_dim"] = matrix_shape(state, "text_encoding.embed.weight")
    vectors = {}
    if any(key.startswith("text_mapping.tag_fc") for key in state):
        config["concepts"], _ = matrix_shape(state, TAGS)
        vectors["concepts"] = config["concepts"]
    else:
        config["space"] = "latent"
    config["gru_pool"] = str(recorded.get("gru_pool", Config.gru_pool))
    config["margin"] = float(recorded.get("margin", Config.margin))
    config["concept_margin"] = float(recorded.get("margin_2", Config.concept_margin))
    data = DataSizes(vocabulary, sides["text"].whole, {"frames": sides["video"].step}, vectors)
    return Config(**config), data


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The released checkpoint, or its four state dicts as one under their prefixes."""
    weights = flatten_checkpoint(state, PARTS)
    released, data = config_of(weights)
    if config and config.space != released.space == "latent":
        raise ValueError(f"official weights do not fit: {TAGS} is missing")
    return load_renamed(Released(config or released, data), weights, KEYS)
