"""Multi-level encoding: a sequence as a whole, as states of a biGRU, as windows over the states.

Dong, Li, Xu, Ji, He, Yang, Wang. "Dual Encoding for Zero-Example Video Retrieval." CVPR 2019,
arXiv:1809.06181, section 3; equation numbers are its own. Its successors (the hybrid space,
Dual-task, MAN) use it unchanged.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.pooling import masked_max, masked_mean
from models.parts.temporal import conv_windows, gru_states, trim_padding

WHOLE, STATES, WINDOWS = LEVELS = (1, 2, 3)
Pool: TypeAlias = Literal["mean", "max"]


@dataclass(frozen=True)
class LevelSizes:
    """Widths of one side."""

    whole: int  # of level 1: a frame, a bag of words
    step: int  # of what the GRU reads: a frame, a word vector
    hidden: int  # states of one direction of the GRU
    filters: int  # of each kernel length
    kernels: tuple[int, ...]  # steps per window

    def width(self, levels: tuple[int, ...]) -> int:
        """Of the levels side by side."""
        states, windows = 2 * self.hidden, self.filters * len(self.kernels)
        by_level = {WHOLE: self.whole, STATES: states, WINDOWS: windows}
        return sum(by_level[level] for level in set(levels))


class MultiLevel(nn.Module):
    """Levels of one side, in the order 2, 3, 1; dropout after levels 2 and 3.

    `pool`: level 2 is the mean or the maximum of the states. `out` is the width of the result.
    Levels 2 and 3 of a row without a step are zeros. A released code that reads padding overrides
    `states`, `pooled` or `window_mask`.
    """

    def __init__(
        self,
        sizes: LevelSizes,
        levels: tuple[int, ...] = LEVELS,
        *,
        pool: Pool = "mean",
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        if not levels or set(levels) - set(LEVELS):
            raise ValueError(f"levels {levels}: some of {LEVELS}, at least one")
        self.levels, self.pool = frozenset(levels), pool
        self.out = sizes.width(levels)
        self.dropout = nn.Dropout(dropout)
        if self.levels & {STATES, WINDOWS}:
            self.gru = nn.GRU(sizes.step, sizes.hidden, batch_first=True, bidirectional=True)
        if WINDOWS in self.levels:
            width = 2 * sizes.hidden
            convs = (nn.Conv1d(width, sizes.filters, k, padding=k - 1) for k in sizes.kernels)
            self.filters = nn.ModuleList(convs)

    def states(
        self, x: Float[Tensor, "b n step"], mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b n states"]:
        """H, both directions side by side, zero at the padding."""
        return gru_states(self.gru, x, mask)  # Eq. (2)

    def pooled(
        self, H: Float[Tensor, "b n states"], mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b states"]:
        """Level 2."""
        if self.pool == "max":
            return masked_max(H, mask)
        return masked_mean(H, mask)  # Eq. (3)

    def window_mask(self, mask: Bool[Tensor, "b n"]) -> Bool[Tensor, "b n"]:
        """Steps whose windows level 3 reads."""
        return mask

    def windows(
        self, H: Float[Tensor, "b n states"], mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b windows"]:
        """Level 3: filter, ReLU, maximum over the n + k - 1 positions of each length k."""
        r = conv_windows(self.filters, H, self.window_mask(mask))
        c = [F.relu(one).amax(1) for one in r]  # Eq. (4)
        return torch.cat(c, dim=1)  # Eq. (5)

    def encode(
        self,
        whole: Float[Tensor, "b whole"],
        x: Float[Tensor, "b n step"],
        mask: Bool[Tensor, "b n"],
    ) -> Float[Tensor, "b out"]:
        """The levels side by side; `whole` is level 1, `x` the steps of the other two."""
        encodings = []
        if self.levels & {STATES, WINDOWS}:
            H = self.states(x, mask)
        if STATES in self.levels:
            encodings.append(self.dropout(self.pooled(H, mask)))
        if WINDOWS in self.levels:
            encodings.append(self.dropout(self.windows(H, mask)))
        if WHOLE in self.levels:
            encodings.append(whole)
        return torch.cat(encodings, dim=1)  # Eq. (6) (7)


class VideoLevels(MultiLevel):
    """Level 1 is the mean of all frames; levels 2 and 3 read the first `max_frames` of them."""

    def __init__(
        self,
        sizes: LevelSizes,
        levels: tuple[int, ...] = LEVELS,
        *,
        max_frames: int | None = None,
        pool: Pool = "mean",
        dropout: float = 0.2,
    ) -> None:
        super().__init__(sizes, levels, pool=pool, dropout=dropout)
        self.max_frames = max_frames

    def forward(
        self, frames: Float[Tensor, "v n step"], mask: Bool[Tensor, "v n"]
    ) -> Float[Tensor, "v out"]:
        """The levels of each video."""
        whole = masked_mean(frames, mask)  # Eq. (1)
        return self.encode(whole, *trim_padding(frames, mask, self.max_frames))


class TextLevels(MultiLevel):
    """Level 1 is the bag of words; levels 2 and 3 read word vectors learnt from a random start."""

    def __init__(
        self,
        vocabulary: int,
        sizes: LevelSizes,
        levels: tuple[int, ...] = LEVELS,
        *,
        word_init: float = 1.0,
        pool: Pool = "mean",
        dropout: float = 0.2,
    ) -> None:
        """`word_init`: word vectors start in U(-word_init, word_init)."""
        super().__init__(sizes, levels, pool=pool, dropout=dropout)
        if self.levels & {STATES, WINDOWS}:
            self.words = nn.Embedding(vocabulary, sizes.step)
            nn.init.uniform_(self.words.weight, -word_init, word_init)

    def forward(
        self, bow: Float[Tensor, "t whole"], words: Int[Tensor, "t n"], mask: Bool[Tensor, "t n"]
    ) -> Float[Tensor, "t out"]:
        """The levels of each sentence."""
        if not self.levels & {STATES, WINDOWS}:
            return bow
        words, mask = trim_padding(words, mask)
        return self.encode(bow, self.words(words), mask)
