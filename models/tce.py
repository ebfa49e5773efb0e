"""Tree-augmented cross-modal encoding (TCE).

Yang, Dong, Cao, Wang, Wang, Chua. "Tree-Augmented Cross-Modal Encoding for Complex-Query Video
Retrieval." SIGIR 2020, arXiv:2007.02503.        Record: data/papers.yaml, yang2020tree

A long query has a structure that a sequence loses. Its words are merged two by two, the best pair
first, until one node is left: a tree that no parser tells. The query attends to all its nodes.

Symbols
    h, c   state and cell of a node                 M    memory, K learnt slots
    l, r   two neighbouring nodes                   g    what a node reads from the memory
    u, W   weights of an attention                  a    share of a node, of a frame
    S      scores                                   m    margin

Equations (read: abstract and first lines of the introduction; the paper was not at hand: numbers are
ours and stand for the steps of the method)
    (1?)   leaves: states and cells of an LSTM over the words     TCE.leaves
    (2?)   parent of l and r: binary Tree-LSTM                    TreeLSTM.parents
    (3?)   g: softmax(h M^T) M                                    NodeScore.forward
    (4?)   score of a parent: w^T tanh(W [h ; g])                 NodeScore.forward
    (5?)   the pair that is merged: the best, drawn in training   choose
    (6?)   next layer: left of the pair, parent, right of it      merge
    (7?)   a: softmax(u^T tanh(W h)), q: sum of a h               AttentivePooling.forward
    (8?)   q over all nodes of the tree                           TCE.query
    (9?)   frames: self-attention, biGRU, (7?) over its states    TCE.frames
    (10?)  affine map, batch norm, unit length; S: cosines        TCE.space
    (11?)  triplet loss with the hardest negatives                TCE.loss

The abstract states a latent tree composed recursively, a structure-aware query vector, a temporal
attentive video encoder and a joint space. All equations are ours.

Departures
    D1  (1?) to (6?) follow Gumbel Tree-LSTM (Choi, Yoo, Lee, AAAI 2018, arXiv:1707.02786); the
        gradient of the choice goes straight through.
    D2  the form and the size of the memory in (3?) and (4?) are ours.
    D3  (7?), the order of (9?), widths, margin and recipe are ours, the last as in Dual Encoding.
    D4  word vectors start at random. The tokens that begin and end a caption are leaves too.

No public code was found. Claims: the record. What is tested: tests/models/test_tce.py
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.parts.attention import CrossAttention
from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import hardest, hinge_terms
from models.parts.pooling import masked_mean, masked_softmax
from models.parts.recipe import recipe
from models.parts.spaces import affine_space
from models.parts.temporal import gru_states, trim_padding

Nodes: TypeAlias = tuple[Float[Tensor, "b n d"], Float[Tensor, "b n d"]]  # states, cells
Parents: TypeAlias = tuple[Float[Tensor, "b p d"], Float[Tensor, "b p d"]]  # of every pair


@dataclass(frozen=True)
class Config:
    """Ours, D2 and D3: the sizes could not be read."""

    word_dim: int = 300
    hidden: int = 512  # of a node
    slots: int = 64  # K; 0: a parent is scored by a linear map of its state
    frame_hidden: int = 512  # in self-attention, and of both directions of the GRU
    heads: int = 8
    common: int = 1024
    tree: str = "latent"  # right: the last pair is merged first; none: leaves alone
    nodes: str = "all"  # root: the root is the query
    temporal: bool = True  # else the mean of the frames
    temperature: float = 1.0  # of the draw
    margin: float = 0.2

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(64, 64, slots=16, frame_hidden=64, heads=4, common=256)


class TreeLSTM(nn.Module):
    """Two neighbours become one node."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.affine = nn.Linear(2 * dim, 5 * dim)

    def parents(self, nodes: Nodes) -> Parents:
        """The parent of each node and the next one."""
        h, c = nodes
        gates = self.affine(torch.cat([h[:, :-1], h[:, 1:]], 2))
        i, f_l, f_r, o, new = gates.chunk(5, 2)
        cell = f_l.sigmoid() * c[:, :-1] + f_r.sigmoid() * c[:, 1:] + i.sigmoid() * new.tanh()
        return o.sigmoid() * cell.tanh(), cell  # Eq. (2?)


class NodeScore(nn.Module):
    """How good a node is, by what the memory has of it."""

    def __init__(self, dim: int, slots: int) -> None:
        super().__init__()
        if slots:
            self.memory = nn.Parameter(torch.randn(slots, dim) * dim**-0.5)
            self.hidden = nn.Linear(2 * dim, dim)
        self.out = nn.Linear(dim, 1, bias=False)

    def forward(self, h: Float[Tensor, "b n d"]) -> Float[Tensor, "b n"]:
        """A score per node."""
        if hasattr(self, "memory"):
            g = (h @ self.memory.mT).softmax(2) @ self.memory  # Eq. (3?), D2
            h = self.hidden(torch.cat([h, g], 2)).tanh()
        return self.out(h)[..., 0]  # Eq. (4?)


class AttentivePooling(nn.Module):
    """A mean of states, weighted by an attention."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(dim, dim), nn.Linear(dim, 1, bias=False)

    def forward(self, h: Float[Tensor, "b n d"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b d"]:
        """Over what the mask keeps; zeros where it keeps nothing."""
        a = masked_softmax(self.out(self.hidden(h).tanh())[..., 0], mask)
        return (a[..., None] * h).sum(1)  # Eq. (7?)


class TCE(RetrievalModel):
    """A latent tree over the words, attention over time."""

    Config = Config
    views = frozenset({"words", "frames"})
    recipe = recipe(
        optimiser="adam", learning_rate=1e-4, batch_size=128, epochs=50, clip_norm=2.0
    )  # D3
    small_recipe = recipe.but(learning_rate=1e-3, epochs=10, captions_per_video=5)
    variants: ClassVar = {
        "full": {},
        "lstm": {"tree": "none"},
        "right": {"tree": "right"},
        "root": {"nodes": "root"},
        "no-memory": {"slots": 0},
        "mean": {"temporal": False},
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c, frame = config, data.dims["frames"]
        self.words = nn.Embedding(data.vocabulary, c.word_dim)
        nn.init.uniform_(self.words.weight, -0.1, 0.1)  # D4
        self.leaf = nn.LSTMCell(c.word_dim, c.hidden)
        if c.tree != "none":
            self.cell = TreeLSTM(c.hidden)
        if c.tree == "latent":
            self.score = NodeScore(c.hidden, c.slots)
        if c.nodes == "all":
            self.text_pool = AttentivePooling(c.hidden)
        self.text_space = self.space(c.hidden)
        if c.temporal:
            inner = c.frame_hidden
            self.embed = nn.Linear(frame, inner)
            self.attention = CrossAttention(inner, inner, inner, c.heads, dropout=0.0)
            self.gru = nn.GRU(inner, inner // 2, batch_first=True, bidirectional=True)
            self.video_pool = AttentivePooling(inner)
        self.video_space = self.space(c.frame_hidden if c.temporal else frame)

    def space(self, width: int) -> nn.Sequential:
        """The last layer of a side; unit length follows in the encoders."""
        c = self.config.common
        return affine_space(width, c, nn.BatchNorm1d(c))  # Eq. (10?)

    def leaves(self, captions: Captions) -> tuple[Nodes, Bool[Tensor, "b n"]]:
        """A node per word, and their mask."""
        words, mask = trim_padding(captions.words, captions.mask)
        states: list[tuple[Tensor, Tensor]] = []
        for x in self.words(words).unbind(1):
            states.append(self.leaf(x, states[-1] if states else None))  # Eq. (1?)
        h, c = (torch.stack(part, 1) for part in zip(*states, strict=True))
        return (h, c), mask

    def pick(self, parents: Parents, may: Bool[Tensor, "b p"]) -> Float[Tensor, "b p"]:
        """One-hot rows: which pair of each caption is merged."""
        if self.config.tree == "right":
            return (may & ~F.pad(may, (0, 1))[:, 1:]).to(parents[0].dtype)
        return choose(self.score(parents[0]), may, self.config.temperature, noisy=self.training)

    def query(self, captions: Captions) -> Float[Tensor, "t d"]:
        """q, or the root."""
        nodes, mask = self.leaves(captions)
        tree = [(nodes[0], mask)]
        while self.config.tree != "none" and mask.shape[1] > 1:
            parents, may = self.cell.parents(nodes), mask[:, 1:]
            picked = self.pick(parents, may)
            parent = (picked[..., None] * parents[0]).sum(1, keepdim=True)
            tree.append((parent, may[:, :1]))
            nodes, mask = merge(nodes, parents, picked), torch.cat([mask[:, :1], mask[:, 2:]], 1)
        if self.config.nodes == "root":
            return nodes[0][:, 0]
        h, there = (torch.cat(part, 1) for part in zip(*tree, strict=True))
        return self.text_pool(h, there)  # Eq. (8?)

    def frames(self, clips: Clips) -> Float[Tensor, "v d"]:
        """A video before its space."""
        x, mask = clips.features["frames"], clips.mask["frames"]
        if not self.config.temporal:
            return masked_mean(x, mask)
        x, mask = trim_padding(x, mask)
        x = self.embed(x.masked_fill(~mask[..., None], 0.0))
        states = gru_states(self.gru, self.attention(x, x, mask), mask)
        return self.video_pool(states, mask)  # Eq. (9?), D3

    def encode_text(self, captions: Captions) -> Float[Tensor, "t c"]:
        """Captions in the joint space."""
        return F.normalize(self.text_space(self.query(captions)), dim=1)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v c"]:
        """Videos in the joint space."""
        return F.normalize(self.video_space(self.frames(clips)), dim=1)

    def similarity(
        self, text: Float[Tensor, "t c"], video: Float[Tensor, "v c"]
    ) -> Float[Tensor, "t v"]:
        """S."""
        return text @ video.mT

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Sum over the batch; another caption of the same video counts as a negative."""
        by_caption, by_video = hardest(*hinge_terms(self(batch), self.config.margin))
        return by_caption.sum() + by_video.sum()  # Eq. (11?)


def choose(
    scores: Float[Tensor, "b n"], may: Bool[Tensor, "b n"], temperature: float, *, noisy: bool
) -> Float[Tensor, "b n"]:
    """One-hot rows with the gradient of a softmax; zeros where nothing may be chosen.

    `noisy`: drawn by the softmax, else the best.
    """
    noise = -torch.empty_like(scores).exponential_().log() if noisy else torch.zeros_like(scores)
    soft = masked_softmax((scores + noise) / temperature, may)
    best = F.one_hot(soft.argmax(1), scores.shape[1]) * may
    return best + (soft - soft.detach())  # Eq. (5?), D1


def merge(nodes: Nodes, parents: Parents, picked: Float[Tensor, "b p"]) -> Parents:
    """The next layer, one node less; a row in which nothing was picked keeps its first nodes."""
    after = picked.cumsum(1) - picked  # 1 behind the pair
    before = 1 - picked - after
    h, c = (
        before[..., None] * old[:, :-1] + picked[..., None] * new + after[..., None] * old[:, 1:]
        for old, new in zip(nodes, parents, strict=True)
    )
    return h, c  # Eq. (6?)


Model = TCE
