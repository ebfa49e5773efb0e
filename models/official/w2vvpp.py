"""The release of W2VV++: github.com/li-xirong/w2vvpp 51d96e6, no licence stated.

It behaves as the paper's model does. Its word2vec table is not among its weights: the mean vectors
of the sentences are `captions.vectors["w2v"]`.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from models.official._loading import flatten_checkpoint, load_renamed, matrix_shape
from models.parts.contract import DataSizes
from models.w2vvpp import WORD2VEC, Config, W2VVPlusPlus

PARTS = ("vis_net.", "txt_net.")
GRU = "txt_net.encoder.rnn_encoder."
KEYS = {  # prefixes of the released code's names -> of ours
    "vis_net.fc1.": "video_space.0.",
    "txt_net.transformer.fc1.": "text_space.0.",
    f"{GRU}we.": "words.",
    f"{GRU}rnn.": "gru.",
}
PAPER = {  # options that the paper's code has one value of
    "activation": "tanh",
    "batch_norm": False,
    "pooling": "mean",
}


class Released(W2VVPlusPlus):
    """The model as released."""


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[Config, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    Weights do not tell bag and word vectors apart. Without the options `encoders` and `w2v_dim` a
    model without a GRU reads a bag alone, and word vectors are as wide as those of the GRU. Raises
    ValueError for weights that are missing or an option that is not the paper's.
    """
    recorded = options or {}
    for name, value in PAPER.items():
        if recorded.get(name, value) != value:
            raise ValueError(f"{name} {recorded[name]!r} is not the paper's {value!r}")
    common, rest = matrix_shape(state, "txt_net.transformer.fc1.weight")
    _, frames = matrix_shape(state, "vis_net.fc1.weight")
    config: dict[str, Any] = {"common": common, "encoders": ("bow",)}
    vocabulary = 0
    if any(key.startswith(GRU) for key in state):
        vocabulary, config["word_dim"] = matrix_shape(state, f"{GRU}we.weight")
        _, config["text_rnn"] = matrix_shape(state, f"{GRU}rnn.weight_hh_l0")
        config["encoders"], rest = ("gru", "w2v", "bow"), rest - config["text_rnn"]
    config["encoders"] = tuple(recorded.get("encoders", config["encoders"]))
    config["margin"] = float(recorded.get("margin", Config.margin))
    config["hardest"] = bool(recorded.get("max_violation", Config.hardest))
    vectors = {}
    if "w2v" in config["encoders"]:
        vectors["w2v"] = int(recorded.get("w2v_dim", config.get("word_dim", WORD2VEC)))
        rest = max(rest - vectors["w2v"], 0)
    return Config(**config), DataSizes(vocabulary, rest, {"frames": frames}, vectors)


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The released checkpoint, or its two state dicts as one under their prefixes."""
    weights = flatten_checkpoint(state, PARTS)
    released, data = config_of(weights, config and {"encoders": config.encoders})
    return load_renamed(Released(config or released, data), weights, KEYS)
