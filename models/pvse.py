"""Polysemous Visual-Semantic Embedding (PVSE).

Song, Soleymani. "Polysemous Visual-Semantic Embedding for Cross-Modal Retrieval."
CVPR 2019, arXiv:1906.04402.                     Record: data/papers.yaml, song2019pvse

A clip or a sentence may mean several things, so each gets K vectors: its global vector plus what
each of K attention heads pools from its parts. The score of two sides is that of their two closest
vectors.

Symbols
    x      parts of a side: frames or word vectors       g     global vector of a side
    A      attention of the K heads over the parts       r_k   residual of head k
    e_k    vector k of a side, of unit length            S     scores

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   g: last states of a biGRU                          PolysemousEncoder.whole
    (2?)   A: softmax over the parts                          PolysemousEncoder.attention
    (3?)   r_k: attended parts, affine map, sigmoid           PolysemousEncoder.residuals
    (4?)   e_k: layer norm of g + r_k, unit length            PolysemousEncoder.forward
    (5?)   S: the largest of K x K cosines                    PVSE.similarity
    (6?)   triplet loss                                       PVSE.ranking
    (7?)   diversity of the residuals of one side             diversity
    (8?)   discrepancy between the vectors of both sides      PVSE.discrepancy
    (9?)   the losses, weighted                               PVSE.loss

Departures
    D1  word vectors start at random and are trained; the authors' are GloVe's, fixed unless asked.
    D2  frames come as features; the authors run a ResNet on pixels, fixed unless asked.
    D3  a clip has the frames it has; the authors' have a fixed number, the last one repeated, taken
        at a random stride from a random start in training.
    D4  a side that is missing attends to nothing: its pooled parts are zero.
    D5  the rate is halved after 10 epochs without a best score, and the epoch is chosen on
        validation. The release halves it after 10 epochs without a worst score, its scheduler
        being left in "min" mode, and chooses the epoch on the test set.

The released code: models/official/pvse.py. Claims and reported numbers: the record.
What is tested: tests/models/test_pvse.py
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_softmax
from models.parts.recipe import recipe
from models.parts.spaces import affine_space
from models.parts.temporal import gru_states, last_states, trim_padding

Side: TypeAlias = tuple[Float[Tensor, "b k d"], Float[Tensor, "b k d"] | None]


@dataclass(frozen=True)
class Config:
    """The authors' command for clips."""

    word_dim: int = 300
    common: int = 1024  # both directions of the GRU
    heads: int = 4  # K; the checkpoint for TGIF has 3, that for images 2
    attention: bool = True  # else a side is g alone: K = 1, no residual
    dropout: float = 0.0
    margin: float = 0.1
    hardest: bool = False  # as for images; else all negatives
    diversity: float = 0.1  # weights of the losses
    discrepancy: float = 0.01
    gamma: float = 0.5  # of the Gaussian kernel

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(word_dim=64, common=128)


class PolysemousEncoder(nn.Module):
    """One side: parts to K vectors."""

    def __init__(self, in_dim: int, config: Config) -> None:
        super().__init__()
        c = config
        self.gru = nn.GRU(in_dim, c.common // 2, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(c.dropout)
        self.attends = c.attention
        if c.attention:
            self.hidden = nn.Linear(in_dim, in_dim // 2, bias=False)
            self.heads = nn.Linear(in_dim // 2, c.heads, bias=False)
            self.affine = affine_space(in_dim, c.common, nn.Sigmoid(), self.dropout)
            self.norm = nn.LayerNorm(c.common)
            for layer in (self.hidden, self.heads):
                nn.init.xavier_uniform_(layer.weight)

    def whole(self, x: Float[Tensor, "b n in"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b d"]:
        """g: each direction's state once it has read every part."""
        states = gru_states(self.gru, x, mask)
        forward, _ = last_states(states, mask).chunk(2, dim=1)
        _, backward = states[:, 0].chunk(2, dim=1)
        return self.dropout(torch.cat([forward, backward], dim=1))  # Eq. (1?)

    def attention(
        self, x: Float[Tensor, "b n in"], mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b n k"]:
        """A, 0 at the padding."""
        scores = self.heads(torch.tanh(self.hidden(x)))
        return masked_softmax(scores, mask[..., None], dim=1)  # Eq. (2?), D3, D4

    def residuals(
        self, x: Float[Tensor, "b n in"], mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b k d"]:
        """r_k."""
        attended = self.attention(x, mask).mT @ x.masked_fill(~mask[..., None], 0.0)
        return self.affine(attended)  # Eq. (3?)

    def forward(self, x: Float[Tensor, "b n in"], mask: Bool[Tensor, "b n"]) -> Side:
        """e_k, and r_k where there are any."""
        g = self.whole(x, mask)[:, None]
        if not self.attends:
            return F.normalize(g, dim=2), None
        r = self.residuals(x, mask)
        return F.normalize(self.norm(g + r), dim=2), r  # Eq. (4?)


def diversity(r: Float[Tensor, "b k d"]) -> Float[Tensor, ""]:
    """Similarity of the residuals of one side to each other."""
    unit = F.normalize(r, dim=2)
    k = r.shape[1]
    others = (unit @ unit.mT) * (1 - torch.eye(k, device=r.device))
    return (torch.linalg.matrix_norm(others) / k**2).mean()  # Eq. (7?)


class PVSE(RetrievalModel):
    """K vectors per side, compared by their closest pair."""

    version = 2  # the rate is halved on a plateau
    Config = Config
    views = frozenset({"words", "frames"})
    recipe = recipe(
        optimiser="amsgrad",
        learning_rate=2e-4,
        batch_size=128,
        epochs=30,
        clip_norm=2.0,
        lr_patience=10,
    )  # D5
    small_recipe = recipe.but(learning_rate=1e-3, epochs=4)
    # One sentence per clip: as many steps as the four epochs of twenty take.
    recipe_by_dataset: ClassVar = {"diorama-tgif": {"epochs": 50}}
    variants: ClassVar = {
        "full": {},
        "three": {"heads": 3},
        "two": {"heads": 2},
        "one": {"heads": 1},
        "global": {"heads": 1, "attention": False},
        "no-diversity": {"diversity": 0.0},
        "no-discrepancy": {"discrepancy": 0.0},
        "hard-negatives": {"hardest": True},
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        if config.heads > 1 and not config.attention:
            raise ValueError("without attention a side has one vector: heads=1")
        self.words = nn.Embedding(data.vocabulary, config.word_dim)
        nn.init.xavier_uniform_(self.words.weight)  # D1
        self.dropout = nn.Dropout(config.dropout)
        self.text = PolysemousEncoder(config.word_dim, config)
        self.video = PolysemousEncoder(data.dims["frames"], config)

    def read_text(self, captions: Captions) -> Side:
        """e_k and r_k of the captions."""
        words, mask = trim_padding(captions.words, captions.mask)
        return self.text(self.dropout(self.words(words)), mask)

    def read_video(self, clips: Clips) -> Side:
        """e_k and r_k of the clips."""
        return self.video(*trim_padding(clips.features["frames"], clips.mask["frames"]))  # D2, D3

    def encode_text(self, captions: Captions) -> Float[Tensor, "t k d"]:
        """e_k of the captions."""
        return self.read_text(captions)[0]

    def encode_video(self, clips: Clips) -> Float[Tensor, "v k d"]:
        """e_k of the clips."""
        return self.read_video(clips)[0]

    def similarity(
        self, text: Float[Tensor, "t k d"], video: Float[Tensor, "v k d"]
    ) -> Float[Tensor, "t v"]:
        """S."""
        cosines = text.flatten(0, 1) @ video.flatten(0, 1).mT
        by_pair = cosines.unflatten(1, video.shape[:2]).unflatten(0, text.shape[:2])
        return by_pair.amax((1, 3))  # Eq. (5?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Diversity and discrepancy count where a side has several vectors."""
        text, r_text = self.read_text(batch.captions)
        video, r_video = self.read_video(batch.clips)
        total = self.ranking(self.similarity(text, video))
        if r_text is None or r_video is None or self.config.heads == 1:
            return total
        gap = self.discrepancy(text.flatten(0, 1), video.flatten(0, 1))
        total = total + self.config.diversity * (diversity(r_text) + diversity(r_video))
        return total + self.config.discrepancy * gap  # Eq. (9?)

    def ranking(self, scores: Float[Tensor, "b b"]) -> Float[Tensor, ""]:
        """Mean over the batch; another caption of the same video counts as a negative."""
        by_caption, by_video = hinge_terms(scores, self.config.margin)
        if self.config.hardest:
            by_caption, by_video = by_caption.amax(1), by_video.amax(0)
        return by_caption.mean() + by_video.mean()  # Eq. (6?)

    def distance(self, x: Float[Tensor, "m d"], y: Float[Tensor, "n d"]) -> Float[Tensor, "m n"]:
        """Squared distance of unit vectors, what the Gaussian kernel takes."""
        return 2 - 2 * x @ y.mT

    def discrepancy(
        self, text: Float[Tensor, "m d"], video: Float[Tensor, "n d"]
    ) -> Float[Tensor, ""]:
        """Maximum mean discrepancy of two sets of vectors under a Gaussian kernel."""

        def kernel(x: Tensor, y: Tensor) -> Tensor:
            return torch.exp(-self.config.gamma * self.distance(x, y)).mean()

        return kernel(text, text) + kernel(video, video) - 2 * kernel(text, video)  # Eq. (8?)


Model = PVSE
