"""Collaborative Experts (CE).

Liu, Albanie, Nagrani, Zisserman. "Use What You Have: Video Retrieval Using Representations From
Collaborative Experts." BMVC 2019, arXiv:1907.13487v2.        Record: data/papers.yaml, liu2019ce

Each expert of a video is gated by messages from the other experts of that video. The sentence
weighs the experts, as in the mixture of embedding experts that this paper extends.

Symbols
    h      pooled sentence                  e_i    expert i, projected, of m
    T_i    aggregated messages to expert i  t_i, v_i   both sides in the space of expert i

Equations (numbers of the corrected arXiv text; a letter: a step without a number there)
    (1)    T_i = h(sum over j of g(e_i, e_j))             Collaboration.forward
    (2)    v_i: e_i * sigmoid(T_i), to unit length        CE.gated
    (3)    bidirectional max-margin loss, all negatives   CE.loss
    (a)    NetVLAD, with ghost clusters (§3.1)            parts.netvlad.NetVLAD.forward (4)
    (b)    e_i, linear map of the feature (§3.1)          CE.projected
    (c)    w, softmax of a linear layer over h (§3.2)     CE.encode_text
    (d)    score, w over the experts there are (§3.2.1)   CE.similarity

Departures
    D1  word vectors are learnt from a random start; the authors' come from GPT, fixed.
    D2  the synthetic benchmark has five of nine experts; those without NetVLAD are means, as in the
        text.
    D3  as configured in the released code: j of (1) counts i itself, T_i is a mean and not a sum, h
        is empty, one sigmoid holds both gates, the loss is a mean and not a sum over B.

The released code: models/official/collaborative_experts.py. Claims and reported numbers: the
record. What is tested: tests/models/test_collaborative_experts.py
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.gating import ContextGate, GatedUnit
from models.parts.losses import hinge_terms
from models.parts.netvlad import NetVLAD
from models.parts.normalisation import CallwiseBatchNorm
from models.parts.pooling import masked_mean
from models.parts.recipe import recipe

Sizes: TypeAlias = tuple[tuple[str, int], ...]  # by expert


@dataclass(frozen=True)
class Config:
    """The authors' MSR-VTT configuration."""

    word_dim: int = 768
    text_clusters: int = 28
    ghosts: int = 1  # clusters of the text that take their share and are dropped
    clusters: Sizes = (("audio", 8), ("ocr", 43), ("speech", 19))  # the others: mean of the steps
    gating: str = "collaborative"  # own: by e_i alone; none: units of MEE; concat: no spaces
    shared: int = 768  # of every space; without gating each is as wide as its feature
    g_layers: int = 3
    h_layers: int = 0
    include_self: bool = True  # D3
    mixture: str = "learned"  # uniform: every expert has the same weight
    margin: float = 0.09381161988446174

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        clusters = (("audio", 4), ("ocr", 4), ("speech", 4))
        return cls(word_dim=64, text_clusters=8, clusters=clusters, shared=128)


def mlp(n: int, dim: int) -> nn.Sequential:
    """Batch norm, Mish and an affine map, `n` times."""
    layers = ((CallwiseBatchNorm(dim), nn.Mish(), nn.Linear(dim, dim)) for _ in range(n))
    return nn.Sequential(*(layer for block in layers for layer in block))


class Collaboration(nn.Module):
    """Messages between the experts of a video."""

    def __init__(self, config: Config, experts: int) -> None:
        super().__init__()
        self.include_self = config.include_self
        self.pair = nn.Linear(2 * config.shared, config.shared)
        self.g = mlp(config.g_layers - 1, config.shared)
        self.h = mlp(config.h_layers, config.shared)
        self.norm = nn.ModuleList(nn.BatchNorm1d(config.shared) for _ in range(experts))

    def forward(
        self, e: Float[Tensor, "v m d"], present: Float[Tensor, "v m"], receivers: Sequence[int]
    ) -> Float[Tensor, "v r d"]:
        """T of the receivers; the messages to and from a missing expert count as zeros.

        g and h are called for every ordered pair and every receiver, each over the rows of the
        batch: their batch norms have the statistics of one call.
        """
        senders = range(e.shape[1])
        pairs = [(r, j) for r in receivers for j in senders if self.include_self or j != r]
        i, j = torch.tensor(pairs, dtype=torch.long, device=e.device).view(-1, 2).T
        of_receiver, of_sender = (e @ half.mT for half in self.pair.weight.chunk(2, dim=1))
        message = self.g(of_receiver[:, i] + of_sender[:, j] + self.pair.bias)  # (v, pairs, d)
        neighbour_mask = (present[:, i] * present[:, j])[..., None]
        to = (torch.tensor(receivers, device=e.device)[:, None] == i).to(e.dtype)  # (r, pairs)
        mean = to @ (neighbour_mask * message) / (to @ neighbour_mask + 1e-11)
        return self.h(mean)  # Eq. (1), D3


@dataclass
class Side:
    """Captions or videos, in the space of each expert."""

    embedding: tuple[Float[Tensor, "b _"], ...]  # t_i or v_i
    share: Float[Tensor, "b m"]  # w of a caption; 1 or 0 for what a video has or lacks


class CE(RetrievalModel):
    """Experts that gate one another, and a sentence that weighs them."""

    version = 2  # g has batch statistics of each pair; the best t2v geometric mean is kept
    Config = Config
    views = frozenset({"words", "frames"})
    optional = frozenset(
        {"motion", "audio", "face", "ocr", "speech", "scene", "i3d", "r2p1d"}
        | {"imagenet.resnext101", "imagenet.senet154"}
    )
    recipe = recipe(
        optimiser="ranger",
        learning_rate=0.1,
        weight_decay=1e-3,
        batch_size=64,
        epochs=100,
        lr_decay=0.95,
        captions_per_video=1,
        select="t2v geometric-mean",
    )
    # An epoch has ten captions per video: 120 passes over the videos, where the authors make 100.
    small_recipe = recipe.but(learning_rate=0.01, batch_size=128, epochs=12, captions_per_video=10)
    variants: ClassVar = {
        "full": {},
        "own-gates": {"gating": "own"},
        "no-gating": {"gating": "none"},
        "uniform": {"gating": "none", "mixture": "uniform"},
        "concat": {"gating": "concat"},
        "no-self": {"include_self": False},
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c, dims, pools = config, data.dims, dict(config.clusters)
        self.words = nn.Embedding(data.vocabulary, c.word_dim)
        nn.init.normal_(self.words.weight, std=c.word_dim**-0.5)  # D1
        self.text_pooling = NetVLAD(c.word_dim, c.text_clusters, c.ghosts)
        self.pooling = nn.ModuleDict(
            {n: NetVLAD(d, pools[n]) for n, d in dims.items() if n in pools}
        )
        h, widths = c.word_dim * c.text_clusters, [d * pools.get(n, 1) for n, d in dims.items()]
        self.concat_dim = min(h, sum(widths))
        if c.gating == "concat":
            return
        spaces = self.space_widths()
        unit = GatedUnit if c.gating == "none" else nn.Linear
        self.video_unit = nn.ModuleList(map(unit, widths, spaces))
        self.text_unit = nn.ModuleList(GatedUnit(h, d) for d in spaces)
        if c.gating != "none":
            self.gate = nn.ModuleList(ContextGate(d) for d in spaces)
        if c.gating == "collaborative":
            self.collaboration = Collaboration(c, len(spaces))
        if c.mixture == "learned":
            self.mixture = nn.Linear(h, len(spaces))

    def space_widths(self) -> tuple[int, ...]:
        """Of the space of each expert."""
        dims = tuple(self.data.dims.values())
        return dims if self.config.gating == "none" else (self.config.shared,) * len(dims)

    def encode_text(self, captions: Captions) -> Side:
        """t_i and w."""
        h = self.text_pooling(self.words(captions.words), captions.mask)
        if self.config.gating == "concat":
            return Side((h[:, : self.concat_dim],), h.new_ones(len(h), 1))
        w = h.new_full((len(h), len(self.text_unit)), 1 / len(self.text_unit))
        if self.config.mixture == "learned":
            w = self.mixture(h).softmax(1)  # Eq. (c)
        return Side(tuple(unit(h) for unit in self.text_unit), w)

    def pooled(self, name: str, clips: Clips) -> Float[Tensor, "v _"]:
        """One vector of an expert's steps."""
        x, mask = clips.features[name], clips.mask[name]
        if name in self.pooling:
            return self.pooling[name](x, mask)
        return masked_mean(x, mask)  # D2

    def projected(self, x: list[Tensor]) -> list[Float[Tensor, "v _"]]:
        """e_i of every expert; without gating the units of MEE give v_i itself."""
        units = zip(self.video_unit, x, strict=True)
        return [F.normalize(unit(one), dim=1) for unit, one in units]  # Eq. (b)

    def messages(
        self, e: list[Tensor], present: Float[Tensor, "v m"], receivers: Sequence[int]
    ) -> list[Float[Tensor, "v d"]]:
        """T_i of the receivers, batch-normalised; zeros where an expert has only its own gate."""
        if self.config.gating == "own":
            return [torch.zeros_like(e[i]) for i in receivers]
        T = self.collaboration(torch.stack(e, 1), present, receivers)
        norm = self.collaboration.norm
        return [norm[i](T_i) for i, T_i in zip(receivers, T.unbind(1), strict=True)]

    def gated(
        self, i: int, e_i: Float[Tensor, "v d"], T_i: Float[Tensor, "v d"]
    ) -> Float[Tensor, "v d"]:
        """v_i."""
        gate = self.gate[i]
        opening = gate.norm(gate.affine(e_i)) + T_i  # D3
        return F.normalize(e_i * opening.sigmoid(), dim=1)  # Eq. (2)

    def contextual(self, e: list[Tensor], present: Float[Tensor, "v m"]) -> list[Tensor]:
        """v_i of every expert, all gated by messages of the ungated e_j."""
        T = self.messages(e, present, range(len(e)))
        return [self.gated(i, e[i], T[i]) for i in range(len(e))]

    def encode_video(self, clips: Clips) -> Side:
        """v_i, and the experts that each video has."""
        gating, names = self.config.gating, list(self.data.dims)
        x = [self.pooled(name, clips) for name in names]
        present = torch.stack([clips.mask[name].any(1) for name in names], 1).to(x[0].dtype)
        if gating == "concat":
            return Side((torch.cat(x, 1)[:, : self.concat_dim],), torch.ones_like(present[:, :1]))
        e = self.projected(x)
        return Side(tuple(e if gating == "none" else self.contextual(e, present)), present)

    def similarity(self, text: Side, video: Side) -> Float[Tensor, "t v"]:
        """Scores; 0 for a video without any expert."""
        pairs = zip(text.embedding, video.embedding, strict=True)
        cosines = torch.stack([t @ v.T for t, v in pairs])
        weight = torch.einsum("tm,vm->mtv", text.share, video.share)
        return (weight * cosines).sum(0) / weight.sum(0).clamp(min=1e-12)  # Eq. (d)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """The mean over the wrong pairs of both directions."""
        by_caption, by_video = hinge_terms(self(batch), self.config.margin)
        b = len(by_caption)
        return (by_caption.sum() + by_video.sum()) / (2 * b * (b - 1))  # Eq. (3), D3


Model = CE
