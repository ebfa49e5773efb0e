"""The release of SEA: github.com/li-xirong/sea d434988, no licence stated.

Its word2vec table and BERT vectors are not among its weights: the vectors of the sentences are
`captions.vectors`.

Quirks
    Q1  the one-space baseline hands its sides to the loss in the wrong order: configured for text
        to video, it trains video to text.
"""

from collections.abc import Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor

from models.official._loading import flatten_checkpoint, load_renamed, matrix_shape
from models.parts.contract import DataSizes
from models.parts.losses import hinge_terms
from models.sea import SEA, WORD2VEC, Config

PARTS = ("vis_net.", "txt_net.")
ENCODERS = ("bow", "w2v", "gru", "bert")  # unless options tell others
RECURRENT = {"gru", "bigru"}
PAPER = {  # options that the paper's code has one value of
    "activation": "tanh",
    "batch_norm": False,
    "pooling": "mean",
    "max_violation": True,
    "cost_style": "sum",
    "direction": "t2i",
}


class Released(SEA):
    """The model as released."""

    def triplet(self, scores: Float[Tensor, "b b"]) -> Float[Tensor, ""]:
        """Loss of one space; of the only one: the hardest wrong caption of each video."""
        if len(self.groups) > 1:
            return super().triplet(scores)
        _, by_video = hinge_terms(scores, self.config.margin)
        return by_video.amax(0).sum()  # Q1


def keys(config: Config) -> dict[str, str]:
    """Prefixes of the released code's names -> of ours; one space is named without a number."""
    if config.spaces == "concat" or len(config.encoders) == 1:
        return {
            "vis_net.transformer.fc1.": "video_space.0.0.",
            "txt_net.transformer.fc1.": "text_space.0.0.",
        }
    prefixes = {}
    for i, encoder in enumerate(config.encoders):
        prefixes[f"vis_net.vis_nets.{i}.transformer.fc1."] = f"video_space.{i}.0."
        prefixes[f"txt_net.txt_nets.{i}.transformer.fc1."] = f"text_space.{i}.0."
        if encoder in RECURRENT:
            prefixes[f"txt_net.txt_nets.{i}.encoder.we."] = "words."
            prefixes[f"txt_net.txt_nets.{i}.encoder.rnn."] = "gru."
    return prefixes


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[Config, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    Without the option `encoders` the spaces are those of ENCODERS, as many as there are; a single
    space reads a bag. Raises ValueError for weights that are missing or an option that is not the
    paper's.
    """
    recorded = options or {}
    for name, value in PAPER.items():
        if recorded.get(name, value) != value:
            raise ValueError(f"{name} {recorded[name]!r} is not the paper's {value!r}")
    single = "txt_net.transformer.fc1.weight" in state
    own = _single_space if single else _spaces
    config, width, vocabulary = own(state, recorded)
    vision = "vis_net.transformer" if single else "vis_net.vis_nets.0.transformer"
    config["common"], frames = matrix_shape(state, f"{vision}.fc1.weight")
    config["margin"] = float(recorded.get("margin", Config.margin))
    bow = width.pop("bow", 0)
    return Config(**config), DataSizes(vocabulary, bow, {"frames": frames}, width)


def _single_space(
    state: Mapping[str, Tensor], recorded: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, int], int]:
    """Configuration and widths of the baseline, which was released without a GRU."""
    encoders = tuple(recorded.get("encoders", ("bow",)))
    if RECURRENT & set(encoders):
        raise ValueError("official weights do not fit: the one-space baseline has no GRU")
    _, u = matrix_shape(state, "txt_net.transformer.fc1.weight")
    widths = {"w2v": recorded.get("w2v_dim", WORD2VEC), "bert": recorded.get("bert_dim", 768)}
    width = {name: int(widths[name]) for name in encoders if name in widths}
    width["bow"] = max(u - sum(width.values()), 0)
    return {"encoders": encoders, "spaces": "concat" if len(encoders) > 1 else "multi"}, width, 0


def _spaces(
    state: Mapping[str, Tensor], recorded: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, int], int]:
    """Configuration and widths of the assembly, space by space."""
    layers = [f"txt_net.txt_nets.{i}.transformer.fc1.weight" for i in range(len(ENCODERS))]
    k = sum(layer in state for layer in layers)
    encoders = list(recorded.get("encoders", ENCODERS[: max(k, 1)]))
    config: dict[str, Any] = {}
    width, vocabulary = {}, 0
    for i, encoder in enumerate(encoders):
        _, size = matrix_shape(state, f"txt_net.txt_nets.{i}.transformer.fc1.weight")
        if encoder not in RECURRENT:
            width[encoder] = size
            continue
        gru = f"txt_net.txt_nets.{i}.encoder."
        vocabulary, config["word_dim"] = matrix_shape(state, f"{gru}we.weight")
        _, config["text_rnn"] = matrix_shape(state, f"{gru}rnn.weight_hh_l0")
        if f"{gru}rnn.weight_hh_l0_reverse" in state:
            encoders[i] = "bigru"
    return {"encoders": tuple(encoders), **config}, width, vocabulary


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The released checkpoint, or its two state dicts as one under their prefixes."""
    weights = flatten_checkpoint(state, PARTS)
    released, data = config_of(weights, config and {"encoders": config.encoders})
    chosen = config or released
    return load_renamed(Released(chosen, data), weights, keys(chosen))
