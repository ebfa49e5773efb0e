"""Collaborative Experts (CE).

Liu, Albanie, Nagrani, Zisserman. "Use What You Have: Video Retrieval Using Representations From
Collaborative Experts." BMVC 2019, arXiv:1907.13487v2.        Record: data/papers.yaml, liu2019ce

Each expert looks at the other experts of its video before it speaks: what they say together opens
its gate. The sentence weighs the experts, as in the mixture that this paper extends.

Symbols
    h      pooled sentence          e_i    expert i, projected, of m
    T_i    what the experts tell i  t_i, v_i   both sides in the space of expert i

Equations (numbers of the corrected arXiv text; a letter: a step that it tells without one)
    (1)    T_i = h(sum over j of g(e_i, e_j))               Collaboration.forward
    (2)    v_i: e_i * sigmoid(T_i), to unit length          CE.gated
    (3)    bidirectional max-margin loss, all negatives     CE.loss
    (a)    NetVLAD, with ghost clusters (§3.1)              NetVLAD.forward
    (b)    e_i, linear map of the feature (§3.1)            CE.projected
    (c)    w, softmax of a linear layer over h (§3.2)       CE.encode_text
    (d)    score, w over the experts there are (§3.2.1)    CE.similarity

Departures
    D1  word vectors are learnt from a random start; the authors' come from GPT, fixed.
    D2  the world has five of nine experts; those NetVLAD does not pool are means, as in the text.
    D3  as configured in the released code: j of (1) counts i itself, T_i is a mean and not a sum, h
        is empty, one sigmoid holds both gates, the loss is a mean and not a sum over B.

Quirks of the released code (albanie/collaborative-experts, Apache-2.0): `as_released`
    Q1  padded steps are pooled by NetVLAD as steps of zeros; a missing expert is all of them.
    Q2  experts are gated one after another: the later ones see the earlier ones gated already.
    Q3  the baseline without spaces scores 0 where the sentence is longer than the video's features.

Claims and reported numbers: the record. What is tested: tests/models/test_collaborative_experts.py
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.official._loading import load_renamed
from models.parts.batch import Captions, Clips
from models.parts.contract import RetrievalModel
from models.parts.gating import ContextGate, GatedUnit, official_unit
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_mean

Sizes: TypeAlias = tuple[tuple[str, int], ...]  # by expert

NINE = {"audio": 128, "face": 512, "i3d": 1024, "imagenet.resnext101": 2048}
NINE |= {"imagenet.senet154": 2048, "ocr": 300, "r2p1d": 512, "scene": 2208, "speech": 300}


@dataclass(frozen=True)
class Config:
    """Sizes of the authors' MSR-VTT configuration; `vocabulary` and `experts` are the data's."""

    vocabulary: int = 10_000  # word ids, the four special ones included
    experts: Sizes = tuple(NINE.items())  # and the widths of their features
    word_dim: int = 768
    text_clusters: int = 28
    ghosts: int = 1  # clusters of the text that take their share and are dropped
    clusters: Sizes = (("audio", 8), ("ocr", 43), ("speech", 19))  # the others: mean of the steps
    gating: str = "collaborative"  # own: by e_i alone; none: units of MEE; concat: no spaces
    shared: int = 768  # of every space
    widths: tuple[int, ...] = ()  # of the spaces without gating; (): as the features
    g_layers: int = 3
    h_layers: int = 0
    include_self: bool = True  # D3
    normed: bool = True  # whether g and h have batch normalisation
    nonlinearity: str = "mish"  # of g and h; relu
    mixture: str = "learned"  # uniform: every expert has the same weight
    missing: str = "left out"  # kept: all experts count one, absent ones too
    margin: float = 0.09381161988446174
    terms: str = "wrong pairs"  # all pairs: each with itself too
    as_released: bool = False  # Q1, Q2, Q3

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        clusters = (("audio", 4), ("ocr", 4), ("speech", 4))
        return cls(word_dim=64, text_clusters=8, clusters=clusters, shared=128)


class NetVLAD(nn.Module):
    """Steps of a sequence, pooled cluster by cluster; what ghosts are assigned is dropped."""

    def __init__(self, dim: int, clusters: int, ghosts: int = 0) -> None:
        super().__init__()
        self.clusters = nn.Parameter(torch.randn(dim, clusters + ghosts) / dim**0.5)
        self.centres = nn.Parameter(torch.randn(1, dim, clusters) / dim**0.5)
        self.norm = nn.BatchNorm1d(clusters + ghosts)

    def forward(
        self, x: Float[Tensor, "b steps dim"], mask: Bool[Tensor, "b steps"]
    ) -> Float[Tensor, "b dim_clusters"]:
        """Unit length; zeros for a row without a step."""
        norm, rows = self.norm, x[mask] @ self.clusters
        given = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
        rows = F.batch_norm(rows, *given, self.training and len(rows) > 1).softmax(1)
        a = x.new_zeros(*mask.shape, rows.shape[1])
        a[mask] = rows.to(a.dtype)
        a = a[..., : self.centres.shape[2]]  # Eq. (a)
        v = torch.einsum("bsk,bsd->bdk", a, x) - a.sum(1)[:, None] * self.centres  # Eq. (a)
        return F.normalize(F.normalize(v, dim=1).flatten(1), dim=1)  # Eq. (a)


def layers(n: int, config: Config) -> nn.Sequential:
    """So many times normalisation, nonlinearity, affine map."""
    found: list[nn.Module] = []
    for _ in range(n):
        found += [nn.BatchNorm1d(config.shared)] if config.normed else []
        found += [nn.Mish() if config.nonlinearity == "mish" else nn.ReLU()]
        found += [nn.Linear(config.shared, config.shared)]
    return nn.Sequential(*found)


class Collaboration(nn.Module):
    """What an expert is told by those that are present."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.include_self = config.include_self
        self.pair = nn.Linear(2 * config.shared, config.shared)
        self.g = layers(config.g_layers - 1, config)
        self.h = layers(config.h_layers, config)
        self.norm = nn.ModuleList(nn.BatchNorm1d(config.shared) for _ in config.experts)

    def forward(
        self, i: int, e: Float[Tensor, "v m d"], present: Float[Tensor, "v m"]
    ) -> Float[Tensor, "v d"]:
        """T_i, normalised; of an expert that is missing, what follows from a mean of zeros."""
        pairs = torch.cat([e[:, i, None].expand_as(e), e], dim=2).flatten(0, 1)
        heard = present * present[:, i, None]
        if not self.include_self:
            heard = heard * (torch.arange(heard.shape[1], device=heard.device) != i)
        said = heard[..., None] * self.g(self.pair(pairs)).view_as(e)
        told = self.h(said.sum(1) / (heard.sum(1, keepdim=True) + 1e-11))  # Eq. (1), D3
        return self.norm[i](told)


@dataclass
class Side:
    """Captions or videos, in the space of each expert."""

    embedding: tuple[Float[Tensor, "b _"], ...]  # t_i or v_i
    share: Float[Tensor, "b m"]  # w of a caption; 1 or 0 for what a video has or lacks


class CE(RetrievalModel):
    """Experts that listen to one another, and a sentence that says which of them to ask."""

    Config = Config
    needs = frozenset({"words", "frames"})
    optional = frozenset({"motion", *NINE})
    recipe = Recipe("ranger", 0.1, 64, 100, decay=0.95, weight_decay=1e-3, per_video=1)
    small_recipe = replace(recipe, learning_rate=0.01, batch_size=128, epochs=12, per_video=10)
    variants: ClassVar = {
        "full": {},
        "own-gates": {"gating": "own"},
        "no-gating": {"gating": "none"},
        "uniform": {"gating": "none", "mixture": "uniform"},
        "concat": {"gating": "concat"},
        "no-self": {"include_self": False},
        "as-released": {"as_released": True},
    }

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = c = config or Config()
        self.words = nn.Embedding(c.vocabulary, c.word_dim)
        nn.init.normal_(self.words.weight, std=c.word_dim**-0.5)  # D1
        self.text_pooling = NetVLAD(c.word_dim, c.text_clusters, c.ghosts)
        pools, h = dict(c.clusters), c.word_dim * c.text_clusters
        self.pooling = nn.ModuleDict({n: NetVLAD(d, pools[n]) for n, d in c.experts if n in pools})
        widths = [dim * pools.get(name, 1) for name, dim in c.experts]
        self.reach = min(h, sum(widths))  # of the baseline without spaces
        self.blind = c.as_released and h > sum(widths)  # Q3
        if c.gating == "concat":
            return
        raw = c.widths or tuple(dim for _, dim in c.experts)
        spaces = raw if c.gating == "none" else (c.shared,) * len(raw)
        unit = GatedUnit if c.gating == "none" else nn.Linear
        self.video_unit = nn.ModuleList(map(unit, widths, spaces))
        self.text_unit = nn.ModuleList(GatedUnit(h, d) for d in spaces)
        if c.gating != "none":
            self.gate = nn.ModuleList(ContextGate(d) for d in spaces)
        if c.gating == "collaborative":
            self.collaboration = Collaboration(c)
        if c.mixture == "learned":
            self.mixture = nn.Linear(h, len(spaces))

    def steps(
        self, x: Float[Tensor, "b steps dim"], mask: Bool[Tensor, "b steps"]
    ) -> tuple[Float[Tensor, "b steps dim"], Bool[Tensor, "b steps"]]:
        """Steps, zero in the padding, and which of them NetVLAD reads."""
        kept = torch.ones_like(mask) if self.config.as_released else mask  # Q1
        return x.masked_fill(~mask[..., None], 0.0), kept

    def encode_text(self, captions: Captions) -> Side:
        """t_i and w."""
        h = self.text_pooling(*self.steps(self.words(captions.words), captions.mask))
        if self.config.gating == "concat":
            return Side((h[:, : self.reach] * (not self.blind),), h.new_ones(len(h), 1))
        w = h.new_full((len(h), len(self.text_unit)), 1 / len(self.text_unit))
        if self.config.mixture == "learned":
            w = self.mixture(h).softmax(1)  # Eq. (c)
        return Side(tuple(unit(h) for unit in self.text_unit), w)

    def pooled(self, name: str, clips: Clips) -> Float[Tensor, "v _"]:
        """One vector of an expert's steps."""
        x, mask = clips.features[name], clips.mask[name]
        if name in self.pooling:
            return self.pooling[name](*self.steps(x, mask))
        return masked_mean(x, mask)  # D2

    def projected(self, x: list[Tensor]) -> list[Float[Tensor, "v _"]]:
        """e_i of every expert; without gating the experts of MEE, which are all there is."""
        units = zip(self.video_unit, x, strict=True)
        return [F.normalize(unit(one), dim=1) for unit, one in units]  # Eq. (b)

    def gated(self, e: list[Tensor], present: Tensor) -> list[Float[Tensor, "v d"]]:
        """v_i of every expert."""
        found = list(e)
        for i, gate in enumerate(self.gate):
            opening = gate.norm(gate.affine(e[i]))
            if self.config.gating == "collaborative":
                seen = torch.stack(found if self.config.as_released else e, 1)  # Q2
                opening = opening + self.collaboration(i, seen, present)  # D3
            found[i] = F.normalize(e[i] * opening.sigmoid(), dim=1)  # Eq. (2)
        return found

    def encode_video(self, clips: Clips) -> Side:
        """v_i, and which experts there are."""
        gating, names = self.config.gating, [name for name, _ in self.config.experts]
        x = [self.pooled(name, clips) for name in names]
        present = torch.stack([clips.mask[name].any(1) for name in names], 1).to(x[0].dtype)
        if gating == "concat":
            return Side((torch.cat(x, 1)[:, : self.reach],), torch.ones_like(present[:, :1]))
        e = self.projected(x)
        return Side(tuple(e if gating == "none" else self.gated(e, present)), present)

    def similarity(self, text: Side, video: Side) -> Float[Tensor, "t v"]:
        """Scores; 0 for a video without any expert."""
        pairs = zip(text.embedding, video.embedding, strict=True)
        votes = torch.stack([t @ v.T for t, v in pairs])
        if self.config.missing == "kept":
            return votes.sum(0)
        weight = torch.einsum("tm,vm->mtv", text.share, video.share)
        return (weight * votes).sum(0) / weight.sum(0).clamp(min=1e-12)  # Eq. (d)

    def loss(self, captions: Captions, clips: Clips) -> Float[Tensor, ""]:
        """The mean over both directions' wrong pairs."""
        b, margin = len(captions.words), self.config.margin
        by_caption, by_video = hinge_terms(self(captions, clips), margin)
        total = by_caption.sum() + by_video.sum()
        if self.config.terms == "all pairs":
            return (total + 2 * b * margin) / (2 * b * b)
        return total / (2 * b * (b - 1))  # Eq. (3), D3

    @classmethod
    def from_official(cls, state: Mapping[str, Any], config: Config | None = None) -> "CE":
        """The released code's checkpoint; without a config, the one for MSR-VTT.

        It numbers the experts as `config.experts` does, and has no word vectors. Raises ValueError,
        one line, where weights and model do not fit.
        """
        chosen = config or Config(as_released=True)
        weighed = chosen.mixture == "learned" and chosen.gating != "concat"
        unused = "\n" if weighed else "ce.moe_fc."
        official = {key: weight for key, weight in state.items() if not key.startswith(unused)}
        return load_renamed(cls(chosen), official, official_prefixes(chosen))


def official_prefixes(config: Config) -> dict[str, str]:
    """Beginnings of the released code's names -> of ours."""
    found = {"ce.moe_fc.": "mixture.", "ce.g_reason_1.": "collaboration.pair."}
    found |= {"ce.g_reason_shared.": "collaboration.g.", "ce.h_reason.": "collaboration.h."}
    for pool in ("text_pooling.", *(f"pooling.{name}." for name, _ in config.clusters)):
        found |= {f"{pool}batch_norm.": f"{pool}norm.", f"{pool}clusters2": f"{pool}centres"}
        found[f"{pool}clusters"] = f"{pool}clusters"
    for i in range(len(config.experts)):
        found |= official_unit(f"ce.text_GU.{i}.", f"text_unit.{i}.")
        if config.gating == "none":
            found |= official_unit(f"ce.video_GU.{i}.", f"video_unit.{i}.")
            continue
        gate, own = f"ce.video_GU.{i}.cg.", config.gating == "own"
        found[f"ce.video_dim_reduce.{i}.fc."] = f"video_unit.{i}."
        found[f"{gate}fc."] = f"gate.{i}.affine."
        found[f"{gate}batch_norm." if own else f"{gate}batch_norm2."] = f"gate.{i}.norm."
        if not own:
            found[f"{gate}batch_norm."] = f"collaboration.norm.{i}."
    return found


Model = CE
