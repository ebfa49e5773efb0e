"""Stacked convolutional deep encoding.

Zhao, Zheng, Zha. "Stacked Convolutional Deep Encoding Network for Video-Text Retrieval." ICME 2020,
arXiv:2004.04959.                                Record: data/papers.yaml, zhao2020stacked

Frames and words are read by convolutions of several lengths and dilations side by side: a block of
short range. Blocks on top of one another see further. Words come from a transformer that first
learns to guess masked words.

Symbols
    x^l    states after block l, x^0 its input      k, d   length and dilation of a convolution
    y_b    branch b of a block                      S      scores
    u      the levels of one side, concatenated     m      margin

Equations (read: the abstract; the paper was not at hand: numbers are ours and stand for the steps of
the method)
    (1?)   y_b: convolution of length k_b and dilation d_b, ReLU  Block.forward
    (2?)   x^l: norm(x + W [y_1 .. y_B])                          Block.forward
    (3?)   blocks on top of one another                           Stack.forward
    (4?)   u: maximum over time after each block, and of x^0,     Stack.forward
           beside the mean of x^0
    (5?)   affine map, batch norm, unit length; S: cosines        StackedConv.space
    (6?)   first phase: cross-entropy of masked words             StackedConv.masked_words
    (7?)   second phase: triplet loss, hardest negatives          StackedConv.ranking

The abstract states the block of several kernel and dilation sizes, that it is stacked, on frames and
on words, and a transformer in two phases, pre-training and fine-tuning. All equations are ours.

Departures
    D1  lengths, dilations, number of branches and blocks, width, and the inside of a block are ours.
    D2  (4?), (5?), (7?) and the recipe are those of Dual Encoding (Dong et al., CVPR 2019).
    D3  the authors' transformer is a pre-trained language model; ours is small and learns (6?) on
        the training captions for the first epochs, in which nothing else is learnt.
    D4  a masked word is the unknown word in the input, and its guess is the state's inner product
        with the word vectors.

No public code was found. Claims: the record.
What is tested: tests/models/test_stacked_conv_deep_encoding.py
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import hardest, hinge_terms
from models.parts.masked import random_steps
from models.parts.pooling import masked_max, masked_mean
from models.parts.recipe import recipe
from models.parts.spaces import affine_space
from models.parts.temporal import gru_states, trim_padding
from models.parts.transformer import Bert, encoder_layers
from models.parts.words import SPECIAL

Branches: TypeAlias = tuple[tuple[int, int], ...]  # length, dilation
UNKNOWN = 3  # word id: in the place of a masked word


@dataclass(frozen=True)
class Config:
    """Ours, D1 to D3: the sizes could not be read."""

    text: tuple[int, ...] = (512, 8, 2048, 4)  # width, heads, feed-forward width, blocks
    max_words: int = 48
    width: int = 512  # of a state between blocks
    blocks: int = 3
    branches: Branches = ((3, 1), (3, 2), (5, 1), (5, 2))
    widen: float = 1.0  # of a branch, whose width is its share of the block's
    encoder: str = "convolutions"  # gru: a biGRU instead of the blocks
    common: int = 2048
    pretraining_epochs: int = 2  # of masked words alone
    masked: float = 0.15  # share of the words
    max_frames: int = 64
    margin: float = 0.2

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls((64, 4, 128, 1), max_words=24, width=64, common=256)


class Block(nn.Module):
    """Multi-scale dilated convolutions (MSDC): branches side by side, and what they add to x."""

    def __init__(self, width: int, branches: Branches, widen: float) -> None:
        super().__init__()
        part = int(widen * width / len(branches))
        self.branches = nn.ModuleList(
            nn.Conv1d(width, part, k, padding=(k - 1) * d // 2, dilation=d) for k, d in branches
        )
        self.out, self.norm = nn.Linear(part * len(branches), width), nn.LayerNorm(width)

    def forward(
        self, x: Float[Tensor, "b n d"], mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b n d"]:
        """As long as x, zero at the padding, as x is to be."""
        y = [branch(x.mT).relu() for branch in self.branches]  # Eq. (1?), D1
        z = self.norm(x + self.out(torch.cat(y, 1).mT))  # Eq. (2?)
        return z.masked_fill(~mask[..., None], 0.0)


class Stack(nn.Module):
    """One side: an affine map, blocks on top of one another, and their levels."""

    def __init__(self, in_dim: int, config: Config) -> None:
        super().__init__()
        c, width = config, config.width
        self.embed = nn.Linear(in_dim, width)
        if c.encoder == "gru":  # as many weights, its levels included, as three blocks have
            hidden = 5 * width // 4
            self.gru = nn.GRU(width, hidden, batch_first=True, bidirectional=True)
            self.out = 2 * width + 2 * hidden
        else:
            self.blocks = nn.ModuleList(Block(width, c.branches, c.widen) for _ in range(c.blocks))
            self.out = width * (c.blocks + 2)

    def forward(
        self, x: Float[Tensor, "b n in"], mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b u"]:
        """u."""
        x = self.embed(x).masked_fill(~mask[..., None], 0.0)
        levels = [x]
        if hasattr(self, "gru"):
            levels.append(gru_states(self.gru, x, mask))
        else:
            for block in self.blocks:
                levels.append(block(levels[-1], mask))  # Eq. (3?)
        return torch.cat(
            [masked_mean(x, mask), *(masked_max(y, mask) for y in levels)], 1
        )  # Eq. (4?)


class StackedConv(RetrievalModel):
    """Two stacks of blocks and one space; words come from a transformer."""

    Config = Config
    views = frozenset({"words", "frames"})
    recipe = recipe(
        optimiser="adam", learning_rate=1e-4, batch_size=128, epochs=50, clip_norm=2.0
    )  # D2
    small_recipe = recipe.but(learning_rate=1e-3, epochs=12)
    variants: ClassVar = {
        "full": {},
        "one-block": {"blocks": 1, "widen": 4.6},  # as many weights as three
        "no-dilation": {"branches": ((3, 1), (3, 1), (5, 1), (5, 1))},
        "one-scale": {"branches": ((3, 1),) * 4, "widen": 1.25},  # as many weights as four
        "no-pretraining": {"pretraining_epochs": 0},
        "gru": {"encoder": "gru"},
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c = config
        width, heads, inner, blocks = c.text
        layers = encoder_layers(width, heads, inner, blocks, dropout=0.0)
        self.words = Bert(data.vocabulary, c.max_words, layers, segments=0)  # D3
        self.text, self.video = Stack(width, c), Stack(data.dims["frames"], c)
        self.text_space, self.video_space = self.space(self.text.out), self.space(self.video.out)
        self.pretraining = False

    def on_epoch(self, epoch: int) -> None:
        """The first epochs are of the first phase."""
        self.pretraining = epoch < self.config.pretraining_epochs

    def space(self, width: int) -> nn.Sequential:
        """The last layer of a side; unit length follows in the encoders."""
        c = self.config.common
        return affine_space(width, c, nn.BatchNorm1d(c))  # Eq. (5?)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t c"]:
        """Captions in the common space."""
        words, mask = trim_padding(captions.words, captions.mask, self.config.max_words)
        return F.normalize(self.text_space(self.text(self.words(words, mask), mask)), dim=1)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v c"]:
        """Videos in the common space."""
        x, mask = clips.features["frames"], clips.mask["frames"]
        x, mask = trim_padding(x, mask, self.config.max_frames)
        return F.normalize(self.video_space(self.video(x, mask)), dim=1)

    def similarity(
        self, text: Float[Tensor, "t c"], video: Float[Tensor, "v c"]
    ) -> Float[Tensor, "t v"]:
        """S."""
        return text @ video.mT

    def masked_words(self, captions: Captions) -> Float[Tensor, ""]:
        """A mean over the masked words."""
        words, mask = trim_padding(captions.words, captions.mask, self.config.max_words)
        hidden = random_steps(mask & (words >= SPECIAL), self.config.masked)
        states = self.words(words.masked_fill(hidden, UNKNOWN), mask)
        guesses = states[hidden] @ self.words.words.weight.mT  # D4
        return F.cross_entropy(guesses, words[hidden])  # Eq. (6?)

    def ranking(self, s: Float[Tensor, "b b"]) -> Float[Tensor, ""]:
        """Sum over the batch; another caption of the same video counts as a negative."""
        by_caption, by_video = hardest(*hinge_terms(s, self.config.margin))
        return by_caption.sum() + by_video.sum()  # Eq. (7?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Of the phase that the training is in."""
        if self.pretraining:
            return self.masked_words(batch.captions)
        return self.ranking(self(batch))  # D2


Model = StackedConv
