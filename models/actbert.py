"""ActBERT.

Zhu, Yang. "ActBERT: Learning Global-Local Video-Text Representations." CVPR 2020, arXiv:2011.07231.
                                                 Record: data/papers.yaml, zhu2020actbert

Words, regions and actions run in three transformers. Between their layers actions read the other
two, and what they saw moves the keys and values of those. A pair is read at once, match or none.

Symbols
    q, k, v   queries, keys, values of words, regions, actions     t, r, a   pooled streams
    c_r, c_t  what actions see in regions, in words                z         logits: match, no match

Equations (recorded from the code of PaddleVideo, not the paper's: numbers are ours)
    (1?)   a region of the whole frame, the mean of all, comes first     ActBert.read_regions
    (2?)   regions: features and places, mapped, added, normalised       ActBert.encode_video
    (3?)   c_r, c_t: actions ask regions, and words                      Tangle.forward
    (4?)   keys, values of words move by c_r, those of regions by c_t    Tangle.forward
    (5?)   a step takes the action at its share of the stream            Tangle.places
    (6?)   each stream reads itself, then each step by itself            Tangle.forward
    (7?)   layers of each stream before, between and after               ActBert.states
    (8?)   t, r, a: ReLU of an affine map of the first step              ActBert.logits
    (9?)   z: affine in t r + a                                          ActBert.logits
    (10?)  match: cross-entropy of pairs and wrong captions              ActBert.loss

Departures
    D1  nothing is pre-trained: matching alone is learnt, on the captions of the data, from whole
        words and untrained weights. The code also has masked words, regions and actions guessed
        (models/official/actbert.py), which takes a detector's classes and a verb of each clip.
    D2  regions are evenly spread among those of all frames.
    D3  actions are steps of `motion`; the code's are clips, read by a network that knows verbs.
    D4  a video is read with its caption and with wrong ones of the batch, in evaluation with all;
        the code replaces half of the captions. The small configuration draws four.
    D5  the share is one of true steps; a video without actions has one of zeros.
    D6  scores are log odds, which no rounding makes equal.
    D7  the rate is constant; the code divides it by ten after step 4,200.
    D8  values of words move by a map of their own, in the code by that of the regions.
    D9  weights start the wider, the fewer their inputs, words widest; the code's all at 0.02.

The code of PaddleVideo: models/official/actbert.py. Claims and reported numbers: the record.
What is tested: tests/models/test_actbert.py
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.attention import FeedForward, attend
from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.graphs import true_first
from models.parts.pairs import all_pairs
from models.parts.recipe import recipe
from models.parts.temporal import take_uniform, trim_padding
from models.parts.transformer import EPSILON, Bert, encoder_layers, init_bert_weights

Stream: TypeAlias = tuple[Float[Tensor, "p _ _"], Bool[Tensor, "p _"]]  # steps, and which are true
Streams: TypeAlias = list[Stream]  # words, regions and, where they are read, actions
Flat: TypeAlias = tuple[Tensor, ...]  # states and mask of one stream after the other
PLACE = 5  # numbers that say where a region is


@dataclass(frozen=True)
class Config:
    """The settings of PaddleVideo."""

    max_words: int = 36
    max_regions: int = 36  # without that of the whole frame
    max_actions: int = 5
    text: tuple[int, ...] = (768, 12, 3072, 12)  # width, heads, feed-forward width, layers
    regions: tuple[int, ...] = (1024, 8, 1024, 2)
    actions: tuple[int, ...] = (768, 12, 3072, 3)
    tangled: tuple[int, int] = (1024, 8)  # width of q, k, v and of t, r, a; heads
    tangles: tuple[tuple[int, ...], ...] = ((10, 0, 0), (11, 1, 1))  # layers that come before each
    positions: int = 512
    dropout: float = 0.1
    fusion: str = "mul"  # sum: t + r + a
    see_actions: bool = True
    local: bool = True  # False: the whole frame is the only region
    negatives: int = 1  # wrong captions of each video

    @classmethod
    def small(cls) -> "Config":
        """Sizes for the synthetic benchmark. So narrow, it needs no dropout."""
        streams = (64, 4, 128, 2), (64, 4, 64, 1), (64, 4, 128, 1)
        tangles = ((1, 0, 0), (2, 1, 1))
        return cls(20, 24, 8, *streams, (64, 4), tangles, 64, 0.0, negatives=4)  # D4


class Tangle(nn.Module):
    """A layer in which actions move what words and regions read."""

    def __init__(self, streams: list[tuple[int, ...]], width: int, heads: int, p: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, nn.Dropout(p)
        self.qkv = nn.ModuleList(nn.Linear(stream[0], 3 * width) for stream in streams)
        moved = 2 if len(streams) > 2 else 0  # noqa: PLR2004  (with actions)
        self.shift = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(moved))
        self.out = nn.ModuleList(nn.Linear(width, stream[0]) for stream in streams)
        self.norm = nn.ModuleList(nn.LayerNorm(stream[0], EPSILON) for stream in streams)
        self.inner = nn.ModuleList(FeedForward(stream[0], stream[2], p) for stream in streams)

    def places(self, mask: Bool[Tensor, "p n"], actions: Bool[Tensor, "p a"]) -> Int[Tensor, "p n"]:
        """The action that each step takes."""
        count, n = actions.sum(1, keepdim=True), torch.arange(mask.shape[1], device=mask.device)
        return (n * count // mask.sum(1, keepdim=True)).minimum(count - 1)  # Eq. (5?), D5

    def shifts(
        self, c_r: Float[Tensor, "p a width"], c_t: Float[Tensor, "p a width"]
    ) -> list[tuple[Tensor, Tensor]]:
        """By what keys and values of words and of regions move, action by action."""
        return [self.shift[n](c).chunk(2, dim=2) for n, c in enumerate((c_r, c_t))]  # D8

    def forward(self, streams: Streams) -> Streams:
        """The same streams."""
        mask, how = [m for _, m in streams], (self.heads, self.dropout.p * self.training)
        qkv = [layer(x).chunk(3, dim=2) for layer, (x, _) in zip(self.qkv, streams, strict=True)]
        q, k, v = (list(one) for one in zip(*qkv, strict=True))
        if self.shift:
            c_t, c_r = (attend(q[2], k[n], v[n], mask[n], *how) for n in (0, 1))  # Eq. (3?)
            for n, moves in enumerate(self.shifts(c_r, c_t)):
                at = self.places(mask[n], mask[2])[..., None]
                key, value = (move.take_along_dim(at, 1) for move in moves)
                k[n], v[n] = k[n] + key, v[n] + value  # Eq. (4?)
        out = []
        for n, (x, own) in enumerate(streams):
            read = self.dropout(self.out[n](attend(q[n], k[n], v[n], own, *how)))
            out.append((self.inner[n](self.norm[n](x + read)), own))  # Eq. (6?)
        return out


class ActBert(RetrievalModel):
    """Three transformers, tangled, and a head that tells whether a pair matches."""

    Config = Config
    views = frozenset({"words", "boxes", "motion"})
    recipe = recipe(learning_rate=2e-4, weight_decay=1e-4, batch_size=8, epochs=10)  # D7
    small_recipe = recipe.but(learning_rate=1e-3, weight_decay=0.0, batch_size=64, epochs=6)
    variants: ClassVar = {
        "full": {},
        "no-actions": {"see_actions": False},
        "global": {"local": False},
        "untangled": {"tangles": ()},
    }
    tangle: ClassVar[type[Tangle]] = Tangle

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c, width = config, config.tangled[0]
        sizes = [c.text, c.regions, c.actions][: 2 + c.see_actions]
        dims = [one[0] for one in sizes]
        text, *stacks = (encoder_layers(*one, c.dropout) for one in sizes)
        self.text = Bert(data.vocabulary, c.positions, text)  # D1
        self.region = nn.Linear(data.dims["regions"] - PLACE, dims[1])
        self.place = nn.Linear(PLACE, dims[1])
        self.norms = nn.ModuleList(nn.LayerNorm(dim, EPSILON) for dim in dims[1:])
        self.layers, self.dropout = nn.ModuleList(stacks), nn.Dropout(c.dropout)
        self.tangles = nn.ModuleList(self.tangle(sizes, *c.tangled, c.dropout) for _ in c.tangles)
        self.poolers = nn.ModuleList(nn.Linear(dim, width) for dim in dims)
        self.match = nn.Linear(width, 2)
        if c.see_actions:
            self.action = nn.Linear(data.dims["motion"], dims[2])
        self.apply(init_bert_weights)
        for weight in filter(lambda w: w.ndim > 1, self.parameters()):
            nn.init.normal_(weight, std=weight.shape[1] ** -0.5 / 2)  # 0.018 of 768 inputs
        nn.init.normal_(self.text.words.weight)  # D9
        self.stops = [*(k[: len(dims)] for k in c.tangles), [one[3] for one in sizes]]

    def read_words(self, captions: Captions) -> tuple[Int[Tensor, "t n"], Bool[Tensor, "t n"]]:
        """The words that are read, the first in any case."""
        words, mask = trim_padding(captions.words, captions.mask, self.config.max_words)
        return words.masked_fill(~mask, 0), mask | (torch.arange(words.shape[1]).to(words) == 0)

    def read_regions(self, clips: Clips) -> tuple[Tensor, Tensor, Bool[Tensor, "v r"]]:
        """Features and places of the whole frame and the regions that are read."""
        assert clips.regions is not None
        corners, mask = clips.regions.place.flatten(1, 2), clips.regions.mask.flatten(1, 2)
        x, at = torch.cat([clips.regions.features.flatten(1, 2), corners], 2), true_first(mask)
        x, mask = x.take_along_dim(at[..., None], 1), mask.take_along_dim(at, 1)
        x, mask = take_uniform(x, mask, self.config.max_regions)  # D2
        x = x.masked_fill(~mask[..., None], 0.0)
        whole = x.sum(1, keepdim=True) / mask.sum(1)[:, None, None].clamp(min=1)
        whole[..., -4:] = x.new_tensor([0.0, 0.0, 1.0, 1.0])
        x, mask = torch.cat([whole, x], 1), F.pad(mask, (1, 0), value=True)  # Eq. (1?)
        x, mask = (x, mask) if self.config.local else (x[:, :1], mask[:, :1])
        area = (x[..., -2:] - x[..., -4:-2]).prod(2, keepdim=True)
        return x[..., :-4], torch.cat([x[..., -4:], area], 2), mask

    def read_actions(self, clips: Clips) -> Stream:
        """The actions that are read, the first in any case."""
        x, mask = clips.features["motion"], clips.mask["motion"]
        x, mask = trim_padding(x, mask, self.config.max_actions)  # D3
        x = x.masked_fill(~mask[..., None], 0.0)
        return x, mask | (torch.arange(mask.shape[1], device=mask.device) == 0)  # D5

    def run(self, n: int, stream: Stream, begin: int, end: int) -> Stream:
        """Some layers of stream n."""
        x, mask = stream
        for layer in (self.layers[n - 1] if n else self.text.blocks).layers[begin:end]:
            x = layer(x, src_key_padding_mask=~mask)
        return x, mask

    def encode_text(self, captions: Captions) -> Flat:
        """Words, after the layers before the first tangle."""
        words, mask = self.read_words(captions)
        return self.run(0, (self.text.embed(words), mask), 0, self.stops[0][0])

    def encode_video(self, clips: Clips) -> Flat:
        """Regions and actions, after theirs."""
        x, place, mask = self.read_regions(clips)
        streams = [(self.region(x) + self.place(place), mask)]  # Eq. (2?)
        if self.config.see_actions:
            x, mask = self.read_actions(clips)
            streams.append((self.action(x), mask))
        video: list[Tensor] = []
        for n, (norm, (x, mask)) in enumerate(zip(self.norms, streams, strict=True), 1):
            video += self.run(n, (self.dropout(norm(x)), mask), 0, self.stops[0][n])
        return tuple(video)

    def states(self, text: Flat, video: Flat) -> Streams:
        """Of pairs: caption p with video p."""
        flat = (*text, *video)
        streams = list(zip(flat[::2], flat[1::2], strict=True))
        for k, tangle in enumerate(self.tangles):
            ran = zip(tangle(streams), self.stops[k], self.stops[k + 1], strict=True)
            streams = [self.run(n, *one) for n, one in enumerate(ran)]  # Eq. (7?)
        return streams

    def logits(self, streams: Streams) -> Float[Tensor, "p 2"]:
        """z."""
        firsts = zip(self.poolers, streams, strict=True)
        t, r, *a = (F.relu(pooler(x[:, 0])) for pooler, (x, _) in firsts)  # Eq. (8?)
        both = t * r if self.config.fusion == "mul" else t + r
        return self.match(self.dropout(sum(a, both)))  # Eq. (9?)

    def similarity(self, text: Flat, video: Flat) -> Float[Tensor, "t v"]:
        """Every caption with every video: log odds."""  # D6
        return all_pairs(lambda t, v: -self.logits(self.states(t, v)).diff()[:, 0], text, video)

    def pairs(self, videos: int) -> tuple[Int[Tensor, "v c"], Bool[Tensor, "v c"]]:
        """Rows of captions of each video, and whether they are its own."""
        apart = torch.arange(1, videos).expand(videos, -1)
        if self.training:
            apart = torch.randint(1, max(videos, 2), (videos, self.config.negatives))
        apart = F.pad(apart, (1, 0))
        return (torch.arange(videos)[:, None] + apart) % videos, apart == 0  # D4

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """The mean over pairs."""
        text, video = self.encode_text(batch.captions), self.encode_video(batch.clips)
        rows, right = (one.to(video[0].device) for one in self.pairs(len(video[0])))
        clip = torch.arange(len(rows), device=rows.device).repeat_interleave(rows.shape[1])
        streams = self.states(tuple(x[rows.flatten()] for x in text), tuple(x[clip] for x in video))
        return F.cross_entropy(self.logits(streams), (~right).long().flatten())  # Eq. (10?)


Model = ActBert
