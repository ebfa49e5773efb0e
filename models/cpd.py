"""Cross-modal Pair Discrimination (CPD).

Li, Wang. "Learning Spatiotemporal Features via Video and Text Pair Discrimination." 2020,
arXiv:2001.05691.                                Record: data/papers.yaml, li2020cpd

Every pair of a video and its text is a class of its own. Each side must recognise its partner among
vectors of the whole dataset, kept in two memory banks, instead of among a batch. The text encoder
is frozen at first, so that the video encoder learns from a fixed target.

Symbols
    v_i, t_i   video and text of pair i, unit length       V, T   banks of all videos, of all texts
    N, K       pairs of the dataset, negatives of a pair   tau    temperature
    Z          constant that makes P a probability         mu     momentum of the banks
    u          K / N: how often noise gives a pair

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   v: affine map of the clip, unit length                          CPD.encode_video
    (2?)   t: mean state of a transformer, perceptron, unit length         CPD.encode_text
    (3?)   P_ij = exp(v_i T_j / tau) / Z, and of texts with V              CPD.probabilities
    (4?)   Z: N times the mean exponential of the first batch, then fixed  CPD.constant
    (5?)   - log P / (P + u) of the partner, - log u / (P + u) of others   CPD.terms
    (6?)   both directions                                                 CPD.loss
    (7?)   own rows of the banks: mu row + (1 - mu) x, unit length         CPD.remember
    (8?)   epochs in which the text encoder is frozen                      CPD.on_epoch

Departures
    D1  the text encoder has DistilBERT's sizes but starts untrained: the first stage fixes random
        features. It reads whole words.
    D2  the clip is the mean of its frames' features; the authors train a 3-D ResNet-50.
    D3  a pair is never a negative of its own; the authors' draws may return it.
    D4  in evaluation all other pairs stand for the draws, and neither banks nor Z change.
    D5  the rate falls every 100 epochs; the authors' falls after epochs 100, 201 and 250. That of
        the text encoder is 3e-5 when it begins to learn, as theirs, and falls with the others.
    D6  the benchmark's recipe is Adam's.

The released code: models/official/cpd.py. Claims and reported numbers: the record.
What is tested: tests/models/test_cpd.py
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.memory import MemoryBank
from models.parts.pooling import masked_mean
from models.parts.recipe import recipe
from models.parts.temporal import trim_padding
from models.parts.transformer import Bert, encoder_layers

EPSILON = 1e-7  # in the denominators of the loss
UNSET = -1.0  # Z before the first batch
PARTNER = {"text": "video", "video": "text"}


@dataclass(frozen=True)
class Config:
    """The authors' settings."""

    max_words: int = 64  # the first of a text
    text: tuple[int, ...] = (768, 12, 3072, 6)  # width, heads, feed-forward width, blocks
    positions: int = 512
    dropout: float = 0.1
    common: int = 256
    temperature: float = 0.07
    momentum: float = 0.5
    negatives: int = 16392
    bank: str = "other"  # own: each side among vectors of its own kind
    frozen_epochs: int = 150  # (8?)

    @classmethod
    def small(cls) -> "Config":
        """Sizes for the synthetic benchmark. So narrow, it needs no dropout."""
        text = (64, 4, 128, 1)
        return cls(text=text, dropout=0.0, common=128, negatives=2048, frozen_epochs=6)


class CPD(RetrievalModel):
    """Two encoders, and two banks of what they gave for every pair."""

    Config = Config
    views = frozenset({"words", "frames", "caption-index"})
    recipe = recipe(
        optimiser="sgd-momentum",
        learning_rate=0.1,
        weight_decay=1e-4,
        clip_norm=20.0,
        lr_multipliers=(("text.", 3e-3),),  # D5
        batch_size=256,
        epochs=300,
        lr_decay=0.1,
        decay_every=100,  # D5
        select="last",
    )
    small_recipe = recipe.but(
        optimiser="adam",  # D6
        learning_rate=1e-3,
        weight_decay=0.0,
        lr_multipliers=(),
        batch_size=128,
        epochs=20,
        decay_every=15,
    )
    variants: ClassVar = {
        "full": {},
        "own-bank": {"bank": "own"},
        "never-frozen": {"frozen_epochs": 0},
        "few-negatives": {"negatives": 64},
    }
    Z_video: Float[Tensor, "1"]
    Z_text: Float[Tensor, "1"]

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c = config
        width, heads, inner, blocks = c.text
        stack = encoder_layers(width, heads, inner, blocks, c.dropout)
        self.text = Bert(data.vocabulary, c.positions, stack, segments=0)  # D1
        self.text_space = nn.Sequential(
            nn.Linear(width, 2 * c.common),
            nn.BatchNorm1d(2 * c.common),
            nn.ReLU(),
            nn.Linear(2 * c.common, c.common),
        )
        self.video_space = nn.Linear(data.dims["frames"], c.common)
        banks = {side: MemoryBank(data.captions, c.common, c.momentum) for side in PARTNER}
        self.banks = nn.ModuleDict(banks)
        for side in PARTNER:
            self.register_buffer(f"Z_{side}", torch.full((1,), UNSET))
        self.text_frozen = False

    def on_epoch(self, epoch: int) -> None:
        """Freeze the text encoder in the first epochs; what follows it learns from the first."""
        self.text_frozen = epoch < self.config.frozen_epochs  # Eq. (8?)

    def states(
        self, words: Int[Tensor, "t n"], mask: Bool[Tensor, "t n"]
    ) -> Float[Tensor, "t n w"]:
        """States of the text encoder, without a gradient while it is frozen."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.text_frozen):
            states: Tensor = self.text(words, mask)
        return states

    def encode_text(self, captions: Captions) -> Float[Tensor, "t c"]:
        """t."""
        words, mask = trim_padding(captions.words, captions.mask, self.config.max_words)
        pooled = masked_mean(self.states(words, mask), mask)
        return F.normalize(self.text_space(pooled), dim=1)  # Eq. (2?)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v c"]:
        """v."""
        clip = masked_mean(clips.features["frames"], clips.mask["frames"])  # D2
        return F.normalize(self.video_space(clip), dim=1)  # Eq. (1?)

    def similarity(
        self, text: Float[Tensor, "t c"], video: Float[Tensor, "v c"]
    ) -> Float[Tensor, "t v"]:
        """Cosines."""
        return text @ video.mT

    def negatives(self, index: Int[Tensor, " b"]) -> Int[Tensor, "b k"]:
        """Random rows of the banks other than a pair's own; in evaluation all of them."""
        others = self.data.captions - 1
        if self.training:
            shape = (len(index), self.config.negatives)
            other = torch.randint(others, shape, device=index.device)
        else:
            other = torch.arange(others, device=index.device).expand(len(index), -1)  # D4
        return other + (other >= index[:, None])  # D3

    def probabilities(
        self, side: str, x: Float[Tensor, "b c"], rows: Int[Tensor, "b j"]
    ) -> Float[Tensor, "b j"]:
        """P of one side with these rows of the other side's bank."""
        bank = self.banks[PARTNER[side] if self.config.bank == "other" else side]
        exponential = (torch.einsum("bc,bjc->bj", x, bank(rows)) / self.config.temperature).exp()
        return exponential / self.constant(side, exponential.detach())  # Eq. (3?)

    def constant(self, side: str, exponential: Float[Tensor, "b j"]) -> Float[Tensor, "1"]:
        """Z of one side; set where it is not."""
        Z = self.get_buffer(f"Z_{side}")
        fixed = torch.where(Z > 0, Z, self.data.captions * exponential.mean())  # Eq. (4?)
        if self.remembers:
            Z.copy_(fixed)
        return fixed

    @property
    def remembers(self) -> bool:
        """Whether a loss sets Z and updates the banks."""
        return self.training  # D4

    def terms(self, P: Float[Tensor, "b j"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Losses of the partners, column 0 of P, and of the negatives."""
        noise = self.config.negatives / self.data.captions
        own, other = P[:, 0], P[:, 1:]
        positive = -(own / (own + noise + EPSILON)).log().mean()
        negative = -(noise / (other + noise + EPSILON)).log().mean()  # D4
        return positive, self.config.negatives * negative  # Eq. (5?)

    def remember(
        self, index: Int[Tensor, " b"], text: Float[Tensor, "b c"], video: Float[Tensor, "b c"]
    ) -> None:
        """Update the banks, once they have been read."""
        for side, x in (("text", text), ("video", video)):
            self.banks[side].update(index, x.detach())  # Eq. (7?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Four terms: partners and negatives of both sides."""
        index = batch.captions.index
        assert index is not None
        text, video = self.encode_text(batch.captions), self.encode_video(batch.clips)
        rows = torch.cat([index[:, None], self.negatives(index)], dim=1)
        by_text, by_video = (
            sum(self.terms(self.probabilities(side, x, rows)))
            for side, x in (("text", text), ("video", video))
        )
        if self.remembers:
            self.remember(index, text, video)
        return by_text + by_video  # Eq. (6?)


Model = CPD
