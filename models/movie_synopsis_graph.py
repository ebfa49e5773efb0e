"""Movies and synopses: event flow and character interaction.

Xiong, Huang, Guo, Zhou, Zhou, Lin. "A Graph-Based Framework to Bridge Movies and Synopses."
ICCV 2019, arXiv:1910.11009.                     Record: data/papers.yaml, xiong2019movie

A clip of a film and a paragraph of its synopsis match where its shots follow the sentences in their
order, and where the graph of who does what in one fits that of the other.

Symbols
    c      cosine of two embedded nodes, clip and synopsis    m, n   shots, sentences
    y      pairs of nodes that are matched, 0 or 1            V      value of the best flow so far
    N      cast and action nodes of the synopsis              w      weight of a kind of node

Equations (numbers are ours; event flow and graph as on the authors' poster, networks as released)
    (1?)   node: two layers with ReLU; of the cast: one layer     MovieSynopsis.layers
    (2?)   V(i,j) = max(V(i,j-1), V(i-1,j) + max(c_ij, 0))        MovieSynopsis.event_flow
    (3?)   event flow: V(m,n) / m                                 MovieSynopsis.event_flow
    (4?)   y: the one-to-one matching of greatest w c             parts.assignment.assign (1)
    (5?)   nodes: the w c of all matched pairs                    MovieSynopsis.graph
    (6?)   edges of which both ends are matched: mean of the two  MovieSynopsis.graph
    (7?)   graph: (nodes + edges) / N                             MovieSynopsis.graph
    (8?)   score: graph + weight x event flow                     MovieSynopsis.similarity
    (9?)   hinges with all negatives, mean over the table         MovieSynopsis.loss

Departures
    D1  word vectors start at random and are learnt; the authors' are word2vec's, fixed.
    D2  a shot is a frame, a clip's cast are its regions or, where the data have none, its frames,
        its actions are steps of `motion`; edges join what is in the same step or the next.
    D3  a synopsis's cast are phrases of its role graph; the authors match portraits of actors.
    D4  y is the matching of nodes alone in the test too; the authors solve for nodes and edges.
    D5  V is divided by m, so that a long clip has no advantage: the poster shows no scale.
    D6  all is trained at once, the rate falls once; the authors train parts first, it falls twice.

The released code: models/official/movie_synopsis_graph.py. Claims and reported numbers: the record.
What is tested: tests/models/test_movie_synopsis_graph.py
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.parts.assignment import assign
from models.parts.batch import PREDICATE, ROLES, Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.graphs import true_first
from models.parts.losses import hinge_terms
from models.parts.nested import pad_parts
from models.parts.pooling import masked_mean
from models.parts.recipe import recipe
from models.parts.spaces import affine_space
from models.parts.temporal import sample_uniform

APPEARANCE, CAST, ACTION = "appr", "cast", "action"
AGENTS = tuple(map(ROLES.index, ("ARG0", "ARG1")))
Nodes: TypeAlias = Mapping[str, tuple[Float[Tensor, "b _ _"], Bool[Tensor, "b _"]]]
Links: TypeAlias = Mapping[str, Bool[Tensor, "b _ _"]]  # by kind: (b, cast nodes, nodes)
Scores: TypeAlias = Float[Tensor, "t v"]
Pairs: TypeAlias = Float[Tensor, "t v n m"]  # of nodes


@dataclass(frozen=True)
class Config:
    """The released configurations."""

    word_dim: int = 300
    appr_hidden: tuple[int, int] = (1024, 256)  # of a shot, of a sentence
    action_hidden: tuple[int, int] = (256, 256)
    cast_dim: int = 512
    common: int = 256  # of appearance and actions
    flow: Literal["ordered", "any-order", "pooled"] = "ordered"  # how shots meet sentences
    graph: bool = True
    flow_weight: float = 0.3  # beside the graph
    action_weight: float = 0.1  # of an action's cosine beside a cast's
    max_cast: int = 24  # nodes of a clip, evenly spread
    init_std: float = 0.01  # weights of the two layers start in N(0, init_std)
    margin: float = 0.2

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark, and what starts well at them."""
        return cls(64, (64, 64), (64, 64), cast_dim=64, common=64, init_std=0.1)


@dataclass
class Side:
    """Embedded nodes by kind, and which cast nodes are joined to which of a kind."""

    nodes: dict[str, Float[Tensor, "b _ _"]] = field(default_factory=dict)
    mask: dict[str, Bool[Tensor, "b _"]] = field(default_factory=dict)
    links: dict[str, Bool[Tensor, "b _ _"]] = field(default_factory=dict)


class MovieSynopsis(RetrievalModel):
    """Shots with sentences, cast with cast, actions with actions."""

    Config = Config
    views = frozenset({"words", "frames", "sentences"})
    optional = frozenset({"regions"})
    recipe = recipe(
        optimiser="sgd-momentum",
        learning_rate=1e-3,
        weight_decay=1e-4,
        batch_size=16,
        epochs=50,
        clip_norm=35.0,
        warmup=0.01,
        lr_decay=0.1,
        decay_every=25,  # D6
        select="last",
    )
    small_recipe = recipe.but(optimiser="adam", select="SumR", epochs=30)
    variants: ClassVar = {
        "full": {},
        "event-flow": {"graph": False},
        "any-order": {"graph": False, "flow": "any-order"},
        "pooled": {"graph": False, "flow": "pooled"},
    }

    @classmethod
    def needs(cls, config: Config) -> frozenset[str]:
        """Roles and motion where there is a graph."""
        return cls.views | ({"graph", "motion"} if config.graph else set())

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        self.cast = "regions" if "regions" in data.dims else "frames"  # D2
        self.words = nn.Embedding(data.vocabulary, config.word_dim)
        nn.init.normal_(self.words.weight, std=config.word_dim**-0.5)  # D1
        kinds = (APPEARANCE, CAST, ACTION) if config.graph else (APPEARANCE,)
        for side, widths in self.widths().items():
            for kind in kinds:
                self.add_module(f"{side}_{kind}", self.layers(kind, side, widths[kind]))

    def widths(self) -> dict[str, Mapping[str, int]]:
        """Of what the layers of each side read."""
        dims, word = self.data.dims, self.config.word_dim
        video = {APPEARANCE: dims["frames"], CAST: dims[self.cast], ACTION: dims.get("motion", 0)}
        return {"text": dict.fromkeys(video, word), "video": video}

    def layers(self, kind: str, side: str, width: int) -> nn.Module:
        """The cast's layer starts as the identity."""
        c = self.config
        if kind == CAST:
            cast = affine_space(width, c.cast_dim)
            nn.init.eye_(cast.get_parameter("0.weight"))
            return cast
        hidden = {APPEARANCE: c.appr_hidden, ACTION: c.action_hidden}[kind][side == "text"]
        layers = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, c.common))
        for name, weight in layers.named_parameters():
            nn.init.normal_(weight, std=c.init_std * name.endswith("weight"))
        return layers  # Eq. (1?)

    def embed(self, side: str, nodes: Nodes, links: Links) -> Side:
        """What the masks keep; of cast or actions that are none there is one node, of zeros."""
        out, at = Side(), {kind: true_first(mask) for kind, (_, mask) in nodes.items()}
        for kind, (features, mask) in nodes.items():
            there = mask.take_along_dim(at[kind], 1)
            x = features.take_along_dim(at[kind][..., None], 1).masked_fill(~there[..., None], 0.0)
            nothing = ~there.any(1, keepdim=True) & (kind != APPEARANCE) & (at[kind] == 0)
            out.nodes[kind] = self.get_submodule(f"{side}_{kind}")(x)
            out.mask[kind] = there | nothing
        for kind, joined in links.items():
            real = nodes[CAST][1][:, :, None] & nodes[kind][1][:, None] & joined
            ends = real.take_along_dim(at[CAST][..., None], 1)
            out.links[kind] = ends.take_along_dim(at[kind][:, None], 2)
        return out

    def encode_text(self, captions: Captions) -> Side:
        """Sentences by their mean word, phrases and predicates by theirs."""
        sentences, graph, words = captions.sentences, captions.graph, self.words
        assert sentences is not None
        means = masked_mean(words(sentences.items.words), sentences.items.mask)
        appearance = pad_parts(means, sentences.owner, len(captions.words))
        if not self.config.graph:
            return self.embed("text", {APPEARANCE: appearance}, {})
        assert graph is not None
        members = (graph.members & captions.mask[:, None]).float()
        count = members.sum(2, keepdim=True)
        x, role = members @ words(captions.words) / count.clamp(min=1), graph.role[..., None]
        agents = (role == torch.tensor(AGENTS, device=role.device)).any(2) & (count[..., 0] > 0)
        predicates = (graph.role == PREDICATE) & (count[..., 0] > 0)
        does = graph.argument.mT & agents[..., None]  # D3
        together = (does.float() @ does.float().mT > 0).triu(1)
        nodes = {APPEARANCE: appearance, CAST: (x, agents), ACTION: (x, predicates)}
        return self.embed("text", nodes, {CAST: together, ACTION: does})

    def encode_video(self, clips: Clips) -> Side:
        """Frames as shots; cast and actions with the step of `motion` that they are in."""
        appearance = clips.features["frames"], clips.mask["frames"]
        if not self.config.graph:
            return self.embed("video", {APPEARANCE: appearance}, {})
        x, mask = clips.features[self.cast], clips.mask[self.cast]
        at = sample_uniform(mask, self.config.max_cast)
        share = (at + 0.5) / mask.sum(1, keepdim=True).clamp(min=1)
        x, mask = x.take_along_dim(at[..., None], 1), mask.take_along_dim(at, 1)
        when = x[..., -1] if self.cast == "regions" else share  # of the video
        motion, moves = clips.features["motion"], clips.mask["motion"]
        step = (when * moves.sum(1, keepdim=True)).long()
        near = ((step[:, :, None] - step[:, None]).abs() <= 1).triu(1)
        does = step[..., None] == torch.arange(motion.shape[1], device=x.device)
        nodes = {APPEARANCE: appearance, CAST: (x, mask), ACTION: (motion, moves)}
        return self.embed("video", nodes, {CAST: near | near.mT, ACTION: does})

    def event_flow(self, text: Side, video: Side) -> Scores:
        """A shot serves one sentence at most, and none before that of an earlier shot."""
        if self.config.flow == "pooled":
            t, v = (masked_mean(s.nodes[APPEARANCE], s.mask[APPEARANCE]) for s in (text, video))
            return F.normalize(t, dim=1) @ F.normalize(v, dim=1).mT
        c = cosines(text, video, APPEARANCE)[0].clamp(min=0)
        if self.config.flow == "any-order":
            total = c.amax(2).sum(2)
        else:
            V = torch.zeros_like(c[..., 0])
            for shot in c.unbind(3):
                V = (V + shot).cummax(2).values  # Eq. (2?)
            total = V[..., -1]
        return total / video.mask[APPEARANCE].sum(1).clamp(min=1)  # Eq. (3?), D5

    def graph(self, text: Side, video: Side) -> Scores:
        """Matched nodes and matched edges, for each node of the synopsis."""
        y, value = {}, {}
        for kind, weight in ((CAST, 1.0), (ACTION, self.config.action_weight)):
            c, there = cosines(text, video, kind)
            y[kind] = self.match(c.detach(), there).float()  # D4
            value[kind] = weight * (y[kind] * c).sum(3)
        total = value[CAST].sum(2) + value[ACTION].sum(2)  # Eq. (5?)
        for kind in (CAST, ACTION):
            there = y[CAST] @ video.links[kind].float() @ y[kind].mT * text.links[kind][:, None]
            ends = value[CAST][..., None] + value[kind][:, :, None]
            total = total + (there * ends / 2).sum((2, 3))  # Eq. (6?)
        count = text.mask[CAST].sum(1) + text.mask[ACTION].sum(1)
        return total / count[:, None].clamp(min=1)  # Eq. (7?)

    def match(self, c: Pairs, there: Bool[Tensor, "t v n m"]) -> Bool[Tensor, "t v n m"]:
        """y: positive cosines alone, the greatest sum of them."""
        return assign(c, there)

    def similarity(self, text: Side, video: Side) -> Scores:
        """The graph and the event flow; the event flow alone where there is no graph."""
        flow, c = self.event_flow(text, video), self.config
        return self.graph(text, video) + c.flow_weight * flow if c.graph else flow  # Eq. (8?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Zeros of the diagonal count in the mean."""
        return sum(hinge_terms(self(batch), self.config.margin)).mean()  # Eq. (9?)


def cosines(text: Side, video: Side, kind: str) -> tuple[Pairs, Bool[Tensor, "t v n m"]]:
    """Of all nodes of a kind, zero at the padding, and which pairs there are."""
    x, y = (F.normalize(s.nodes[kind], dim=2, eps=1e-12) for s in (text, video))
    there = text.mask[kind][:, None, :, None] & video.mask[kind][:, None]
    return torch.einsum("tnd,vmd->tvnm", x, y) * there, there


Model = MovieSynopsis
