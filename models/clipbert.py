"""ClipBERT.

Lei, Li, Zhou, Gan, Berg, Bansal, Liu. "Less is More: ClipBERT for Video-and-Language Learning via
Sparse Sampling." CVPR 2021, arXiv:2102.06183.   Record: data/papers.yaml, lei2021clipbert

A few short clips of a video stand for all of it, so few that the network under them learns too. One
transformer reads the words and one clip; a match is scored per clip, then over clips.

Symbols
    M     map of a frame, from a convolutional network     g    grid of a clip
    x     visual tokens of a clip                          z_k  logits of clip k: no match, match
    y     logits over clips                                m    margin

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   clips of neighbouring frames, at random or evenly spread   ClipBert.starts
    (2?)   M: 3x3 convolution, maximum of 2x2, ReLU                   ClipBert.grid
    (3?)   g: mean over the frames of a clip                          ClipBert.tokens
    (4?)   x: g with its row, its column and its type                 ClipBert.tokens
    (5?)   z: words and x in one transformer, its state at word 1      ClipBert.clip_logits
    (6?)   y: logsumexp over clips, mean or maximum                   ClipBert.pooled
    (7?)   cross-entropy of a pair and of a wrong caption             ClipBert.terms
    (8?)   instead: hinge of their probabilities                      ClipBert.terms

Departures
    D1  nothing is pre-trained on images and their captions: all weights start untrained, wider than
        BERT's, and the transformer reads whole words.
    D2  the network under the grid has a strided convolution for each of the five times that the
        authors' ResNet-50 halves a frame, and group norms. It starts untrained.
    D3  clips are cut from the frames of a video that a batch has, a few evenly spread ones; the
        authors' from all of it at two frames a second.
    D4  wrong captions are those of the batch; the authors draw them from the training set. In
        evaluation all of the batch stand for the draw.
    D5  scores are log odds, which no rounding makes equal.
    D6  weight decay acts on biases and normalisations too; Adam's second beta is 0.999, not 0.98.
    D7  the small configuration draws four wrong captions: from nothing one does not suffice.

The released code: models/official/clipbert.py. Claims and reported numbers: the record.
What is tested: tests/models/test_clipbert.py
"""

from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.pairs import all_pairs
from models.parts.recipe import recipe
from models.parts.temporal import trim_padding
from models.parts.transformer import EPSILON, Bert, encoder_layers

Words: TypeAlias = tuple[
    Float[Tensor, "t n width"], Bool[Tensor, "t n"]
]  # embedded, and their mask
Visual: TypeAlias = Float[Tensor, "v clips m width"]
GREY, GROUPS = (
    127.5,
    8,
)  # the middle of a pixel's range; groups of channels at most that share a norm


@dataclass(frozen=True)
class Config:
    """The authors' settings for MSR-VTT."""

    max_words: int = 20
    text: tuple[int, ...] = (768, 12, 3072, 12)  # width, heads, feed-forward width, blocks
    positions: int = 512
    grid: int = 100  # rows and columns that have an embedding
    cnn: tuple[int, ...] = (64, 256, 512, 1024, 2048)  # channels; each layer halves a frame
    clips: int = 8
    test_clips: int = 16
    frames: int = 2  # of a clip
    dropout: float = 0.1
    pooling: str = "lse"  # mean, max
    objective: str = "match"  # rank: the hinge, of one logit
    negatives: int = 1  # wrong captions of each video
    margin: float = 0.2

    @classmethod
    def small(cls) -> "Config":
        """Sizes for the synthetic benchmark. So narrow, it needs no dropout."""
        sizes = {"text": (64, 4, 128, 1), "cnn": (16, 32, 64, 64), "dropout": 0.0}
        return cls(clips=2, test_clips=4, negatives=4, **sizes)  # D7


class ClipBert(RetrievalModel):
    """A network over frames, a transformer over words and grids, a match per clip."""

    Config = Config
    views = frozenset({"words", "pixels"})
    recipe = recipe(
        optimiser="adamw",  # D6
        learning_rate=5e-5,
        weight_decay=1e-3,
        clip_norm=5.0,
        batch_size=16,
        epochs=20,
        warmup=0.1,
        shape="linear",
    )
    small_recipe = recipe.but(learning_rate=1e-3, batch_size=64, epochs=6)
    variants: ClassVar = {
        "full": {},
        "mean": {"pooling": "mean"},
        "max": {"pooling": "max"},
        "one-clip": {"clips": 1},
        "rank": {"objective": "rank", "pooling": "mean"},
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c = config
        width, heads, inner, blocks = c.text
        stack = encoder_layers(width, heads, inner, blocks, c.dropout)
        self.text = Bert(data.vocabulary, c.positions, stack)  # D1
        layers = [self.halving(a, b) for a, b in pairwise((3, *c.cnn))]
        self.cnn = nn.Sequential(*layers)
        self.grid_conv = nn.Conv2d(c.cnn[-1], width, 3, padding=1, bias=False)
        self.rows, self.columns = nn.Embedding(c.grid, width), nn.Embedding(c.grid, width)
        self.visual_type = nn.Embedding(1, width)
        self.visual_norm, self.dropout = nn.LayerNorm(width, EPSILON), nn.Dropout(c.dropout)
        self.pooler = nn.Linear(width, width)
        classes = 2 if c.objective == "match" else 1
        self.match = nn.Sequential(
            nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, classes)
        )
        for name, weight in self.named_parameters():
            if weight.ndim > 1:
                nn.init.normal_(weight, std=self.spread(name))  # D1
        self.draws = False  # clips at random places

    def spread(self, name: str) -> float:
        """Standard deviation of fresh weights; of those that a norm follows only the direction counts."""
        if name.startswith(("cnn.", "grid_conv.")):
            return 0.5
        return 1.0 if name == "text.words.weight" else self.config.text[0] ** -0.5

    def halving(self, channels: int, out: int) -> nn.Module:
        """A layer of the network under the grid."""
        conv = nn.Conv2d(channels, out, 3, stride=2, padding=1, bias=False)
        return nn.Sequential(conv, nn.GroupNorm(gcd(GROUPS, out), out), nn.ReLU())  # D2

    def starts(self, count: Int[Tensor, " v"]) -> Int[Tensor, "v clips"]:
        """The first frame of each clip; `count` frames of each video are true."""
        last = (count - self.config.frames).clamp(min=0)[:, None]
        if self.draws:
            place = torch.rand(len(count), self.config.clips, device=count.device)
        else:
            place = torch.linspace(0, 1, self.config.test_clips, device=count.device)
        return (place * (last + 1)).long().minimum(last)  # Eq. (1?)

    def maps(self, clips: Clips) -> Float[Tensor, "v clips frames c y x"]:
        """What the network under the grid gives of every frame of every clip."""
        assert clips.pixels is not None
        assert clips.pixels_mask is not None
        count = clips.pixels_mask.sum(1)
        frame = self.starts(count)[..., None] + torch.arange(self.config.frames).to(count.device)
        frame = frame.minimum((count - 1).clamp(min=0)[:, None, None])  # D3
        video = torch.arange(len(frame), device=frame.device)[:, None, None]
        pixels = clips.pixels[video, frame].float() / GREY - 1
        return self.cnn(pixels.flatten(0, 2)).unflatten(0, frame.shape)

    def grid(
        self, maps: Float[Tensor, "frames c y x"]
    ) -> Float[Tensor, "frames rows columns width"]:
        """M at half the height and width, which are cut to even numbers."""
        return F.relu(F.max_pool2d(self.grid_conv(maps), 2)).movedim(1, -1)  # Eq. (2?)

    def tokens(self, maps: Float[Tensor, "v clips frames c y x"]) -> Visual:
        """x of every clip."""
        g = self.grid(maps.flatten(0, 2)).unflatten(0, maps.shape[:3]).mean(2)  # Eq. (3?)
        place = (self.rows.weight[: g.shape[2], None], self.columns.weight[: g.shape[3]])
        x = g + place[0] + place[1] + self.visual_type.weight
        return self.dropout(self.visual_norm(x.flatten(2, 3)))  # Eq. (4?)

    def encode_text(self, captions: Captions) -> Words:
        """Words as the transformer reads them."""
        words, mask = trim_padding(captions.words, captions.mask, self.config.max_words)
        return self.text.embed(words), mask

    def encode_video(self, clips: Clips) -> Visual:
        """Visual tokens as the transformer reads them."""
        return self.tokens(self.maps(clips))

    def states(
        self,
        words: Float[Tensor, "p n width"],
        mask: Bool[Tensor, "p n"],
        visual: Float[Tensor, "p m width"],
    ) -> Float[Tensor, "p n_m width"]:
        """Of the words and tokens of one clip per pair."""
        every = torch.cat([mask, mask.new_ones(visual.shape[:2])], dim=1)
        return self.text.blocks(torch.cat([words, visual], dim=1), src_key_padding_mask=~every)

    def clip_logits(
        self, words: Float[Tensor, "p n width"], mask: Bool[Tensor, "p n"], visual: Visual
    ) -> Float[Tensor, "p clips classes"]:
        """z of pairs: caption p with the clips of video p."""
        clips = visual.shape[1]
        each = (words.repeat_interleave(clips, 0), mask.repeat_interleave(clips, 0))
        first = self.states(*each, visual.flatten(0, 1))[:, 0]
        pooled = self.dropout(self.pooler(first).tanh())
        return self.match(pooled).unflatten(0, (-1, clips))  # Eq. (5?)

    def pooled(self, z: Float[Tensor, "p clips classes"]) -> Float[Tensor, "p classes"]:
        """y."""
        over = {"lse": torch.logsumexp, "mean": torch.mean, "max": torch.amax}
        return over[self.config.pooling](z, 1)  # Eq. (6?)

    def odds(self, y: Float[Tensor, "p classes"]) -> Float[Tensor, " p"]:
        """Log odds of a match."""
        return y[:, 1] - y[:, 0] if self.config.objective == "match" else y[:, 0]  # D5

    def similarity(self, text: Words, video: Visual) -> Float[Tensor, "t v"]:
        """Every caption with every video."""
        return all_pairs(
            lambda t, v: self.odds(self.pooled(self.clip_logits(*t, *v))), text, (video,)
        )

    def candidates(self, videos: int, device: torch.device) -> Int[Tensor, "v captions"]:
        """Rows of the caption of each video and of wrong ones."""
        if self.training:
            apart = torch.randint(1, videos, (videos, self.config.negatives), device=device)
        else:
            apart = torch.arange(1, videos, device=device).expand(videos, -1)
        own = torch.arange(videos, device=device)[:, None]
        return torch.cat([own, (own + apart) % videos], dim=1)  # D4

    def terms(self, y: Float[Tensor, "v captions classes"]) -> Float[Tensor, "v terms"]:
        """Losses of the caption and of the wrong ones of each video, or hinges of the latter."""
        if self.config.objective == "match":
            wrong = -y.log_softmax(2)
            return torch.cat([wrong[:, :1, 1], wrong[:, 1:, 0]], dim=1)  # Eq. (7?)
        p = y[..., 0].sigmoid()
        return (self.config.margin + p[:, 1:] - p[:, :1]).clamp(min=0)  # Eq. (8?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """The mean over pairs, `negatives` of them wrong for each right one."""
        words, mask = self.encode_text(batch.captions)
        self.draws = self.training
        visual = self.encode_video(batch.clips)
        self.draws = False
        rows = self.candidates(len(visual), visual.device)
        each = visual.repeat_interleave(rows.shape[1], 0)
        z = self.clip_logits(words[rows.flatten()], mask[rows.flatten()], each)
        terms = self.terms(self.pooled(z).unflatten(0, rows.shape))
        if self.config.objective == "rank":
            return terms.mean()
        wrong = self.config.negatives
        return (terms[:, 0].mean() + wrong * terms[:, 1:].mean()) / (1 + wrong)


Model = ClipBert
