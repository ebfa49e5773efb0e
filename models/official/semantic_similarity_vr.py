"""Weights for semantic similarity video retrieval: github.com/mwray/Semantic-Video-Retrieval.

That repository, no licence stated, has the measure and no network. A checkpoint is one of MMEN, one
space of all words, of github.com/mwray/Joint-Part-of-Speech-Embeddings, CC BY-NC 4.0. Its word2vec
table is not among its weights: the mean vectors of captions are `captions.vectors["w2v"]`.

Quirks
    Q1  the batch norm of a gate is among the weights and takes part in nothing.
"""

from collections.abc import Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from models.official._gating import IdleNormUnit
from models.official._loading import load_renamed, matrix_shape
from models.parts.contract import DataSizes
from models.parts.gating import official_unit
from models.semantic_similarity_vr import Config, SemanticSimilarity

KEYS = {  # prefixes of the released code's names -> of ours
    **official_unit("SMEs.t.", "text."),
    **official_unit("SMEs.v.", "video."),
}
VOCABULARY = 10_000  # words that relevance tells apart
PROXIES = {"BoW": "bow", "PoS": "pos"}


class Released(SemanticSimilarity):
    """The model as released."""

    def encoder(self, in_dim: int) -> nn.Module:
        """One side, its idle batch norm too."""
        return IdleNormUnit(in_dim, self.config.size)  # Q1

    def embed(self, unit: nn.Module, x: Float[Tensor, "b in"]) -> Float[Tensor, "b d"]:
        """Rows of unit length; the unit's input is of unit length already."""
        return unit(x)


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[Config, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    Raises ValueError for weights that are missing or a proxy of relevance that is none.
    """
    recorded = options or {}
    size, text = matrix_shape(state, "SMEs.t.fc.weight")
    _, frames = matrix_shape(state, "SMEs.v.fc.weight")
    proxy = str(recorded.get("proxy_of_triplets", "PoS"))
    if proxy not in PROXIES:
        raise ValueError(f"proxy_of_triplets {proxy!r} is none of {', '.join(PROXIES)}")
    config = Config(
        size=size,
        relevance=PROXIES[proxy],
        threshold=float(recorded.get("threshold", Config.threshold)),
        margin=float(recorded.get("margin", Config.margin)),
    )
    return config, DataSizes(VOCABULARY, dims={"frames": frames}, vectors={"w2v": text})


def load(state: Mapping[str, Tensor], config: Config | None = None) -> Released:
    """The released checkpoint."""
    released, data = config_of(state)
    return load_renamed(Released(config or released, data), state, KEYS)
