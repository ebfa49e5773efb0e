"""Semantics-Aware Spatial-Temporal Binaries (S2Bin).

Qi, Qin, Yang, Wang, Luo. "Semantics-Aware Spatial-Temporal Binaries for Cross-Modal Video
Retrieval." IEEE TIP 30, 2021.                   Record: data/papers.yaml, qi2021s2bin

Videos and sentences become binary codes, compared by counting the bits that differ. Codes of pairs
whose words agree are brought near; networks and codes are improved in turn.

Symbols
    f, r   a frame, the mean of its regions     x      a step: frame, regions, both
    u, v   real values of video, text in (-1, 1)    b      code of a training video, +1 or -1
    A      semantic affinity of captions, 0 to 1    K      bits
    s      half the inner product of v and u        g, e   weights of the loss

Equations (the abstract alone could be read: everything is our reading of it, numbers are ours)
    (1?)   x: linear in f plus linear in what f attends to     S2Bin.steps
           of its regions
    (2?)   u: bidirectional GRU, mean, linear, tanh            S2Bin.encode_video
    (3?)   v: bidirectional GRU over words, mean, linear,      S2Bin.encode_text
           tanh
    (4?)   A: overlap of verbs and overlap of nouns, averaged  affinity
    (5?)   likelihood: log(1 + exp(s)) - A s                   S2Bin.likelihood
    (6?)   attribute-guided batches: weight of a pair          guided
    (7?)   quantisation: |u - b|^2 + |v - b|^2                 S2Bin.loss
    (8?)   bit balance: |mean u|^2 + |mean v|^2                S2Bin.loss
    (9?)   codes, networks fixed: sign(u + mean of v)          S2Bin.on_epoch
    (10?)  score: sign(v) . sign(u), K less twice the Hamming  S2Bin.similarity
           distance

Departures (the abstract names: binary codes, spatial-temporal context, semantic relations between
both sides, iterative optimisation, attribute-guided stochastic training. All below is ours)
    D1  the encoders, their sizes, and where regions enter.
    D2  affinity is the overlap of sets of words, intersection over union, verbs and nouns alike.
    D3  the forms and weights of likelihood, quantisation and balance are those usual in hashing.
    D4  the entropy of A is taken off the likelihood: it moves no weight and makes the best loss 0.
    D5  the batches are drawn uniformly; half of the likelihood weighs pairs as if an attribute, a
        content word, had been drawn first and then two captions that have it.
    D6  codes come from the values that the networks gave during the epoch, not from a pass after
        it; in the first epoch there are none, and nothing is quantised.
    D7  number of bits, optimiser and schedule.

Claims and reported numbers: the record. What is tested: tests/models/test_s2bin.py
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.batch import TAGS, WORD_CLASSES, Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.pooling import masked_mean, masked_softmax
from models.parts.recipe import recipe
from models.parts.temporal import gru_states, trim_padding

PLACE = 5  # numbers of a region's row that say where and when it is
CONTENT = ("VERB", "NOUN", "PROPN", "ADJ")  # tags of words that are attributes


@dataclass(frozen=True)
class Config:
    """Ours throughout (D1, D3, D7)."""

    word_dim: int = 300
    hidden: int = 512
    common: int = 1024  # of frames and regions
    bits: int = 64
    temporal: bool = True  # else the mean of the steps
    regions: bool = True  # else frames alone
    semantic: bool = True  # else only pairs are alike
    guided: bool = True  # else all pairs of a batch weigh the same
    verb_weight: float = 0.5  # of the verbs in the affinity, nouns have the rest
    binary: bool = True  # scores of signs; else cosines of the real values
    quantisation: float = 0.01
    balance: float = 0.1

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(word_dim=64, hidden=128, common=128)


def tagged(
    tags: Int[Tensor, "t words"], mask: Bool[Tensor, "t words"], names: tuple[str, ...]
) -> Bool[Tensor, "t words"]:
    """The words that have one of these tags."""
    rows = torch.tensor([TAGS.index(name) for name in names], device=tags.device)
    return torch.isin(tags, rows) & mask


def spelt(
    words: Int[Tensor, "t words"], chosen: Bool[Tensor, "t words"], vocabulary: int
) -> Float[Tensor, "t vocabulary"]:
    """1 for each word of the vocabulary that is among the chosen ones."""
    table = torch.zeros(len(words), vocabulary, device=words.device)
    return table.scatter_reduce(1, words, chosen.float(), "amax")


def overlap(x: Float[Tensor, "t vocabulary"]) -> Float[Tensor, "t t"]:
    """Intersection over union of all pairs of sets; 0 where both are empty."""
    both, size = x @ x.T, x.sum(1)
    return both / (size[:, None] + size[None, :] - both).clamp(min=1)


def affinity(captions: Captions, vocabulary: int, verb_weight: float) -> Float[Tensor, "t t"]:
    """A: 1 on the diagonal."""
    assert captions.tags is not None
    verbs, nouns = (
        overlap(spelt(captions.words, tagged(captions.tags, captions.mask, tags), vocabulary))
        for tags in (WORD_CLASSES["verb"], WORD_CLASSES["noun"])
    )
    mixed = verb_weight * verbs + (1 - verb_weight) * nouns  # Eq. (4?), D2
    return mixed.clamp(max=1.0).fill_diagonal_(1.0)


def guided(captions: Captions, vocabulary: int) -> Float[Tensor, "t t"]:
    """How often each pair is drawn: an attribute of the batch, then two captions that have it.

    The sum is 1, or 0 where no caption has an attribute.
    """
    assert captions.tags is not None
    content = tagged(captions.tags, captions.mask, CONTENT)
    has = spelt(captions.words, content, vocabulary)
    share = has / has.sum(0).clamp(min=1)
    return share @ share.T / has.any(0).sum().clamp(min=1)  # Eq. (6?), D5


class S2Bin(RetrievalModel):
    """Two encoders into (-1, 1)^K, and a table of the training videos' codes."""

    Config = Config
    views = frozenset({"words", "frames", "tags", "video-index"})
    recipe = recipe(optimiser="adam", learning_rate=1e-4, batch_size=128, epochs=50)  # D7
    small_recipe = recipe.but(learning_rate=3e-3, epochs=14, captions_per_video=3)
    variants: ClassVar = {
        "full": {},
        "frame-wise": {"temporal": False, "regions": False},
        "no-temporal": {"temporal": False},
        "no-regions": {"regions": False},
        "pairs-only": {"semantic": False},
        "uniform-batches": {"guided": False},
        "verbs-double": {"verb_weight": 2 / 3},
        "relaxed": {"binary": False},
        "16-bits": {"bits": 16},
        "32-bits": {"bits": 32},
    }
    codes: Tensor
    total: Tensor
    seen: Tensor

    @classmethod
    def needs(cls, config: Config) -> frozenset[str]:
        """Frame-wise hashing reads no regions."""
        return cls.views | {"boxes"} if config.regions else cls.views

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c = config
        self.words = nn.Embedding(data.vocabulary, c.word_dim)
        self.text_gru = nn.GRU(c.word_dim, c.hidden, batch_first=True, bidirectional=True)
        self.text_bits = nn.Linear(2 * c.hidden, c.bits)
        self.frame = nn.Linear(data.dims["frames"], c.common)
        if c.regions:
            self.region = nn.Linear(data.dims["regions"] - PLACE, c.common, bias=False)
        width = c.common
        if c.temporal:
            self.video_gru = nn.GRU(c.common, c.hidden, batch_first=True, bidirectional=True)
            width = 2 * c.hidden
        self.video_bits = nn.Linear(width, c.bits)
        self.register_buffer("codes", torch.zeros(data.videos, c.bits))  # b; 0: none yet
        self.register_buffer("total", torch.zeros(2, data.videos, c.bits))  # of u and of v
        self.register_buffer("seen", torch.zeros(data.videos))

    def encode_text(self, captions: Captions) -> Float[Tensor, "t k"]:
        """v; without a word that of the biases."""
        words, mask = trim_padding(captions.words, captions.mask)
        states = gru_states(self.text_gru, self.words(words), mask)
        return torch.tanh(self.text_bits(masked_mean(states, mask)))  # Eq. (3?), D1

    def steps(self, clips: Clips) -> tuple[Float[Tensor, "v n c"], Bool[Tensor, "v n"]]:
        """x, and which steps there are; regions and frames are taken at the same shares of time."""
        frames, mask = trim_padding(clips.features["frames"], clips.mask["frames"])
        x = self.frame(frames)
        if not self.config.regions:
            return x, mask
        assert clips.regions is not None
        at = matching_steps(mask, clips.regions.mask.any(2))
        video = torch.arange(len(x), device=x.device)[:, None]
        r = self.region(clips.regions.features)[video, at]
        there = clips.regions.mask[video, at] & mask[..., None]
        weight = masked_softmax(torch.einsum("vnc,vnrc->vnr", x, r) / x.shape[2] ** 0.5, there)
        return x + torch.einsum("vnr,vnrc->vnc", weight, r), mask  # Eq. (1?)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v k"]:
        """u; of a video without a frame that of the biases."""
        x, mask = self.steps(clips)
        if self.config.temporal:
            x = gru_states(self.video_gru, x, mask)
        return torch.tanh(self.video_bits(masked_mean(x, mask)))  # Eq. (2?)

    def similarity(
        self, text: Float[Tensor, "t k"], video: Float[Tensor, "v k"]
    ) -> Float[Tensor, "t v"]:
        """Whole numbers from -K to K, many of them tied; or cosines of the real values."""
        if not self.config.binary:
            return F.normalize(text, dim=1) @ F.normalize(video, dim=1).T
        return sign(text) @ sign(video).T  # Eq. (10?)

    def likelihood(
        self, v: Float[Tensor, "t k"], u: Float[Tensor, "v k"], A: Float[Tensor, "t v"]
    ) -> Float[Tensor, "t v"]:
        """Of each pair, less what it costs at best."""
        s = v @ u.T / 2
        entropy = F.binary_cross_entropy(A, A, reduction="none")
        return F.softplus(s) - A * s - entropy  # Eq. (5?), D3, D4

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Caption i and video i have one code."""
        c, captions = self.config, batch.captions
        v, u = self.encode_text(captions), self.encode_video(batch.clips)
        A = torch.eye(len(v), device=v.device)
        if c.semantic:
            A = affinity(captions, self.data.vocabulary, c.verb_weight)
        terms = self.likelihood(v, u, A)
        fit = terms.mean()
        if c.guided:
            fit = (fit + (guided(captions, self.data.vocabulary) * terms).sum()) / 2
        index = batch.clips.index
        assert index is not None
        b = self.code(index, u.detach(), v.detach())
        apart = ((u - b).square() + (v - b).square()) * b.square()  # 0 where there is no code yet
        apart = apart.sum(1).mean() / c.bits  # Eq. (7?)
        uneven = (u.mean(0).square() + v.mean(0).square()).sum() / c.bits  # Eq. (8?)
        return fit + c.quantisation * apart + c.balance * uneven

    @torch.no_grad()
    def code(
        self, index: Int[Tensor, " b"], u: Float[Tensor, "b k"], v: Float[Tensor, "b k"]
    ) -> Float[Tensor, "b k"]:
        """b of these videos, 0 where none is known; in training u and v count for the next update."""
        if self.training:
            self.total.index_add_(1, index, torch.stack([u, v]))
            self.seen.index_add_(0, index, torch.ones_like(index, dtype=self.seen.dtype))
        return self.codes[index]

    @torch.no_grad()
    def on_epoch(self, epoch: int) -> None:  # noqa: ARG002
        """Update the codes of the videos that the last epoch showed."""
        mean = self.total.sum(0) / self.seen[:, None].clamp(min=1)
        fresh = self.seen[:, None] > 0
        self.codes = torch.where(fresh, sign(mean), self.codes)  # Eq. (9?), D6
        self.total.zero_()
        self.seen.zero_()


def sign(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """1 where x >= 0, else -1; no gradient."""
    return torch.where(x >= 0, 1.0, -1.0)


def matching_steps(frames: Bool[Tensor, "v n"], regions: Bool[Tensor, "v m"]) -> Int[Tensor, "v n"]:
    """For each frame the step of regions at the same share of the video; the last one at most."""
    step = torch.arange(regions.shape[1], device=regions.device)
    last = (step * regions).amax(1, keepdim=True)
    place = torch.arange(frames.shape[1], device=frames.device)
    at = place * (last + 1) // frames.sum(1, keepdim=True).clamp(min=1)
    return at.minimum(last)


Model = S2Bin
