"""The release of ClipBERT: github.com/jayleicn/ClipBERT, MIT.

Its detector's ResNet-50 is not read: until it takes the place of `cnn`, one untrained layer gives as
many channels. A table of positions of visual tokens takes part in nothing.

Quirks
    Q1  scores are probabilities rounded to four decimals, which makes ties.
"""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from models.clipbert import ClipBert, Config, Visual, Words
from models.official._loading import load_renamed, matrix_shape
from models.parts.contract import DataSizes
from models.parts.transformer import bert_names, merge_qkv

HOME = "transformer.bert."
UNUSED = ("cnn.feature.", f"{HOME}visual_embeddings.position_embeddings.")
KEYS = {  # beginnings of the released code's names -> of ours
    "cnn.grid_encoder.0.": "grid_conv.",
    f"{HOME}visual_embeddings.row_position_embeddings.": "rows.",
    f"{HOME}visual_embeddings.col_position_embeddings.": "columns.",
    f"{HOME}visual_embeddings.token_type_embeddings.": "visual_type.",
    f"{HOME}visual_embeddings.LayerNorm.": "visual_norm.",
    f"{HOME}pooler.dense.": "pooler.",
    "transformer.classifier.": "match.",
}
OBJECTIVES = {"ce": "match", "rank": "rank"}
HEAD, DECIMALS = 64, 4  # width of a head where the options do not tell their number


class Released(ClipBert):
    """The model as released."""

    def probabilities(self, text: Words, video: Visual) -> Float[Tensor, "t v"]:
        """Of a match."""
        return super().similarity(text, video).sigmoid()

    def similarity(self, text: Words, video: Visual) -> Float[Tensor, "t v"]:
        """Probabilities, rounded."""
        return torch.round(self.probabilities(text, video), decimals=DECIMALS)  # Q1


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[Config, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    Raises ValueError where a weight is missing or the loss has another name.
    """
    recorded = options or {}
    words, width = matrix_shape(state, f"{HOME}embeddings.word_embeddings.weight")
    positions, _ = matrix_shape(state, f"{HOME}embeddings.position_embeddings.weight")
    grid, _ = matrix_shape(state, f"{HOME}visual_embeddings.row_position_embeddings.weight")
    inner, _ = matrix_shape(state, f"{HOME}encoder.layer.0.intermediate.dense.weight")
    classes, _ = matrix_shape(state, "transformer.classifier.2.weight")
    name = str(recorded.get("loss_type", "rank" if classes == 1 else "ce"))
    if name not in OBJECTIVES:
        raise ValueError(f"loss_type {name!r} is none of {', '.join(OBJECTIVES)}")
    maps = state.get("cnn.grid_encoder.0.weight")
    if not isinstance(maps, Tensor) or maps.ndim != 4:  # noqa: PLR2004  (of a convolution)
        raise ValueError("official weights do not fit: cnn.grid_encoder.0.weight is missing")
    config = Config(
        max_words=int(recorded.get("max_words", Config.max_words)),
        text=(
            width,
            int(recorded.get("heads", max(1, width // HEAD))),
            inner,
            sum(key.endswith(".intermediate.dense.weight") for key in state),
        ),
        positions=positions,
        grid=grid,
        cnn=(maps.shape[1],),
        clips=int(recorded.get("clips", Config.clips)),
        frames=int(recorded.get("frames", Config.frames)),
        pooling=str(recorded.get("score_agg_func", "mean" if name == "rank" else "lse")),
        objective=OBJECTIVES[name],
        negatives=int(recorded.get("neg", Config.negatives)),
        margin=float(recorded.get("margin", Config.margin)),
    )
    return config, DataSizes(words)


def prefixes(model: Released) -> dict[str, str]:
    """Beginnings of the released code's names, three matrices merged to one -> of ours."""
    return KEYS | bert_names(HOME, "text.", model.config.text[3])


def load(state: Mapping[str, Tensor], config: Config | None = None) -> Released:
    """The released checkpoint, without the network under the grid."""
    weights = {key: weight for key, weight in state.items() if not key.startswith(UNUSED)}
    merged = merge_qkv(weights)
    released, data = config_of(merged)
    model = Released(config or released, data)
    return load_renamed(model, merged, prefixes(model))
