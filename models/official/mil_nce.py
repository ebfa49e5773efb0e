"""The release of MIL-NCE: github.com/antoine77340/MIL-NCE_HowTo100M, Apache-2.0.

The first author's own re-implementation of code that is not public. Its weights are loaded by
github.com/antoine77340/S3D_HowTo100M, whose stem reads cubes of pixels. Its word table, word2vec's
without the words that are never spoken, is fixed and among the weights.

Quirks
    Q1  a clip's positives are counted twice in the denominator: the loss is never below log 2.
    Q2  the zeros that fill a caption up to `max_words` are looked up like words.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from models.mil_nce import Config, MilNce
from models.official._loading import load_renamed, matrix_shape, official_names
from models.parts.batch import Captions
from models.parts.contract import DataSizes
from models.parts.s3d import S3DG, STEM, s3d_names
from models.parts.words import SPECIAL

TABLE, MODULE = "text_module.word_embd.weight", "module."
TEXT_KEYS = {  # beginnings of the released code's names -> of ours
    "text_module.word_embd.": "words.",
    "text_module.fc1.": "word.",
    "text_module.fc2.": "text.",
}
KEYS = TEXT_KEYS | {"fc.": "video."} | s3d_names("", "tower.")
CUBE = 24  # colours of a cube of 2 x 2 x 2 pixels
SKIPPED = SPECIAL - 1  # our special ids but the padding: the released ids have none
TOKEN = re.compile(r"[\w']+")


@dataclass(frozen=True)
class ReleasedConfig(Config):
    """The paper's settings, and what the released weights set beside them."""

    cubes: bool = False  # the stem of the released weights


class Released(MilNce):
    """The model as released."""

    Config = ReleasedConfig

    def __init__(self, config: ReleasedConfig, data: DataSizes) -> None:
        super().__init__(config, data)
        self.words.weight.requires_grad_(requires_grad=False)

    def visual_tower(self) -> S3DG:
        """S3D-G, over pixels or cubes of them."""
        return S3DG(self.config.narrow, cubes=self.config.cubes)

    def pooled(self, captions: Captions) -> Float[Tensor, "t h"]:
        """Never below what the padding gives, where a caption is shorter than `max_words`."""
        p = super().pooled(captions)
        short = self.known_words(captions).sum(1, keepdim=True) < self.config.max_words
        padding = self.word(self.words.weight[0]).relu()
        return torch.where(short, torch.maximum(p, padding), p)  # Q2

    def terms(
        self, scores: Float[Tensor, "t v"], positive: Bool[Tensor, "t v"]
    ) -> Float[Tensor, " v"]:
        """log(2 P + N) - log P, where the paper's are log(P + N) - log P."""
        return F.softplus(super().terms(scores, positive))  # Q1


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[ReleasedConfig, DataSizes]:
    """The released configuration: sizes and stem from the weights, the rest from recorded options.

    Raises ValueError for weights that are missing.
    """
    recorded = options or {}
    rows, word_dim = matrix_shape(state, TABLE)
    hidden, _ = matrix_shape(state, "text_module.fc1.weight")
    common, _ = matrix_shape(state, "text_module.fc2.weight")
    stem = state.get("conv1.conv1.weight")
    config = ReleasedConfig(
        word_dim=word_dim,
        hidden=hidden,
        common=common,
        max_words=int(recorded.get("max_words", Config.max_words)),
        candidates=int(recorded.get("num_candidates", Config.candidates)),
        narrow=1 if stem is None else max(1, STEM // len(stem)),
        cubes=stem is not None and stem.shape[1] == CUBE,
    )
    return config, DataSizes(rows + SKIPPED)


def word_ids(sentence: str, vocabulary: Sequence[str], max_words: int) -> list[int]:
    """Our ids of a sentence: words that the vocabulary lacks are dropped, capitals kept."""
    known = {word: place + SPECIAL for place, word in enumerate(vocabulary)}
    ids = [known[word] for word in TOKEN.findall(sentence) if word in known]
    return ids[:max_words]


def official_state(net: Released) -> dict[str, Tensor]:
    """The weights of a model as a checkpoint of the release holds them."""
    own = net.state_dict()
    return released_layout({key: own[name] for key, name in official_names(net, KEYS).items()})


def released_layout(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Under official names: the word table without our special ids but the padding."""
    rows = {key: torch.cat([x[:1], x[SPECIAL:]]) for key, x in tensors.items() if key == TABLE}
    return {**tensors, **rows}


def our_layout(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `released_layout`; rows of the special ids are zero."""
    table = state.get(TABLE)
    if not isinstance(table, Tensor) or table.ndim != 2:  # noqa: PLR2004  (a matrix)
        return dict(state)
    empty = table.new_zeros(SKIPPED, table.shape[1])
    return {**state, TABLE: torch.cat([table[:1], empty, table[1:]])}


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The released checkpoint, or a training checkpoint, whose names begin with `module.`."""
    inner = state.get("state_dict")
    every = inner if isinstance(inner, Mapping) else state
    weights = {key.removeprefix(MODULE): weight for key, weight in every.items()}
    released, data = config_of(weights)
    return load_renamed(Released(config or released, data), our_layout(weights), KEYS)
