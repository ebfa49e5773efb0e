"""The release of JPoSE: github.com/mwray/Joint-Part-of-Speech-Embeddings, CC BY-NC 4.0.

The authors' second implementation; that of the paper, in TensorFlow, is not public. Word vectors
are not among its weights: load word2vec's table into `words`. A checkpoint with one encoder per
side is its baseline MMEN, one space of all words.

Quirks
    Q1  an encoder is one gated unit over an input of unit length, its batch norm never applied,
        where the paper has a perceptron of two layers.
    Q2  while training the halves of an action are (noun, verb), in the test (verb, noun): the
        learnt combination sees them swapped.
    Q3  the learnt combination, off unless asked for, ends in a batch norm.
    Q4  the loss is divided by the number of its terms.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from models.jpose import ACTION, CAPTION, PAIRS, Config, JPoSE, Spaces, same_class
from models.official._gating import IdleNormUnit
from models.official._loading import load_renamed, matrix_shape
from models.parts.batch import Batch
from models.parts.contract import DataSizes
from models.parts.gating import official_unit

PARTS = ("verb", "noun")
COMBINATION = {"cat": "concat", "fc": "learned", "res": "learned"}
VOCABULARY = 10_000  # rows of `words`, random
PAIR_WEIGHTS = tuple(zip(PAIRS, (1.0, 2.0, 1.0, 1.0), strict=True))


@dataclass(frozen=True)
class ReleasedConfig(Config):
    """The paper's settings, and what the released code sets beside them."""

    pair_weights: tuple[tuple[str, float], ...] = PAIR_WEIGHTS
    space_weights: tuple[tuple[str, float], ...] = ()  # of verb, noun, action: 1 where not there


class Released(JPoSE):
    """The model as released."""

    def encoder(self, in_dim: int) -> nn.Module:
        """f_p or g_p."""
        return IdleNormUnit(in_dim, self.config.size)  # Q1

    def combination(self, in_dim: int) -> nn.Module:
        """The layer that both sides share, and its batch norm."""
        size = self.config.size
        return nn.Sequential(nn.Linear(in_dim, size), nn.BatchNorm1d(size))  # Q3

    def training_spaces(self, parts: Spaces) -> Spaces:
        """The spaces as the loss has them."""
        return self.spaces(dict(reversed(parts.items())))  # Q2

    def weight(self, space: str, pair: str) -> float:
        """Of the loss of one space and one pair of sides, over the number of terms."""
        if not isinstance(self.config, ReleasedConfig):
            weight = super().weight(space, pair)
        else:
            spaces = dict(self.config.space_weights)
            weight = dict(self.config.pair_weights)[pair] * spaces.get(space, 1.0)
        return weight / (len(PAIRS) * (len(self.text) + (len(self.text) > 1)))  # Q4

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """All terms."""
        text = self.training_spaces(self.text_parts(batch.captions))
        video = self.training_spaces(self.video_parts(batch.clips))
        return sum(self.terms(text, video, same_class(batch.captions)).values())


def keys(config: Config) -> dict[str, str]:
    """Beginnings of the released code's names -> of ours."""
    names = {"comb_func.fc.fc_layers.0.": "combine.0.", "comb_func.fc.batch_norm.": "combine.1."}
    for side, ours in (("t", "text"), ("v", "video")):
        for part in config.parts:
            home = "" if part == CAPTION else f"MMENs.{part}."
            names |= official_unit(f"{home}SMEs.{side}.", f"{ours}.{part}.")
    return names


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[ReleasedConfig, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    Raises ValueError for weights that are missing or a combination that fails in the release too.
    """
    recorded = options or {}
    single = any(key.startswith("SMEs.") for key in state)
    home = "SMEs." if single else "MMENs.verb.SMEs."
    size, word_dim = matrix_shape(state, f"{home}t.fc.weight")
    _, frames = matrix_shape(state, f"{home}v.fc.weight")
    layer = any(key.startswith("comb_func.") for key in state)
    name = str(recorded.get("comb_func", "fc" if layer else "cat"))
    if name not in COMBINATION:
        raise ValueError(f"comb_func {name!r} is none of {', '.join(COMBINATION)}")
    config = ReleasedConfig(
        word_dim=word_dim,
        parts=(CAPTION,) if single else PARTS,
        size=size,
        combination=COMBINATION[name],
        margin=float(recorded.get("margin", 1.0)),
        pair_weights=_pairs(recorded.get("pair_weights", dict(PAIR_WEIGHTS))),
        space_weights=_pairs(recorded.get("pos_weights", {ACTION: 1.0})),
    )
    return config, DataSizes(VOCABULARY, dims={"frames": frames})


def _pairs(weights: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple((name, float(weight)) for name, weight in weights.items())


def load(state: Mapping[str, Tensor], config: Config | None = None) -> Released:
    """The released checkpoint, its idle batch norms too."""
    released, data = config_of(state)
    chosen = config or released
    return load_renamed(Released(chosen, data), state, keys(chosen))
