"""The release of W2VV: github.com/danieljf24/w2vv, MIT, Keras 2.1.6.

Weights are a mapping of Keras names, `gru_1/kernel`, as arrays or tensors: kernels (in, out), the
GRU's gates in the order z, r, new. An h5 file has them under groups of the same words.

Quirks
    Q1  the gates of the GRU are piecewise linear: x / 5 + 1/2, cut to [0, 1].
    Q2  a sentence stands at the end of `max_words` positions, and the GRU reads those before it too,
        as word 0, whose vector is trained.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from models.official._loading import load_renamed, matrix_shape
from models.parts.batch import Captions
from models.parts.contract import DataSizes
from models.w2vv import W2VV, Config, ResetFirstGRU, Words

KEYS = {  # the released code's names -> ours
    "embedding_1/embeddings": "words.weight",
    "gru_1/kernel": "gru.input.weight",
    "gru_1/recurrent_kernel": "gru.recurrent.weight",
    "gru_1/bias": "gru.input.bias",
    "dense_1/kernel": "text.0.weight",
    "dense_1/bias": "text.0.bias",
    "dense_2/kernel": "text.3.weight",
    "dense_2/bias": "text.3.bias",
}


class HardGates(ResetFirstGRU):
    """The GRU of Keras 2.1."""

    def gate(self, a: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Keras' hard sigmoid."""
        return (0.2 * a + 0.5).clamp(0, 1)  # Q1


class Released(W2VV):
    """The model as released."""

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        if "gru" in config.encoders:
            self.gru.__class__ = HardGates

    def sentence(self, captions: Captions) -> Words:
        """`max_words` positions, the words at their end; every position is read."""
        words, mask = super().sentence(captions)
        count, positions = mask.sum(1, keepdim=True), self.config.max_words
        words = F.pad(words.masked_fill(~mask, 0), (0, positions - words.shape[1]))
        at = torch.arange(positions, device=words.device) - (positions - count)
        padded = words.gather(1, at.clamp(min=0)).masked_fill(at < 0, 0)
        return padded, torch.ones_like(padded, dtype=torch.bool)  # Q2


def config_of(
    state: Mapping[str, Any], options: Mapping[str, Any] | None = None
) -> tuple[Config, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    The mean word vector is as wide as the vectors that the GRU reads: both are word2vec's.
    `options` are the official code's own names. Raises ValueError for weights that are missing.
    """
    weights = tensors(state)
    vocabulary, word_dim = matrix_shape(weights, "embedding_1/embeddings")
    text_rnn, _ = matrix_shape(weights, "gru_1/recurrent_kernel")
    u, hidden = matrix_shape(weights, "dense_1/kernel")
    _, frames = matrix_shape(weights, "dense_2/kernel")
    max_words = int((options or {}).get("sent_maxlen", Config.max_words))
    config = Config(word_dim=word_dim, text_rnn=text_rnn, hidden=hidden, max_words=max_words)
    rest = max(u - text_rnn, 0)
    w2v = min(word_dim, rest)
    return config, DataSizes(vocabulary, rest - w2v, {"frames": frames}, {"w2v": w2v})


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The model with Keras' weights in it."""
    sized, data = config_of(state)
    weights = {key: turned(key, weight) for key, weight in tensors(state).items()}
    return load_renamed(Released(config or sized, data), weights, KEYS)


def official_state(model: Released) -> dict[str, Tensor]:
    """The weights of a model under Keras' names and in its layout."""
    own = model.state_dict()
    return {key: turned(key, own[name]) for key, name in KEYS.items() if name in own}


def tensors(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Arrays as tensors; ValueError, one line, for what is none."""
    try:
        return {key: torch.as_tensor(weight) for key, weight in state.items()}
    except (TypeError, ValueError, RuntimeError) as error:
        problem = " ".join(str(error).split())
        raise ValueError(f"official weights do not fit: no array: {problem}") from error


def turned(key: str, weight: Tensor) -> Tensor:
    """Kernels (in, out) as weights (out, in), and back; anything else as it is."""
    return weight.mT if key.endswith("kernel") else weight
