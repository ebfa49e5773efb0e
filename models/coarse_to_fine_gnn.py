"""Coarse-to-fine graph networks, designed here after a title.

Wang, Gao, Yang, Xu. "Learning Coarse-to-Fine Graph Neural Networks for Video-Text Retrieval."
IEEE Transactions on Multimedia 2020.            Record: data/papers.yaml, wang2020coarse

Neither the paper nor its abstract could be read: all that follows is our reading of its title. A
coarse graph joins the stretches of a video, or of a sentence, and gives a vector of the whole. A fine
graph joins frames and regions, or words, each of which has first received that vector. Wholes are
matched with wholes, words with the frames they fit.

Symbols
    x, c   fine nodes, coarse nodes                 E        edges of a graph
    g      the whole: mean of the coarse nodes      S        scores

Equations (all ours)
    (1?)   x: affine maps of frames and of regions; for      CoarseToFine.mapped
           words the states of a GRU
    (2?)   c: means of the stretches of x                    stretches
    (3?)   E: softmax of the products of two linear maps     GraphLayer.edges
    (4?)   graph convolution: norm(x + ReLU(W E x))          GraphLayer.forward
    (5?)   g: mean of c after the coarse graph               Graphs.forward
    (6?)   x + g enters the fine graph                       Graphs.forward
    (7?)   local score: mean over words of the cosine of     CoarseToFine.local
           the nearest frame or region
    (8?)   S: cosine of both g + weight x local score        CoarseToFine.similarity
    (9?)   triplet loss with the hardest negatives           CoarseToFine.loss

Departures (from a paper that was not read)
    D1  the whole design: what the nodes are, how levels are joined and scored.
    D2  sizes, numbers of layers and stretches, the weight of the local score.
    D3  loss and recipe are Dual Encoding's.
    D4  word vectors start at random.
    D5  in the small benchmark all negatives count, not the hardest one alone, which stalls there.

No code was released and no number of the paper is compared. A reader with the article can send its
equations. Claims, which are the title's promise: the record.
What is tested: tests/models/test_coarse_to_fine_gnn.py
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_mean, masked_softmax
from models.parts.recipe import recipe
from models.parts.spaces import affine_space
from models.parts.temporal import gru_states, take_uniform, trim_padding

Nodes: TypeAlias = Float[Tensor, "b n d"]
Present: TypeAlias = Bool[Tensor, "b n"]
COARSE, FINE = "coarse", "fine"
CHUNK = 32  # captions whose words meet all frames at a time


@dataclass(frozen=True)
class Config:
    """Our choices, D2."""

    word_dim: int = 500
    common: int = 1024
    levels: tuple[str, ...] = (COARSE, FINE)  # one or both
    stretches: int = 4  # coarse nodes of a side
    coarse_layers: int = 1
    fine_layers: int = 2
    edges: bool = True  # else every node reads itself alone
    local_weight: float = 1.0
    max_frames: int = 64  # evenly spread; regions too
    dropout: float = 0.2
    margin: float = 0.2
    all_negatives_epochs: int = 0  # epochs before the hardest negative counts alone

    @classmethod
    def small(cls) -> "Config":
        """Sizes for the synthetic benchmark."""
        return cls(word_dim=64, common=128, max_frames=16, all_negatives_epochs=10)  # D5


class Side(NamedTuple):
    """Captions or videos: the whole, and the fine nodes, where the level is there."""

    whole: Float[Tensor, "b d"] | None
    nodes: Float[Tensor, "b n d"] | None
    mask: Bool[Tensor, "b n"]


def stretches(
    x: Nodes, mask: Present, count: int
) -> tuple[Float[Tensor, "b parts d"], Bool[Tensor, "b parts"]]:
    """Means of so many consecutive stretches of the true steps; of fewer steps some are not there.

    The mask is True first, then False.
    """
    step = torch.arange(x.shape[1], device=x.device)
    part = step * count // mask.sum(1, keepdim=True).clamp(min=1)
    within = (part[:, None] == torch.arange(count, device=x.device)[:, None]) & mask[:, None]
    size = within.sum(2)
    return within.to(x.dtype) @ x / size.clamp(min=1)[..., None], size > 0  # Eq. (2?)


class GraphLayer(nn.Module):
    """One graph convolution; every two nodes are joined."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        d = config.common
        self.joined = config.edges
        if self.joined:
            self.source, self.target = (nn.Linear(d, d, bias=False) for _ in range(2))
        self.message, self.norm = nn.Linear(d, d, bias=False), nn.LayerNorm(d)

    def edges(self, x: Nodes, mask: Present) -> Float[Tensor, "b n n"]:
        """E [i, j]: from node j to node i; nothing comes from the padding."""
        scores = self.source(x) @ self.target(x).mT / x.shape[2] ** 0.5
        return masked_softmax(scores, mask[:, None])  # Eq. (3?)

    def forward(self, x: Nodes, mask: Present) -> Nodes:
        """The nodes after one round of messages."""
        read = self.edges(x, mask) @ x if self.joined else x
        return self.norm(x + F.relu(self.message(read)))  # Eq. (4?)


class Graphs(nn.Module):
    """Both graphs of one side."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        layers = {COARSE: config.coarse_layers, FINE: config.fine_layers}
        self.level = nn.ModuleDict(
            {
                name: nn.ModuleList(GraphLayer(config) for _ in range(layers[name]))
                for name in config.levels
            }
        )
        self.stretches = config.stretches

    def run(self, level: str, x: Nodes, mask: Present) -> Nodes:
        """All layers of a graph."""
        for layer in self.level[level]:
            x = layer(x, mask)
        return x

    def forward(
        self,
        x: Nodes,
        mask: Present,
        more: tuple[Float[Tensor, "b m d"], Bool[Tensor, "b m"]] | None = None,
    ) -> Side:
        """`more`: fine nodes in no order, which no stretch has."""
        whole = None
        if COARSE in self.level:
            c, there = stretches(x, mask, self.stretches)
            whole = masked_mean(self.run(COARSE, c, there), there)  # Eq. (5?)
        if FINE not in self.level:
            return Side(whole, None, mask)
        if more is not None:
            x, mask = torch.cat([x, more[0]], 1), torch.cat([mask, more[1]], 1)
        if whole is not None:
            x = x + whole[:, None]  # Eq. (6?)
        return Side(whole, self.run(FINE, x, mask), mask)


class CoarseToFine(RetrievalModel):
    """Stretches first, then what they are made of."""

    Config = Config
    views = frozenset({"words", "frames"})
    optional = frozenset({"regions"})
    recipe = recipe(
        optimiser="adam",
        learning_rate=1e-4,
        batch_size=128,
        epochs=50,
        clip_norm=2.0,
        lr_decay=0.99,
        lr_patience=3,
        lr_rule="since-change",
        early_stopping_patience=10,
    )  # D3
    small_recipe = recipe.but(learning_rate=1e-3, epochs=10, early_stopping_patience=4)
    variants: ClassVar = {
        "full": {},
        "coarse": {"levels": (COARSE,)},
        "fine": {"levels": (FINE,)},
        "no-graph": {"edges": False},
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c = config
        self.words = nn.Embedding(data.vocabulary, c.word_dim)
        nn.init.normal_(self.words.weight, std=c.word_dim**-0.5)  # D4
        self.gru = nn.GRU(c.word_dim, c.common // 2, batch_first=True, bidirectional=True)
        read = [name for name in ("frames", "regions") if name in data.dims]
        if FINE not in c.levels:
            read = ["frames"]  # regions are fine nodes alone
        self.maps = nn.ModuleDict({name: affine_space(data.dims[name], c.common) for name in read})
        self.graphs = nn.ModuleDict({side: Graphs(c) for side in ("text", "video")})  # D1
        self.dropout, self.all_negatives = nn.Dropout(c.dropout), False

    def on_epoch(self, epoch: int) -> None:
        """The first epochs count all negatives."""
        self.all_negatives = epoch < self.config.all_negatives_epochs  # D5

    def words_of(self, captions: Captions) -> tuple[Nodes, Present]:
        """x of the captions."""
        words, mask = trim_padding(captions.words, captions.mask)
        return gru_states(self.gru, self.dropout(self.words(words)), mask), mask

    def mapped(self, clips: Clips, name: str) -> tuple[Nodes, Present]:
        """Frames or regions, zero at the padding."""
        x, mask = take_uniform(clips.features[name], clips.mask[name], self.config.max_frames)
        x = self.dropout(self.maps[name](x))  # Eq. (1?)
        return x.masked_fill(~mask[..., None], 0.0), mask

    def encode_text(self, captions: Captions) -> Side:
        """Of stretches of words, and of words."""
        return self.graphs["text"](*self.words_of(captions))

    def encode_video(self, clips: Clips) -> Side:
        """Of stretches of frames, and of frames and regions."""
        more = self.mapped(clips, "regions") if "regions" in self.maps else None
        return self.graphs["video"](*self.mapped(clips, "frames"), more)

    def local(
        self, x: Nodes, mask: Present, y: Float[Tensor, "v m d"], there: Bool[Tensor, "v m"]
    ) -> Float[Tensor, "b v"]:
        """Of words x with nodes y of videos; zero where either side has nothing."""
        cosines = torch.einsum("tnd,vmd->tnvm", F.normalize(x, dim=2), F.normalize(y, dim=2))
        nearest = cosines.masked_fill(~there, float("-inf")).amax(3)
        nearest = nearest.masked_fill(~(mask[..., None] & there.any(1)), 0.0)
        return nearest.sum(1) / mask.sum(1, keepdim=True).clamp(min=1)  # Eq. (7?)

    def similarity(self, text: Side, video: Side) -> Float[Tensor, "t v"]:
        """S."""
        scores = torch.zeros(len(text.mask), len(video.mask), device=text.mask.device)
        if text.whole is not None and video.whole is not None:
            scores = F.normalize(text.whole, dim=1) @ F.normalize(video.whole, dim=1).mT
        if text.nodes is None or video.nodes is None:
            return scores
        rows = zip(text.nodes.split(CHUNK), text.mask.split(CHUNK), strict=True)
        local = [self.local(x, mask, video.nodes, video.mask) for x, mask in rows]
        return scores + self.config.local_weight * torch.cat(local)  # Eq. (8?), D2

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Another caption of the same video in the batch counts as a negative."""
        by_caption, by_video = hinge_terms(self(batch), self.config.margin)
        if self.all_negatives:
            return (by_caption.sum() + by_video.sum()) / max(len(by_caption) - 1, 1)
        return by_caption.amax(1).sum() + by_video.amax(0).sum()  # Eq. (9?)


Model = CoarseToFine
