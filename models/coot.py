"""Cooperative Hierarchical Transformer (COOT).

Ging, Zolfaghari, Pirsiavash, Brox. "COOT: Cooperative Hierarchical Transformer for Video-Text
Representation Learning." NeurIPS 2020, arXiv:2011.00597.
                                                 Record: data/papers.yaml, ging2020coot

A video of several clips and its paragraph are read at two levels. The same local transformer reads
the clips and, for context, the whole video; a global one reads the clips' vectors with that context
as a query. Clips and sentences have to find each other in a cycle, there and back.

Symbols
    c, s   clip, sentence (local)                  g   context: local network over the whole
    v, p   video, paragraph (global)               L   ranking loss of two sets of vectors

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   c, s, g: steps with positions, self-attention      Local.forward
    (2?)   pooled by weights per step and channel (AFA)       AttentionPooling.forward
    (3?)   v, p: [mean of attended parts | read by context]   Global.forward
    (4?)   scores: cosines of p and v                         COOT.similarity
    (5?)   L: hinge with all negatives, mean over the pairs   COOT.ranking
    (6?)   L(p, v) + L(s, c) + L(g, g)                        COOT.loss
    (7?)   half of L(a, a) of each side, at both levels       COOT.within
    (8?)   cycle from a part to its neighbour and back        parts.cycles.cycle_errors (1)

Departures
    D1  word vectors start at random and are learnt; the authors' are states of BERT, fixed.
    D2  the cycle loss is the mean over all parts; the authors draw one part of each video.
    D3  of a long sequence the first frame of each of 80 intervals is read, in the authors' code the
        middle one, in training a random one. Short clips are not lengthened to 10 frames.
    D4  dropout stands where BERT's does; the authors' follows the first normalisation of a layer
        and stands between the two maps of its inner half too.
    D5  the rate rises linearly over three epochs, not in three steps; biases have weight decay too;
        the epoch is chosen by the sum of recalls, the authors' by R@1.

The released code: models/official/coot.py. Claims and reported numbers: the record.
What is tested: tests/models/test_coot.py
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.attention import CrossLayer, sinusoids
from models.parts.batch import Batch, Captions, Clips, Nested
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.cycles import cycle_errors
from models.parts.losses import hinge_terms
from models.parts.nested import pad_parts
from models.parts.pooling import masked_max, masked_mean, masked_softmax
from models.parts.recipe import recipe
from models.parts.temporal import take_uniform, trim_padding

Steps: TypeAlias = tuple[Float[Tensor, "b n in"], Bool[Tensor, "b n"]]  # and their mask
SPREAD = 0.01  # standard deviation of fresh weights and biases, cut at two of it
POOLINGS = {"mean": masked_mean, "max": masked_max}  # beside attention


@dataclass(frozen=True)
class Config:
    """The authors' configuration for ActivityNet Captions."""

    word_dim: int = 1536
    hidden: int = 384
    heads: int = 8
    inner: int = 384  # of the second half of a layer
    pooling: str = "attention"  # of a local network; mean, max
    pool_heads: int = 2
    pool_hidden: int = 768  # of all its heads
    context: bool = True  # whether a global network reads by the context
    dropout: float = 0.025
    max_frames: int = 80  # of a clip or a video, evenly spread
    margin: float = 0.2
    cycle_weight: float = 0.01

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(word_dim=64, hidden=128, inner=128, pool_hidden=128)


@dataclass
class Side:
    """Paragraphs or videos, and their parts."""

    whole: Float[Tensor, "b e"]  # p or v
    context: Float[Tensor, "b d"]
    parts: Float[Tensor, "n d"]  # s or c
    owner: Int[Tensor, " n"]  # rising: the row of each one's whole


class AttentionPooling(nn.Module):
    """AFA: every channel has its own weights over the steps, some channels to a head."""

    def __init__(self, dim: int, hidden: int, heads: int) -> None:
        super().__init__()
        inner, out = hidden // heads, dim // heads
        self.w1, self.b1 = (nn.Parameter(torch.empty(heads, *s, inner)) for s in ([dim], []))
        self.w2, self.b2 = (nn.Parameter(torch.empty(heads, *s, out)) for s in ([inner], []))

    def forward(self, x: Float[Tensor, "b n d"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b d"]:
        """Weighted sums; zeros of a row without a step."""
        hidden = F.gelu(torch.einsum("bnd,hdi->bnhi", x, self.w1) + self.b1)
        scores = torch.einsum("bnhi,hio->bnho", hidden, self.w2) + self.b2
        return (masked_softmax(scores.flatten(2), mask[..., None], 1) * x).sum(1)  # Eq. (2?)


class Level(nn.Module):
    """What both levels have in common: normalised input, positions, self-attention."""

    paired = True  # two channels share the period of a position's wave

    def __init__(self, in_dim: int, c: Config) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(in_dim)
        self.layer = CrossLayer(*[c.hidden] * 3, c.heads, c.inner, c.dropout)  # D4

    def read(self, x: Float[Tensor, "b n d"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b n d"]:
        """Steps that know their place and each other."""
        x = x + sinusoids(*x.shape[1:], paired=self.paired).to(x)
        return self.layer(x, x, mask)


class Local(Level):
    """Words or frames -> one vector."""

    def __init__(self, in_dim: int, c: Config) -> None:
        super().__init__(in_dim, c)
        self.project = nn.Linear(in_dim, c.hidden)
        attention = AttentionPooling(c.hidden, c.pool_hidden, c.pool_heads)
        self.pool = attention if c.pooling == "attention" else POOLINGS[c.pooling]

    def forward(self, x: Float[Tensor, "b n i"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b d"]:
        """Of any length: clips and whole videos alike."""
        x, mask = trim_padding(x, mask)
        states = self.read(F.gelu(self.project(self.norm(x))), mask)  # Eq. (1?)
        return self.pool(states, mask)


class Global(Level):
    """The vectors of the parts -> the whole."""

    def __init__(self, c: Config) -> None:
        super().__init__(c.hidden, c)
        self.reader = deepcopy(self.layer) if c.context else None

    def average(self, x: Float[Tensor, "b n d"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b d"]:
        """Mean over the parts."""
        return masked_mean(x, mask)

    def forward(
        self, x: Float[Tensor, "b n d"], mask: Bool[Tensor, "b n"], context: Float[Tensor, "b d"]
    ) -> Float[Tensor, "b e"]:
        """Both halves, or the first alone."""
        states = self.read(self.norm(x), mask)
        mean = self.average(states, mask)
        if self.reader is None:
            return mean
        return torch.cat([mean, self.reader(context[:, None], states, mask)[:, 0]], 1)  # Eq. (3?)


class COOT(RetrievalModel):
    """Two levels on each side, joined by context and by cycles."""

    Config = Config
    views = frozenset({"words", "frames", "sentences", "segments"})
    recipe = recipe(
        optimiser="adam",
        learning_rate=1e-3,
        weight_decay=2e-5,
        precision="fp16",
        batch_size=64,
        epochs=100,
        warmup=0.03,
        lr_patience=2,
        lr_factor=0.1,
        early_stopping_patience=16,
        select="SumR",
    )  # D5
    small_recipe = recipe.but(epochs=20, warmup=0.15, precision=None)
    variants: ClassVar = {
        "full": {},
        "mean-pooling": {"pooling": "mean"},
        "max-pooling": {"pooling": "max"},
        "no-context": {"context": False},
        "no-cycle": {"cycle_weight": 0.0},
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        self.words = nn.Embedding(data.vocabulary, config.word_dim)
        dims = {"text": config.word_dim, "video": data.dims["frames"]}
        self.local = nn.ModuleDict({side: Local(dim, config) for side, dim in dims.items()})
        self.whole = nn.ModuleDict({side: Global(config) for side in dims})
        for name, weight in self.named_parameters():
            if "norm." not in name:
                nn.init.trunc_normal_(weight, std=SPREAD, a=-2 * SPREAD, b=2 * SPREAD)
        nn.init.normal_(self.words.weight, std=config.word_dim**-0.5)  # D1

    def steps(self, items: Captions | Clips) -> Steps:
        """Words, or at most `max_frames` frames."""
        if isinstance(items, Captions):
            return self.words(items.words), items.mask
        frames = items.features["frames"], items.mask["frames"]
        return take_uniform(*frames, self.config.max_frames)  # D3

    def read(self, side: str, items: Captions | Clips, parts: Nested[Any] | None) -> Side:
        """Paragraphs and their sentences, or videos and their clips."""
        assert parts is not None
        context, vectors = (self.local[side](*self.steps(x)) for x in (items, parts.items))
        padded, mask = pad_parts(vectors, parts.owner, len(context))
        return Side(self.whole[side](padded, mask, context), context, vectors, parts.owner)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t e"]:
        """The p of the paragraphs."""
        return self.read("text", captions, captions.sentences).whole

    def encode_video(self, clips: Clips) -> Float[Tensor, "v e"]:
        """The v of the videos."""
        return self.read("video", clips, clips.segments).whole

    def similarity(
        self, text: Float[Tensor, "t e"], video: Float[Tensor, "v e"]
    ) -> Float[Tensor, "t v"]:
        """Cosines, of parts and of one side with itself too."""
        return F.normalize(text, dim=1) @ F.normalize(video, dim=1).mT  # Eq. (4?)

    def ranking(self, a: Float[Tensor, "n e"], b: Float[Tensor, "n e"]) -> Float[Tensor, ""]:
        """L of two sets whose rows belong together."""
        return sum(hinge_terms(self.similarity(a, b), self.config.margin)).mean()  # Eq. (5?)

    def within(self, a: Float[Tensor, "n e"], b: Float[Tensor, "n e"]) -> Float[Tensor, ""]:
        """Two of one side are pushed apart where their cosine is above 1 - margin."""
        return (self.ranking(a, a) + self.ranking(b, b)) / 2  # Eq. (7?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """All terms. Sentence k of a paragraph belongs to clip k of its video."""
        text = self.read("text", batch.captions, batch.captions.sentences)
        video = self.read("video", batch.clips, batch.clips.segments)
        total = self.ranking(text.context, video.context)
        for p, v in ((text.whole, video.whole), (text.parts, video.parts)):
            total = total + self.ranking(p, v) + self.within(p, v)  # Eq. (6?)
        if self.config.cycle_weight:
            total = total + self.config.cycle_weight * self.cycle(text, video)
        return total

    def cycle(self, text: Side, video: Side) -> Float[Tensor, ""]:
        """Cycles that start from clips and those that start from sentences."""
        s, c = (pad_parts(x.parts, x.owner, len(x.whole)) for x in (text, video))
        both = (cycle_errors(*c, *s), c[1]), (cycle_errors(*s, *c), s[1])
        return sum(masked_mean(e[..., None], mask).mean() for e, mask in both)  # D2


Model = COOT
