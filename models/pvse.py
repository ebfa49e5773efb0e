"""Polysemous Visual-Semantic Embedding (PVSE).

Song, Soleymani. "Polysemous Visual-Semantic Embedding for Cross-Modal Retrieval."
CVPR 2019, arXiv:1906.04402.                     Record: data/papers.yaml, song2019pvse

A clip or a sentence may mean several things, so each gets K vectors: what it is as a whole, plus
what each of K heads sees in its parts. Two sides are as close as their two closest vectors.

Symbols
    x      a side's parts: frames or word vectors        g     the side as a whole
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
    D1  word vectors start at random and are learnt; the authors' are GloVe's, fixed unless asked.
    D2  frames come as features; the authors run a ResNet on pixels, fixed unless asked.
    D3  a clip has the frames it has; the authors' have a fixed number, the last one repeated.
    D4  a side that is missing attends to nothing: what its heads see is zero.
    D5  the authors chose the epoch on the test set and halved the rate while scores rose; here
        the validation set chooses, and the rate halves when it stands still.

Quirks of the released code (github.com/yalesong/pvse, MIT): `as_released`, `legacy`
    Q1  `as_released`: the Gaussian kernel of (8?) takes distances that are not squared.
    Q2  `legacy`, as the released checkpoints were trained: both halves of g are the states at the
        last part, where the backward GRU has read one part only. Its recurrent weights get no
        gradient, hence no variant for it.

Claims and reported numbers: the record. What is tested: tests/models/test_pvse.py
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.official._loading import load_renamed, matrix_shape
from models.parts.batch import Captions, Clips
from models.parts.contract import RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.temporal import gru_states, last_states, trim_padding

Side: TypeAlias = tuple[Float[Tensor, "b k d"], Float[Tensor, "b k d"] | None]


@dataclass(frozen=True)
class Config:
    """The authors' command for clips; `vocabulary` and `frame_dim` are the data's."""

    vocabulary: int = 10_000  # word ids, the four special ones included
    frame_dim: int = 512  # ResNet-18
    word_dim: int = 300
    common: int = 1024  # both directions of the GRU
    heads: int = 4  # K; the checkpoint for TGIF has 3, that for images 2
    attention: bool = True  # else a side is g alone: K = 1, no residual
    dropout: float = 0.0
    margin: float = 0.1
    hardest: bool = False  # as for images; else all negatives
    reduction: str = "mean"  # mean, sum
    diversity: float = 0.1  # weights of the losses
    discrepancy: float = 0.01
    gamma: float = 0.5  # of the Gaussian kernel
    legacy: bool = False  # Q2
    as_released: bool = False  # Q1

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(word_dim=64, common=128)


class PolysemousEncoder(nn.Module):
    """One side: parts to K vectors."""

    def __init__(self, in_dim: int, config: Config) -> None:
        super().__init__()
        c, self.legacy = config, config.legacy
        self.gru = nn.GRU(in_dim, c.common // 2, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(c.dropout)
        self.attends = c.attention
        if c.attention:
            self.hidden = nn.Linear(in_dim, in_dim // 2, bias=False)
            self.heads = nn.Linear(in_dim // 2, c.heads, bias=False)
            self.affine = nn.Linear(in_dim, c.common)
            self.norm = nn.LayerNorm(c.common)
            for layer in (self.hidden, self.heads, self.affine):
                nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(self.affine.bias)

    def whole(self, x: Float[Tensor, "b n in"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b d"]:
        """The side as a whole: g."""
        states = gru_states(self.gru, x, mask)
        at_last = last_states(states, mask)
        if self.legacy:
            return self.dropout(at_last)  # Q2
        forward, _ = at_last.chunk(2, dim=1)
        _, backward = states[:, 0].chunk(2, dim=1)
        return self.dropout(torch.cat([forward, backward], dim=1))  # Eq. (1?)

    def attention(
        self, x: Float[Tensor, "b n in"], mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b n k"]:
        """A, 0 at the padding."""
        scores, kept = self.heads(torch.tanh(self.hidden(x))), mask[..., None]
        lowest = torch.finfo(scores.dtype).min
        return scores.masked_fill(~kept, lowest).softmax(1) * kept  # Eq. (2?), D3, D4

    def residuals(
        self, x: Float[Tensor, "b n in"], mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b k d"]:
        """r_k."""
        attended = self.attention(x, mask).mT @ x.masked_fill(~mask[..., None], 0.0)
        return self.dropout(torch.sigmoid(self.affine(attended)))  # Eq. (3?)

    def forward(self, x: Float[Tensor, "b n in"], mask: Bool[Tensor, "b n"]) -> Side:
        """e_k, and r_k where there are any."""
        g = self.whole(x, mask)[:, None]
        if not self.attends:
            return F.normalize(g, dim=2), None
        r = self.residuals(x, mask)
        return F.normalize(self.norm(g + r), dim=2), r  # Eq. (4?)


def diversity(r: Float[Tensor, "b k d"]) -> Float[Tensor, ""]:
    """How alike the residuals of one side are."""
    unit = F.normalize(r, dim=2)
    k = r.shape[1]
    alike = (unit @ unit.mT) * (1 - torch.eye(k, device=r.device))
    return (torch.linalg.matrix_norm(alike) / k**2).mean()  # Eq. (7?)


class PVSE(RetrievalModel):
    """K vectors a side, of which the closest pair counts."""

    Config = Config
    needs = frozenset({"words", "frames"})
    recipe = Recipe("amsgrad", 2e-4, 128, 30, clip_norm=2.0, halve_after=10)  # D5
    small_recipe = replace(recipe, learning_rate=1e-3, epochs=4, halve_after=3, stop_after=3)
    # One sentence a clip: as many steps as the four epochs of twenty take, patience as published.
    staged: ClassVar = {"diorama-tgif": {"epochs": 50, "halve_after": 10, "stop_after": None}}
    variants: ClassVar = {
        "full": {},
        "three": {"heads": 3},
        "two": {"heads": 2},
        "one": {"heads": 1},
        "global": {"heads": 1, "attention": False},
        "no-diversity": {"diversity": 0.0},
        "no-discrepancy": {"discrepancy": 0.0},
        "hard-negatives": {"hardest": True},
        "as-released": {"as_released": True},
    }

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = c = config or Config()
        if c.heads > 1 and not c.attention:
            raise ValueError("without attention a side has one vector: heads=1")
        self.words = nn.Embedding(c.vocabulary, c.word_dim)
        nn.init.xavier_uniform_(self.words.weight)  # D1
        self.dropout = nn.Dropout(c.dropout)
        self.text = PolysemousEncoder(c.word_dim, c)
        self.video = PolysemousEncoder(c.frame_dim, c)

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

    def loss(self, captions: Captions, clips: Clips) -> Float[Tensor, ""]:
        """Diversity and discrepancy count where a side has several vectors."""
        (text, r_text), (video, r_video) = self.read_text(captions), self.read_video(clips)
        total = self.ranking(self.similarity(text, video))
        if r_text is None or r_video is None or self.config.heads == 1:
            return total
        apart = self.discrepancy(text.flatten(0, 1), video.flatten(0, 1))
        total = total + self.config.diversity * (diversity(r_text) + diversity(r_video))
        return total + self.config.discrepancy * apart  # Eq. (9?)

    def ranking(self, scores: Float[Tensor, "b b"]) -> Float[Tensor, ""]:
        """Another caption of the same video in the batch counts as a negative."""
        by_caption, by_video = hinge_terms(scores, self.config.margin)
        if self.config.hardest:
            by_caption, by_video = by_caption.amax(1), by_video.amax(0)
        reduce = {"mean": Tensor.mean, "sum": Tensor.sum}[self.config.reduction]
        return reduce(by_caption) + reduce(by_video)  # Eq. (6?)

    def discrepancy(
        self, text: Float[Tensor, "m d"], video: Float[Tensor, "n d"]
    ) -> Float[Tensor, ""]:
        """Maximum mean discrepancy of two sets of vectors under a Gaussian kernel."""
        c = self.config

        def kernel(x: Tensor, y: Tensor) -> Tensor:
            if c.as_released:
                gap = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")  # Q1
            else:
                gap = 2 - 2 * x @ y.mT  # squared distance of unit vectors
            return torch.exp(-c.gamma * gap)

        inside = kernel(text, text).mean() + kernel(video, video).mean()
        return inside - 2 * kernel(text, video).mean()  # Eq. (8?)

    @classmethod
    def from_official(cls, state: Mapping[str, Any], config: Config | None = None) -> "PVSE":
        """The released code's checkpoint, or its state dict; the weights of its ResNet are left out.

        Without a config the sizes are those of the weights, and the model behaves as the released
        checkpoints do. Raises ValueError, one line, where weights and model do not fit.
        """
        held = state["model"] if isinstance(state.get("model"), Mapping) else state
        named = {key.removeprefix("module."): weight for key, weight in held.items()}
        official = {key: w for key, w in named.items() if not key.startswith("img_enc.cnn.")}  # D2
        return load_renamed(cls(config or sizes(official)), official, OFFICIAL)


OFFICIAL = {  # beginnings of the released code's names -> of ours
    "txt_enc.embed.": "words.",
    **{
        f"{official}.{theirs}.": f"{side}.{ours}."
        for official, side in (("txt_enc", "text"), ("img_enc", "video"))
        for theirs, ours in (
            ("rnn", "gru"),
            ("pie_net.attention.w_1", "hidden"),
            ("pie_net.attention.w_2", "heads"),
            ("pie_net.fc", "affine"),
            ("pie_net.layer_norm", "norm"),
        )
    },
}


def sizes(official: Mapping[str, Tensor]) -> Config:
    """The released configuration, as far as its weights tell."""
    vocabulary, word_dim = matrix_shape(official, "txt_enc.embed.weight")
    _, frame_dim = matrix_shape(official, "img_enc.rnn.weight_ih_l0")
    _, half = matrix_shape(official, "img_enc.rnn.weight_hh_l0")
    attention = "img_enc.pie_net.attention.w_2.weight" in official
    heads = matrix_shape(official, "img_enc.pie_net.attention.w_2.weight")[0] if attention else 1
    return Config(
        vocabulary=vocabulary,
        frame_dim=frame_dim,
        word_dim=word_dim,
        common=2 * half,
        heads=heads,
        attention=attention,
        legacy=True,
        as_released=True,
    )


Model = PVSE
