"""Hierarchical Graph Reasoning (HGR).

Chen, Zhao, Jin, Wu. "Fine-grained Video-Text Retrieval with Hierarchical Graph Reasoning."
CVPR 2020, arXiv:2003.00392.                     Record: data/papers.yaml, chen2020hgr

A sentence is a graph of three levels: the event, its actions, and the entities that take part in
them by their semantic roles. Each level is matched with the video in a space of its own.

Symbols
    h      states of the words            e0 e1 e2   frames in the space of each level
    x      nodes: event, actions, entities            A   attention of a node to its neighbours
    w      attention of a phrase to the frames        S   scores

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   word states: mean of both directions of a GRU      HGR.read
    (2?)   event: words, weighted by attention                HGR.encode_text
    (3?)   action, entity: maximum over its words             HGR.encode_text
    (4?)   times the vector of its semantic role              HGR.encode_text
    (5?)   attention over the nodes an edge comes from        GraphLayer.forward
    (6?)   residual graph convolution; none into the event    GraphLayer.forward
    (7?)   frames in three spaces; event: weighted by attention   HGR.encode_video
    (8?)   event score: cosine                                HGR.levels
    (9?)   phrases attend to frames                           HGR.aligned
    (10?)  score of a phrase, mean over the phrases           HGR.aligned
    (11?)  mean over the levels                               HGR.similarity
    (12?)  triplet loss with the hardest negatives            HGR.triplet

Departures
    D1  word vectors start at random; the authors' are GloVe.
    D2  the graphs come with the data; the authors ask a parser.
    D3  a caption's <start> and <end> are words, of the event alone; the authors have none.
    D4  no bias where a softmax cancels it: in the weights of words and frames, in the keys.
    D5  in the small benchmark the first epochs count all negatives, not the hardest one alone.

The released code: models/official/hgr.py. Claims and reported numbers: the record.
What is tested: tests/models/test_hgr.py
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.graphs import to_slots
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_mean, masked_softmax, segment_max
from models.parts.recipe import recipe
from models.parts.temporal import gru_states, sample_linspace, trim_padding

Nodes: TypeAlias = Float[Tensor, "t nodes c"]


@dataclass(frozen=True)
class Config:
    """The authors' scripts."""

    levels: tuple[str, ...] = ("event", "action", "entity")  # event is always there, and first
    pooling: str = "attention"  # of the event's words and frames; mean
    word_dim: int = 300
    common: int = 1024
    roles: int = 16  # 0: no role vectors
    graph_layers: int = 1
    graph_attention: bool = True  # else all nodes an edge comes from weigh the same
    fusion: str = "embed"  # embed: cosine with the attended frames; sim: attended cosines
    sharpness: float = 4.0
    max_words: int = 30
    max_frames: int = 20
    actions: int = 4  # at most, of a sentence
    entities: int = 6
    dropout: float = 0.2
    graph_dropout: float = 0.5
    margin: float = 0.2
    all_negatives_epochs: int = 0  # epochs before the hardest negative counts alone
    weights: tuple[float, ...] | None = None  # of the losses: fused score, event, action, entity

    @classmethod
    def small(cls) -> "Config":
        """Sizes for the synthetic benchmark, whose sentences are longer."""
        sizes = {"word_dim": 64, "common": 128, "max_words": 52, "max_frames": 16}
        return cls(**sizes, actions=3, entities=12, all_negatives_epochs=2)  # D5


@dataclass
class Side:
    """Captions or videos: the event's vector and, of each other level, phrases or frames."""

    event: Float[Tensor, "b c"]
    parts: dict[str, Float[Tensor, "b n c"]]
    present: dict[str, Bool[Tensor, "b n"]]


def by_level(slots: Tensor, actions: int) -> dict[str, Tensor]:
    """Slots (t, actions + entities, ...) of both levels of phrases."""
    return {"action": slots[:, :actions], "entity": slots[:, actions:]}


class GraphLayer(nn.Module):
    """One round of messages along the edges."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c = config.common
        self.context = nn.Linear(c, c, bias=False)
        self.norm = nn.LayerNorm(c)
        self.dropout = nn.Dropout(config.graph_dropout)
        if config.graph_attention:
            self.query, self.key = nn.Linear(c, c // 2), nn.Linear(c, c // 2, bias=False)  # D4
        self.attention = config.graph_attention

    def forward(self, x: Nodes, edge: Bool[Tensor, "t nodes nodes"]) -> Nodes:
        """The nodes after the round; edge [i, j]: j sends to i. Without attention: the mean of j."""
        A = edge / edge.sum(2, keepdim=True).clamp(min=1)
        if self.attention:
            q, k = self.query(x), self.key(x)
            A = masked_softmax(q @ k.mT / q.shape[2] ** 0.5, edge)  # Eq. (5?)
        return self.norm(x + self.dropout(self.context(A @ x)))  # Eq. (6?)


class HGR(RetrievalModel):
    """A graph of the sentence, three spaces of the video."""

    Config = Config
    views = frozenset({"words", "frames"})
    recipe = recipe(optimiser="adam", learning_rate=1e-4, batch_size=64, epochs=50)
    small_recipe = recipe.but(learning_rate=1e-3, epochs=8, captions_per_video=6)
    variants: ClassVar = {
        "full": {},
        "event": {"levels": ("event",)},
        "global": {"levels": ("event",), "pooling": "mean"},
        "no-roles": {"roles": 0},
        "no-graph": {"graph_layers": 0},
        "two-layers": {"graph_layers": 2},
        "plain-graph": {"graph_attention": False},
        "score-fusion": {"fusion": "sim"},
        "four-losses": {"weights": (1.0, 0.2, 0.2, 0.2)},
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c = config
        self.words = nn.Embedding(data.vocabulary, c.word_dim)
        nn.init.uniform_(self.words.weight, -(c.word_dim**-0.5), c.word_dim**-0.5)  # D1
        self.gru = nn.GRU(c.word_dim, c.common, batch_first=True, bidirectional=True)
        for name, weight in self.gru.named_parameters():
            nn.init.orthogonal_(weight) if "weight" in name else nn.init.zeros_(weight)
        dim = data.dims["frames"]
        self.frames = nn.ModuleDict({level: nn.Linear(dim, c.common) for level in c.levels})
        if c.pooling == "attention":
            self.word_attention = nn.Linear(c.common, 1, bias=False)  # D4
            self.frame_attention = nn.Linear(c.common, 1, bias=False)
        if c.levels != ("event",):
            if c.roles:
                self.roles = nn.Embedding(c.roles, c.common)
            self.graph = nn.ModuleList(GraphLayer(c) for _ in range(c.graph_layers))
        self.dropout = nn.Dropout(c.dropout)
        self.all_negatives = False

    @classmethod
    def needs(cls, config: Config) -> frozenset[str]:
        """The event alone reads no graph."""
        return cls.views if config.levels == ("event",) else cls.views | {"graph"}

    def on_epoch(self, epoch: int) -> None:
        """The first epochs count all negatives."""
        self.all_negatives = epoch < self.config.all_negatives_epochs  # D5

    def read(self, captions: Captions) -> tuple[Tensor, Tensor]:
        """h (t, words, c), and their mask."""
        words, mask = trim_padding(captions.words, captions.mask, self.config.max_words)  # D3
        h = gru_states(self.gru, self.dropout(self.words(words)), mask)
        return h.unflatten(2, (2, -1)).mean(2), mask  # Eq. (1?)

    def pooled(
        self, x: Float[Tensor, "b n c"], mask: Bool[Tensor, "b n"], attention: str
    ) -> Float[Tensor, "b c"]:
        """The event's vector, of words or of frames."""
        if self.config.pooling == "mean":
            return masked_mean(x, mask)
        weight = masked_softmax(self.get_submodule(attention)(x)[..., 0], mask)
        return torch.einsum("bn,bnc->bc", weight, x)

    def encode_text(self, captions: Captions) -> Side:
        """The nodes after the graph layers."""
        c = self.config
        h, mask = self.read(captions)
        event = self.pooled(h, mask, "word_attention")  # Eq. (2?)
        if c.levels == ("event",):
            return Side(event, {}, {})
        assert captions.graph is not None
        graph = to_slots(captions.graph, mask, c.actions, c.entities)  # D2
        present = graph.members.any(2)
        edge = F.pad(graph.argument | graph.argument.mT, (1, 0, 1, 0))  # both ways
        edge[:, 1 : c.actions + 1, 0] = present[:, : c.actions]  # from the event to its actions
        x = segment_max(h, graph.members)  # Eq. (3?); empty slots are zero
        if c.roles:
            x = x * self.roles(graph.role)  # Eq. (4?)
        x = torch.cat([event[:, None], x], 1)
        for layer in self.graph:
            x = layer(x, edge)
        return Side(x[:, 0], by_level(x[:, 1:], c.actions), by_level(present, c.actions))

    def project(self, frames: Float[Tensor, "v n dim"]) -> dict[str, Float[Tensor, "v n c"]]:
        """e of each level."""
        return {level: self.dropout(affine(frames)) for level, affine in self.frames.items()}

    def encode_video(self, clips: Clips) -> Side:
        """A long video is sampled at even distances."""
        x, mask = clips.features["frames"], clips.mask["frames"]
        frames, mask = sample_linspace(*trim_padding(x, mask), self.config.max_frames)
        e = self.project(frames)
        event = self.pooled(e.pop("event"), mask, "frame_attention")  # Eq. (7?)
        return Side(event, e, dict.fromkeys(e, mask))

    def levels(self, text: Side, video: Side) -> Float[Tensor, "levels t v"]:
        """S of each level."""
        event = F.normalize(text.event, dim=1) @ F.normalize(video.event, dim=1).mT  # Eq. (8?)
        return torch.stack([event, *(self.aligned(text, video, n) for n in video.parts)])

    def aligned(self, text: Side, video: Side, level: str) -> Float[Tensor, "t v"]:
        """S of a level: each phrase against the frames it attends to."""
        e, mask, present = video.parts[level], video.present[level], text.present[level]
        p = F.normalize(text.parts[level][present], dim=1)  # of all captions, end to end
        inner = e @ p.mT  # (v, steps, p)
        cosine = inner / e.norm(dim=2, keepdim=True).clamp(min=1e-9)
        near = F.normalize(cosine.clamp(min=0) * mask[..., None], dim=1, eps=1e-10)
        w = masked_softmax(self.config.sharpness * near, mask[..., None], dim=1)  # Eq. (9?)
        if self.config.fusion == "sim":
            scores = (w * cosine).sum(1)
        else:  # |sum of w e|^2 from the frames' inner products: no vector per phrase and video
            length = ((e @ e.mT @ w) * w).sum(1).clamp(min=0).add(1e-18).sqrt()
            scores = (w * inner).sum(1) / length
        owner = present.nonzero()[:, 0]
        total = scores.new_zeros(len(present), len(e)).index_add(0, owner, scores.mT)
        return total / present.sum(1, keepdim=True).clamp(min=1)  # Eq. (10?)

    def similarity(self, text: Side, video: Side) -> Float[Tensor, "t v"]:
        """S."""
        return self.levels(text, video).mean(0)  # Eq. (11?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Of the fused score, or a weighted sum with those of the levels."""
        levels = self.levels(self.encode_text(batch.captions), self.encode_video(batch.clips))
        weighted = zip(self.config.weights or (1.0,), [levels.mean(0), *levels], strict=False)
        return torch.stack([weight * self.triplet(s) for weight, s in weighted]).sum()

    def triplet(self, scores: Float[Tensor, "b b"]) -> Float[Tensor, ""]:
        """Loss of one score: mean over the batch, both directions added."""
        by_caption, by_video = hinge_terms(scores, self.config.margin)
        if self.all_negatives:
            pairs = len(scores) * max(len(scores) - 1, 1)  # the pair itself has no term
            return (by_caption.sum() + by_video.sum()) / pairs
        return by_caption.amax(1).mean() + by_video.amax(0).mean()  # Eq. (12?)


Model = HGR
