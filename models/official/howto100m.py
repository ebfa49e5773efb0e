"""The release of HowTo100M's embedding: github.com/antoine77340/howto100m, Apache-2.0.

Its batch norms take part in nothing; word2vec is not among its weights: load its table into
`words`. The released checkpoint has 6,144 numbers in common, the paper 4,096.

Quirks
    Q1  the zeros that fill a sentence up to `max_words` take part in the maximum: a floor of
        relu(b) under every shorter sentence.
    Q2  the loss counts each caption with its own clip: a constant 2m on the diagonal of h.
"""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from models.howto100m import Config, HowTo100M
from models.official._loading import load_renamed, matrix_shape
from models.parts.batch import Captions
from models.parts.contract import DataSizes
from models.parts.gating import official_unit

KEYS = {  # prefixes of the released code's names -> of ours
    "text_pooling.fc.": "word.",
    **official_unit("GU_text.", "text."),
    **official_unit("GU_video.", "video."),
}
VOCABULARY = 10_000  # rows of `words`, random


class Released(HowTo100M):
    """The model as released."""

    def pooled(self, captions: Captions) -> Float[Tensor, "t c"]:
        """p, never below relu(b) where a sentence is shorter than `max_words`."""
        p = super().pooled(captions)
        short = self.known_words(captions).sum(1, keepdim=True) < self.config.max_words
        return torch.where(short, torch.maximum(p, self.word.bias.relu()), p)  # Q1

    def terms(self, scores: Float[Tensor, "b b"]) -> Float[Tensor, "b b"]:
        """h with its diagonal."""
        own = torch.full_like(scores[0], 2 * self.config.margin).diag()
        return super().terms(scores) + own  # Q2


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[Config, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    Without the options the two streams are of equal width. Raises ValueError where a weight is
    missing.
    """
    recorded = options or {}
    common, word_dim = matrix_shape(state, "text_pooling.fc.weight")
    _, width = matrix_shape(state, "GU_video.fc.weight")
    config = Config(
        word_dim=word_dim,
        max_words=int(recorded.get("max_words", Config.max_words)),
        common=common,
        margin=float(recorded.get("margin", Config.margin)),
        hard_negative_rate=float(recorded.get("hard_negative_rate", Config.hard_negative_rate)),
    )
    return config, DataSizes(VOCABULARY, dims={"frames": width - width // 2, "motion": width // 2})


def load(state: Mapping[str, Tensor], config: Config | None = None) -> Released:
    """The released checkpoint, without the batch norms."""
    weights = {key: weight for key, weight in state.items() if ".batch_norm." not in key}
    released, data = config_of(weights)
    return load_renamed(Released(config or released, data), weights, KEYS)
