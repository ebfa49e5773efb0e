"""Multimodal Cues: an object-text and an activity-text space.

Mithun, Li, Metze, Roy-Chowdhury. "Learning Joint Embedding with Multimodal Cues for Cross-Modal
Video-Text Retrieval." ICMR 2018.                Record: data/papers.yaml, mithun2018multimodal

Objects and activities get a joint space each, with a sentence encoder of its own; their scores are
added up. In training, a pair that ranks badly in its batch weighs more.

Symbols
    v, t   a video, a sentence in one space          S    scores
    r      rank of the right item in the batch       beta weight of the rank

Equations (numbers of the ICMR text; a letter: a step without one)
    (a)    v, linear map of a space's features (§3.2)             Space.video
    (b)    t, state of a GRU over the words (§3.2)                Space.text
    (c)    cosine per space (§3.2)                                MultimodalCues.per_space
    (d)    scores, sum over the spaces (§3.4)                     MultimodalCues.similarity
    (e)    weight of a pair, 1 + beta / (B - r), r from 0 (§3.3)  rank_weight
    (3)    hardest negatives, weighted, summed                    MultimodalCues.triplet

Departures
    D1  both spaces are trained at once, by the sum of their losses. They share no weight, so each
        has the gradient it has alone; but the norm that is clipped is that of both, and one epoch
        is chosen by the common scores, where the authors choose one per space.
    D2  a video that lacks a feature has zeros in its place; in the authors' data none lacks one.
    D3  where a side gives the zero vector its cosines are 0; the authors' are NaN.
    D4  from the released code, not the text: v has a bias; t is the GRU's last state itself, which
        the text maps once more; the rate is 2e-4, halved every 10 epochs (text: 2e-3, a tenth of it
        after 15).
    D5  validation once an epoch; the authors validate every 500 steps too.

The released code: models/official/multimodal_cues.py. Claims and reported numbers: the record.
What is tested: tests/models/test_multimodal_cues.py
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_mean
from models.parts.recipe import recipe
from models.parts.spaces import affine_space
from models.parts.temporal import gru_states, last_states, trim_padding

CUES = {"object": ("frames",), "activity": ("motion", "audio")}  # space -> its features, in order


@dataclass(frozen=True)
class Config:
    """Defaults of the authors' scripts."""

    spaces: tuple[str, ...] = ("object", "activity")
    word_dim: int = 300
    common: int = 1024  # of either space
    margin: float = 0.2
    beta: float = 1.0  # 0: every pair weighs the same

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(word_dim=64, common=128)


class Space(nn.Module):
    """One joint space: a layer for the video, words and a GRU for the sentence."""

    def __init__(self, in_dim: int, vocabulary: int, config: Config) -> None:
        super().__init__()
        self.visual = affine_space(in_dim, config.common)
        self.words = nn.Embedding(vocabulary, config.word_dim)
        nn.init.uniform_(self.words.weight, -0.1, 0.1)
        self.gru = nn.GRU(config.word_dim, config.common, batch_first=True)

    def video(self, x: Float[Tensor, "v in"]) -> Float[Tensor, "v c"]:
        """v."""
        return F.normalize(self.visual(x), dim=1)  # Eq. (a), D3, D4

    def text(self, captions: Captions) -> Float[Tensor, "t c"]:
        """t."""
        words, mask = trim_padding(captions.words, captions.mask)
        states = gru_states(self.gru, self.words(words), mask)
        return F.normalize(last_states(states, mask), dim=1)  # Eq. (b), D3, D4


class MultimodalCues(RetrievalModel):
    """Two spaces that meet in the sum of their scores."""

    Config = Config
    views = frozenset({"words"})
    optional = frozenset({"audio"})
    recipe = recipe(
        optimiser="adam",
        learning_rate=2e-4,
        batch_size=128,
        epochs=30,
        clip_norm=2.0,
        lr_decay=0.5,
        decay_every=10,
    )  # D1, D4, D5
    small_recipe = recipe.but(learning_rate=1e-3, epochs=7, decay_every=4)
    variants: ClassVar = {
        "full": {},
        "object": {"spaces": ("object",)},
        "activity": {"spaces": ("activity",)},
        "unweighted": {"beta": 0.0},
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        self.cues = {name: [e for e in CUES[name] if e in data.dims] for name in config.spaces}
        widths = {name: sum(data.dims[e] for e in cues) for name, cues in self.cues.items()}
        self.spaces = nn.ModuleDict(
            {name: Space(width, data.vocabulary, config) for name, width in widths.items()}
        )

    @classmethod
    def needs(cls, config: Config) -> frozenset[str]:
        """The features of the spaces there are."""
        cues = {cue for name in config.spaces for cue in CUES[name]}
        return cls.views | (cues - cls.optional)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t k c"]:
        """The sentences in each space."""
        return torch.stack([space.text(captions) for space in self.spaces.values()], dim=1)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v k c"]:
        """The videos in each space, from the means of their features over time."""
        x = {
            name: torch.cat([masked_mean(clips.features[e], clips.mask[e]) for e in cues], dim=1)
            for name, cues in self.cues.items()
        }  # D2
        return torch.stack([space.video(x[name]) for name, space in self.spaces.items()], dim=1)

    def per_space(
        self, text: Float[Tensor, "t k c"], video: Float[Tensor, "v k c"]
    ) -> Float[Tensor, "k t v"]:
        """Cosines."""
        return torch.einsum("tkc,vkc->ktv", text, video)  # Eq. (c)

    def similarity(
        self, text: Float[Tensor, "t k c"], video: Float[Tensor, "v k c"]
    ) -> Float[Tensor, "t v"]:
        """S."""
        return self.per_space(text, video).sum(0)  # Eq. (d)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Each space has its own hardest negatives."""
        scores = self.per_space(self.encode_text(batch.captions), self.encode_video(batch.clips))
        return torch.stack([self.triplet(s) for s in scores]).sum()  # D1

    def triplet(self, scores: Float[Tensor, "b b"]) -> Float[Tensor, ""]:
        """Loss of one space."""
        by_caption, by_video = hinge_terms(scores, self.config.margin)
        a = rank_weight(scores.mT, self.config.beta)
        b = rank_weight(scores, self.config.beta)
        return (a * by_video.amax(0)).sum() + (b * by_caption.amax(1)).sum()  # Eq. (3)


def rank_weight(scores: Float[Tensor, "b b"], beta: float) -> Float[Tensor, " b"]:
    """Weight of each row's pair, by the number of columns that score higher than its own."""
    rank = (scores > scores.diagonal()[:, None]).sum(1)
    return 1 + beta / (len(scores) - rank)  # Eq. (e)


Model = MultimodalCues
