"""Hierarchical Graph Reasoning (HGR).

Chen, Zhao, Jin, Wu. "Fine-grained Video-Text Retrieval with Hierarchical Graph Reasoning."
CVPR 2020, arXiv:2003.00392.                     Record: data/papers.yaml, chen2020hgr

A sentence is a graph of three levels: the event it tells, its actions, and the entities that take
part in them by their semantic roles. Each level is held against the video in a space of its own.

Symbols
    h      states of the words            e0 e1 e2   frames in the space of each level
    x      nodes: event, actions, entities            A   how much a node hears of another
    w      how much a phrase looks at a frame         S   scores

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   word states: mean of both directions of a GRU      HGR.read
    (2?)   event: words, weighed by attention                 HGR.encode_text
    (3?)   action, entity: maximum over its words             HGR.encode_text
    (4?)   times the vector of its semantic role              HGR.encode_text
    (5?)   attention over the nodes an edge comes from        GraphLayer.forward
    (6?)   residual graph convolution                         GraphLayer.forward
    (7?)   frames in three spaces; event: weighed by attention    HGR.encode_video
    (8?)   event score: cosine                                HGR.levels
    (9?)   phrases attend frames                              HGR.aligned
    (10?)  score of a phrase, mean over the phrases           HGR.aligned
    (11?)  mean over the levels                               HGR.similarity
    (12?)  triplet loss with the hardest wrong pair           HGR.loss

Departures
    D1  word vectors start at random; the authors' are GloVe.
    D2  the graphs come with the data: a world's grammar knows its own, the authors ask a parser.
    D3  a caption's <start> and <end> are read as words, of the event alone; the authors have none.
    D4  no bias where a softmax cancels it: in the weights of words and frames, in the keys.
    D5  in the small world the first epochs count all negatives, not the hardest one alone.

The event hears nobody: no edge of the released code (github.com/cshizhe/hgr_v2t, MIT) ends in it.

Claims and reported numbers: the record. What is tested: tests/models/test_hgr.py
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.official._loading import flatten_checkpoint, load_renamed, matrix_shape
from models.parts.batch import Captions, Clips
from models.parts.contract import RetrievalModel
from models.parts.graphs import to_slots
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_mean, masked_softmax, segment_max
from models.parts.temporal import gru_states, sample_linspace, trim_padding

Nodes: TypeAlias = Float[Tensor, "t nodes c"]


@dataclass(frozen=True)
class Config:
    """Sizes of the authors' scripts; `vocabulary` and `frame_dim` are the data's."""

    vocabulary: int = 10_000  # word ids, the four special ones included
    frame_dim: int = 2048  # ResNet-152
    levels: tuple[str, ...] = ("event", "action", "entity")  # event is always there, and first
    pooling: str = "attention"  # of the event's words and frames; mean
    word_dim: int = 300
    common: int = 1024
    roles: int = 16  # 0: no role vectors
    graph_layers: int = 1
    graph_attention: bool = True  # else every node an edge comes from counts the same
    shared: bool = False  # one space for the frames of all levels
    fusion: str = "embed"  # embed: cosine with the frames looked at; sim: mean of their cosines
    sharpness: float = 4.0
    max_words: int = 30
    max_frames: int = 20
    actions: int = 4  # at most, of a sentence
    entities: int = 6
    dropout: float = 0.2
    graph_dropout: float = 0.5
    margin: float = 0.2
    hardest: int | None = 1  # wrong pairs that count, a row; None: all
    direction: str = "both"  # t2v, v2t
    weights: tuple[float, ...] | None = None  # of the losses: fused score, event, action, entity

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark, whose sentences are longer and told of in full."""
        return cls(word_dim=64, common=128, max_words=52, actions=3, entities=12, max_frames=16)


@dataclass
class Side:
    """Captions or videos: the event's vector and, of each other level, phrases or frames."""

    event: Float[Tensor, "b c"]
    parts: dict[str, Float[Tensor, "b n c"]]
    present: dict[str, Bool[Tensor, "b n"]]


class GraphLayer(nn.Module):
    """Each node hears those an edge comes from."""

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
        """The nodes after one exchange; without attention they hear the mean of the others."""
        A = edge / edge.sum(2, keepdim=True).clamp(min=1)
        if self.attention:
            q, k = self.query(x), self.key(x)
            A = masked_softmax(q @ k.mT / q.shape[2] ** 0.5, edge)  # Eq. (5?)
        return self.norm(x + self.dropout(self.context(A @ x)))  # Eq. (6?)


class HGR(RetrievalModel):
    """A graph of the sentence, three spaces of the video."""

    Config = Config
    needs = frozenset({"words", "graph", "frames"})
    recipe = Recipe("adam", 1e-4, 64, 50)
    small_recipe = replace(recipe, learning_rate=1e-3, epochs=8, per_video=6, easy_epochs=2)  # D5
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

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = c = config or Config()
        self.words = nn.Embedding(c.vocabulary, c.word_dim)
        nn.init.uniform_(self.words.weight, -(c.word_dim**-0.5), c.word_dim**-0.5)  # D1
        self.gru = nn.GRU(c.word_dim, c.common, batch_first=True, bidirectional=True)
        for name, weight in self.gru.named_parameters():
            nn.init.orthogonal_(weight) if "weight" in name else nn.init.zeros_(weight)
        spaces = c.levels[:1] if c.shared else c.levels
        self.frames = nn.ModuleDict({s: nn.Linear(c.frame_dim, c.common) for s in spaces})
        if c.pooling == "attention":
            self.word_attention = nn.Linear(c.common, 1, bias=False)  # D4
            self.frame_attention = nn.Linear(c.common, 1, bias=False)
        if c.levels != ("event",):
            if c.roles:
                self.roles = nn.Embedding(c.roles, c.common)
            self.graph = nn.ModuleList(GraphLayer(c) for _ in range(c.graph_layers))
        self.dropout = nn.Dropout(c.dropout)

    def read(self, captions: Captions) -> tuple[Tensor, Tensor]:
        """H (t, words, c), and their mask."""
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
        """The nodes, after they heard each other."""
        c = self.config
        h, mask = self.read(captions)
        event = self.pooled(h, mask, "word_attention")  # Eq. (2?)
        if c.levels == ("event",):
            return Side(event, {}, {})
        assert captions.graph is not None
        graph = to_slots(captions.graph, mask, c.actions, c.entities)  # D2
        present = graph.members.any(2)
        edge = F.pad(graph.argument | graph.argument.mT, (1, 0, 1, 0))  # they hear each other
        edge[:, 1 : c.actions + 1, 0] = present[:, : c.actions]  # actions hear the event
        x = segment_max(h, graph.members)  # Eq. (3?); empty slots are zero
        if c.roles:
            x = x * self.roles(graph.role)  # Eq. (4?)
        x = torch.cat([event[:, None], x], 1)
        for layer in self.graph:
            x = layer(x, edge)
        halves = zip(("action", "entity"), x[:, 1:].tensor_split([c.actions], 1), strict=True)
        there = zip(("action", "entity"), present.tensor_split([c.actions], 1), strict=True)
        return Side(x[:, 0], dict(halves), dict(there))

    def encode_video(self, clips: Clips) -> Side:
        """Long videos keep frames that are evenly apart."""
        x, mask = clips.features["frames"], clips.mask["frames"]
        frames, mask = sample_linspace(*trim_padding(x, mask), self.config.max_frames)
        e = {level: self.dropout(affine(frames)) for level, affine in self.frames.items()}
        event = self.pooled(e["event"], mask, "frame_attention")  # Eq. (7?)
        others = self.config.levels[1:]
        return Side(event, {n: e.get(n, e["event"]) for n in others}, dict.fromkeys(others, mask))

    def levels(self, text: Side, video: Side) -> Float[Tensor, "levels t v"]:
        """S of each level."""
        event = F.normalize(text.event, dim=1) @ F.normalize(video.event, dim=1).mT  # Eq. (8?)
        return torch.stack([event, *(self.aligned(text, video, n) for n in video.parts)])

    def aligned(self, text: Side, video: Side, level: str) -> Float[Tensor, "t v"]:
        """S of a level: what each phrase finds in the frames it looks at."""
        e, mask, present = video.parts[level], video.present[level], text.present[level]
        p = F.normalize(text.parts[level][present], dim=1)  # of all captions, end to end
        inner = e @ p.mT  # (v, steps, p)
        cosine = inner / e.norm(dim=2, keepdim=True).clamp(min=1e-9)
        near = F.normalize(cosine.clamp(min=0) * mask[..., None], dim=1, eps=1e-10)
        w = masked_softmax(self.config.sharpness * near, mask[..., None], dim=1)  # Eq. (9?)
        if self.config.fusion == "sim":
            found = (w * cosine).sum(1)
        else:  # |sum of w e|^2 from the frames' inner products: no vector a phrase and video
            length = ((e @ e.mT @ w) * w).sum(1).clamp(min=0).add(1e-18).sqrt()
            found = (w * inner).sum(1) / length
        owner = present.nonzero()[:, 0]
        total = found.new_zeros(len(present), len(e)).index_add(0, owner, found.mT)
        return total / present.sum(1, keepdim=True).clamp(min=1)  # Eq. (10?)

    def similarity(self, text: Side, video: Side) -> Float[Tensor, "t v"]:
        """S."""
        return self.levels(text, video).mean(0)  # Eq. (11?)

    def loss(self, captions: Captions, clips: Clips) -> Float[Tensor, ""]:
        """Of the fused score, or a weighted sum with those of the levels."""
        levels = self.levels(self.encode_text(captions), self.encode_video(clips))
        weighed = zip(self.config.weights or (1.0,), [levels.mean(0), *levels], strict=False)
        return torch.stack([weight * self.triplet(s) for weight, s in weighed]).sum()  # Eq. (12?)

    def triplet(self, scores: Float[Tensor, "b b"]) -> Float[Tensor, ""]:
        """Loss of one score: mean over the batch, each direction by itself."""
        by_caption, by_video = hinge_terms(scores, self.config.margin)
        ways = {"t2v": [0], "v2t": [1], "both": [0, 1]}[self.config.direction]
        every = torch.stack([by_caption, by_video.mT])[ways]
        size, k = len(scores), None if self.easy else self.config.hardest
        k = max(size - 1, 1) if k is None else min(k, size)  # the pair itself has no term
        return every.topk(k, dim=2).values.mean((1, 2)).sum()

    @classmethod
    def from_official(cls, state: Mapping[str, Any], config: Config | None = None) -> "HGR":
        """The released code's checkpoint, or that of its global baseline.

        Without a config the sizes are those of the weights. Raises ValueError where they do not fit.
        """
        every = flatten_checkpoint(state, ("video_encoder.", "text_encoder."))
        official = {key: w for key, w in every.items() if not key.endswith(CANCELLED)}  # D4
        chosen = config or sizes(official)
        return load_renamed(cls(chosen), official, official_prefixes(chosen))


CANCELLED = ("ft_attn.bias", "edge_attn_key.bias")
LAYER = ("ctx_layer", "layernorm", "edge_attn_query", "edge_attn_key")


def official_prefixes(config: Config) -> dict[str, str]:
    """Beginnings of the released code's names -> of ours."""
    found = {
        "text_encoder.embedding.we.": "words.",
        "text_encoder.rnn.": "gru.",
        "text_encoder.ft_attn.": "word_attention.",
        "text_encoder.role_embedding.": "roles.",
        "video_encoder.ft_attn.": "frame_attention.",
    }
    for i, level in enumerate(config.levels):
        space = "ft_embed" if len(config.levels) == 1 else f"level_embeds.{i}"
        found[f"video_encoder.{space}."] = f"frames.{level}."
    for i in range(config.graph_layers):
        for theirs, ours in zip(LAYER, ("context", "norm", "query", "key"), strict=True):
            found[f"text_encoder.gcn.layers.{i}.{theirs}."] = f"graph.{i}.{ours}."
    return found


def sizes(official: Mapping[str, Tensor]) -> Config:
    """The released configuration, as far as its weights tell."""
    baseline = "video_encoder.ft_embed.weight" in official
    space = "ft_embed" if baseline else "level_embeds.0"
    found: dict[str, Any] = {"levels": ("event",), "pooling": "mean"} if baseline else {}
    found["vocabulary"], found["word_dim"] = matrix_shape(
        official, "text_encoder.embedding.we.weight"
    )
    found["common"], found["frame_dim"] = matrix_shape(official, f"video_encoder.{space}.weight")
    layers = {key.split(".")[3] for key in official if key.startswith("text_encoder.gcn.layers.")}
    return Config(
        **found,
        roles=len(official.get("text_encoder.role_embedding.weight", ())),
        graph_layers=len(layers),
        graph_attention="text_encoder.gcn.layers.0.edge_attn_query.weight" in official,
        shared="video_encoder.level_embeds.1.weight" not in official,
    )


Model = HGR
