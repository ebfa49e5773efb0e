"""Joint Sequence Fusion (JSFusion).

Yu, Kim, Kim. "A Joint Sequence Fusion Model for Video Question Answering and Retrieval." ECCV 2018,
arXiv:1808.02559.                                Record: data/papers.yaml, yu2018jsfusion

Every frame meets every word. Gated convolutions shrink the tensor of their products to one vector,
from which a perceptron scores the pair.

Symbols
    v_a, t_b  frame a, word b                      X, Y   the tensor before and after attention
    f         its mean after three convolutions    S      score of a video and a caption

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   v: gated convolutions over time, beside the frame  JSFusion.encode_video
    (2?)   t: LSTM over the words, both directions            JSFusion.encode_text
    (3?)   X = v_a t_b, element by element                    JSFusion.score
    (4?)   Y: two layers, times an attention of their own     JointTensor.forward
    (5?)   leaky ReLU of a convolution, times a gate; thrice    Decoder.forward
    (6?)   f: mean over the cells that are left               Decoder.forward
    (7?)   S: four layers over f                              JSFusion.score
    (8?)   mean of max(0, m + S_ij - S_ii), captions j        JSFusion.loss

Departures
    D1  word vectors start at random; the authors' start from GloVe. Both are learnt.
    D2  padding takes part in nothing; the authors' convolutions, LSTM and statistics read it.
    D3  a batch norm has the statistics of all pairs of a batch; the authors' of one video's.
    D4  S has no batch norm, which theirs has: no two scores of a video then differ by the margin in
        training, and every term of (8?) is above zero (variant `normalised-score`).
    D5  a caption's own video is no negative; the authors add its constant m. The rate is halved
        every ten epochs, which are 100,000 steps on LSMDC.

(8?) ranks the captions of a video, as the authors' evaluation does, whose numbers are quoted as
those of text-to-video search; variants `rank-videos` and `both-directions` train for that.

The released code: models/official/jsfusion.py. Claims and reported numbers: the record.
What is tested: tests/models/test_jsfusion.py
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.normalisation import CallwiseBatchNorm, ShiftNorm
from models.parts.pairs import all_pairs
from models.parts.pooling import masked_mean
from models.parts.recipe import recipe
from models.parts.temporal import glorot_lstm, lstm_states, take_uniform, trim_padding

Sequence: TypeAlias = tuple[Float[Tensor, "_ _ _"], Bool[Tensor, "_ _"]]  # (b, n, j), its mask
STRIDES = (1, 1, 2)  # of the three convolutions, 3 x 3 without padding
SHORTEST = 7  # steps that three convolutions leave one of
CHUNK = 256  # pairs scored at a time in evaluation
EPSILON, SLOPE = 1e-3, 0.2  # of batch norms; of leaky ReLUs below zero


@dataclass(frozen=True)
class Config:
    """The authors' configuration."""

    word_dim: int = 300
    rnn: int = 512  # of each direction
    filters: int = 2048  # of the convolutions over time
    joint: int = 512  # of v, t, X and Y
    channels: int = 256  # of the decoder
    head: tuple[int, ...] = (256, 256, 128)  # between f and S
    steps: int = 40  # of a video, evenly spread, and of a caption
    fusion: str = "hierarchy"  # mean: of Y; cosine: of the means of v and t
    gates: bool = True  # attention in (4?) and gates in (5?)
    normalised_score: bool = False
    ranked: tuple[str, ...] = ("captions",)  # what competes in the loss: captions, videos
    dropout: float = 0.5  # of what the LSTM reads and of its states
    norm_decay: float = 0.999  # of the running statistics, per video
    margin: float = 10.0

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        sizes = {"word_dim": 64, "rnn": 64, "filters": 64, "joint": 32, "channels": 16}
        return cls(**sizes, head=(16, 16, 8), steps=12, dropout=0.1, norm_decay=0.98)


def dense(in_dim: int, dim: int, c: Config, activation: nn.Module) -> nn.Sequential:
    """W x without a bias, batch norm with a shift and no gain, activation."""
    linear = nn.Linear(in_dim, dim, bias=False)
    nn.init.xavier_uniform_(linear.weight)
    return nn.Sequential(linear, ShiftNorm(dim, EPSILON, 1 - c.norm_decay), activation)


class JointTensor(nn.Module):
    """Cells of X -> cells of Y."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        j = c.joint
        self.value = nn.Sequential(*(dense(j, j, c, nn.Tanh()) for _ in range(2)))
        gate = dense(j, j, c, nn.Tanh()), dense(j, 1, c, nn.Sigmoid())
        self.gate = nn.Sequential(*gate) if c.gates else None

    def forward(self, x: Float[Tensor, "cells j"]) -> Float[Tensor, "cells j"]:
        """Each cell by itself."""
        gate = 1.0 if self.gate is None else self.gate(x)
        return self.value(x) * gate  # Eq. (4?)


class Decoder(nn.Module):
    """Y -> f: the convolutional hierarchy."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for dim, stride in zip((c.joint, c.channels, c.channels), STRIDES, strict=True):
            layer = {"conv": nn.Conv2d(dim, c.channels, 3, stride)}
            layer |= {"gate": nn.Conv2d(dim, 1, 3, stride)} if c.gates else {}
            self.layers.append(nn.ModuleDict(layer))
        for weight in self.parameters():
            nn.init.xavier_normal_(weight) if weight.ndim > 1 else nn.init.zeros_(weight)

    def shrink_frames(self, mask: Bool[Tensor, "b n"], stride: int) -> Bool[Tensor, "b m"]:
        """Frames that are left."""
        return shrink(mask, stride)

    def forward(
        self, y: Float[Tensor, "p a b j"], frames: Bool[Tensor, "#p a"], words: Bool[Tensor, "p b"]
    ) -> Float[Tensor, "p c"]:
        """Of videos and captions side by side."""
        y = y.movedim(3, 1)
        for layer, stride in zip(self.layers, STRIDES, strict=True):
            gate = layer["gate"](y).sigmoid() if "gate" in layer else 1.0
            frames, words = self.shrink_frames(frames, stride), shrink(words, stride)
            cells = (frames[:, :, None] & words[:, None])[:, None]
            y = F.leaky_relu(layer["conv"](y), SLOPE) * gate * cells  # Eq. (5?)
        return y.sum((2, 3)) / cells.sum((2, 3))  # Eq. (6?)


def shrink(mask: Bool[Tensor, "b n"], stride: int) -> Bool[Tensor, "b m"]:
    """The steps a convolution leaves, never less than one; True first, then False."""
    n, size = ((one - 3) // stride + 1 for one in (mask.sum(1), mask.shape[1]))
    return torch.arange(size, device=mask.device) < n.clamp(min=1)[:, None]


class JSFusion(RetrievalModel):
    """A score for each pair of sequences."""

    Config = Config
    views = frozenset({"words", "frames"})
    ranks_videos = False
    recipe = recipe(
        optimiser="adam",
        learning_rate=1e-4,
        clip_norm=5.0,
        batch_size=10,
        drop_last=True,
        epochs=2000,
        lr_decay=0.5,
        decay_every=10,  # D5
        select="last",
    )
    small_recipe = recipe.but(learning_rate=1e-3, epochs=6, decay_every=2)
    variants: ClassVar = {
        "full": {},
        "no-gates": {"gates": False},
        "no-hierarchy": {"fusion": "mean"},
        "joint-embedding": {"fusion": "cosine", "margin": 0.2},
        "normalised-score": {"normalised_score": True},
        "rank-videos": {"ranked": ("videos",)},
        "both-directions": {"ranked": ("captions", "videos")},
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c, width = config, data.dims["frames"]
        self.words = nn.Embedding(data.vocabulary, c.word_dim)
        nn.init.normal_(self.words.weight, std=c.word_dim**-0.5)  # D1
        self.lstm = glorot_lstm(c.word_dim, c.rnn, bidirectional=True)
        self.dropout = nn.Dropout(c.dropout)
        widths = (width, c.filters, c.filters)
        self.convs = nn.ModuleList(nn.Conv1d(dim, c.filters, 3, padding=1) for dim in widths)
        for conv in self.convs:
            nn.init.xavier_normal_(conv.weight)
            nn.init.zeros_(conv.bias)
        self.video = dense(c.filters // 2 + width, c.joint, c, nn.Tanh())
        self.text = dense(2 * c.rnn, c.joint, c, nn.Tanh())
        if c.fusion == "cosine":
            return
        self.tensor = JointTensor(c)
        self.decoder = Decoder(c) if c.fusion == "hierarchy" else None
        sizes = (c.channels if self.decoder else c.joint, *c.head)
        self.head = nn.Sequential(
            *(dense(*pair, c, nn.LeakyReLU(SLOPE)) for pair in pairwise(sizes)),
            nn.Linear(sizes[-1], 1, bias=False),
        )
        if c.normalised_score:
            self.norm = CallwiseBatchNorm(1, EPSILON, 1 - c.norm_decay, affine=False)  # D4

    def on_true(self, layer: nn.Module, x: Tensor, mask: Tensor) -> Float[Tensor, "*cells o"]:
        """What a layer gives where the mask is True, zeros elsewhere; x (*cells, i)."""
        rows = layer(x[mask])  # D2
        return x.new_zeros(*mask.shape, rows.shape[-1]).masked_scatter(mask[..., None], rows)

    def encode_video(self, clips: Clips) -> Sequence:
        """The v of each video."""
        frames = clips.features["frames"], clips.mask["frames"]
        x, mask = y, _ = clean(*take_uniform(*frames, self.config.steps))
        for conv in self.convs:
            y = conv(y.mT).mT.relu() * mask[..., None]  # D2
        return self.on_true(self.video, beside(y, x), mask), mask  # Eq. (1?)

    def encode_text(self, captions: Captions) -> Sequence:
        """The t of each caption."""
        words, mask = trim_padding(captions.words, captions.mask, self.config.steps)
        x, mask = clean(self.words(words), mask)
        states = self.dropout(lstm_states(self.lstm, self.dropout(x), mask))
        return self.on_true(self.text, states, mask), mask  # Eq. (2?)

    def score(self, text: Sequence, video: Sequence) -> Float[Tensor, " pairs"]:
        """S of captions and videos side by side."""
        (t, words), (v, frames) = text, video
        cells = frames[:, :, None] & words[:, None]
        y = self.on_true(self.tensor, v[:, :, None] * t[:, None], cells)  # Eq. (3?)
        if self.decoder is None:
            return self.head(masked_mean(y.flatten(1, 2), cells.flatten(1)))[:, 0]
        return self.head(self.decoder(y, frames, words))[:, 0]  # Eq. (7?)

    def similarity(self, text: Sequence, video: Sequence) -> Float[Tensor, "t v"]:
        """S of every pair."""
        if self.config.fusion == "cosine":
            t, v = (F.normalize(masked_mean(*side), dim=1) for side in (text, video))
            return t @ v.mT
        chunk = len(text[0]) * len(video[0]) if self.training else CHUNK
        scores = all_pairs(self.score, text, video, chunk)  # D3
        return self.norm(scores[..., None])[..., 0] if self.config.normalised_score else scores

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Mean over the pairs of what competes."""
        by_caption, by_video = hinge_terms(self(batch), self.config.margin)
        terms = {"captions": by_video, "videos": by_caption}
        return sum(terms[one].mean() for one in self.config.ranked)  # Eq. (8?), D5


def beside(y: Float[Tensor, "v n k"], x: Float[Tensor, "v n i"]) -> Float[Tensor, "v n _"]:
    """The first half of y, gated by the second, and x."""
    a, b = y.chunk(2, 2)
    return torch.cat([a * b.sigmoid(), x], 2)


def clean(x: Float[Tensor, "b n i"], mask: Bool[Tensor, "b n"]) -> Sequence:
    """Zeros at the padding, and as many steps as three convolutions need."""
    more = max(SHORTEST - x.shape[1], 0)
    return F.pad(x * mask[..., None], (0, 0, 0, more)), F.pad(mask, (0, more))


Model = JSFusion
