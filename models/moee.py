"""Mixture of Embedding Experts (MEE, also MoEE).

Miech, Laptev, Sivic. "Learning a Text-Video Embedding from Incomplete and Heterogeneous Data."
arXiv:1804.02516, 2018.                          Record: data/papers.yaml, miech2018moee

One text-video space per kind of feature ("expert"). The sentence decides how much each expert
counts; an expert the video lacks is left out of the vote.

Symbols
    h      pooled sentence          w_i    weight the sentence gives expert i, of m
    t_i, v_i   both sides in the space of expert i, of unit length
    C, c   clusters' directions and centres    a    how much of a step each cluster takes

Equations ("?": the PDF was not at hand, the number is ours and stands for the step)
    (1)    z1 = W1 z0 + b1                                      MEE.encode_text
    (2)    z2 = z1 * sigmoid(W2 z1 + b2)                        MEE.encode_text
    (3)    z2 / |z2|                                            MEE.encode_text
    (4?)   score of a pair: sum over the experts of w_i <t_i, v_i>   MEE.similarity
    (5?)   w: softmax of an affine map of h                     MEE.weigh
    (6?)   w renormalised over the experts that the video has   MEE.similarity
    (7?)   bidirectional max-margin loss, all negatives         MEE.loss
    (8?)   NetVLAD: steps less the centres, by cluster          NetVLAD.forward

Departures
    D1  word vectors are learnt from a random start, those of <start> and <end> too; the authors'
        are word2vec's, fixed, of the first 30 words.
    D2  experts other than audio are the mean of their steps; the authors' arrive as one vector.
        The world has no faces: its speech and on-screen text take that place.
    D3  as in the released code there is batch normalisation in the gate and on the assignments,
        and what is subtracted is a matrix apart from the one that assigns.
    D4  no images are mixed in; an expert's absence is the video's own.

Quirks of the released code (antoine77340/Mixture-of-Embedding-Experts, Apache-2.0): `as_released`
    Q1  padded steps count as steps of zeros: they shift each cluster by its centre, and the
        maximum over time of the baseline with one space is never below zero.
    Q2  the loss counts each pair against itself, which adds margin / batch size.

Claims and reported numbers: the record. What is tested: tests/models/test_moee.py
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.official._loading import load_renamed, matrix_shape
from models.parts.batch import Captions, Clips
from models.parts.contract import RetrievalModel
from models.parts.gating import GatedUnit, official_unit
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_max, masked_mean

ORDER = ("face", "audio", "visual", "motion")  # of the released code's units
AUDIO = "audio"  # the expert that is pooled by NetVLAD


@dataclass(frozen=True)
class Config:
    """Sizes of the authors' train.py; `vocabulary` and `experts` are the data's."""

    vocabulary: int = 10_000  # word ids, the four special ones included
    experts: tuple[tuple[str, int], ...] = (
        (AUDIO, 128),
        ("face", 128),
        ("motion", 1024),
        ("visual", 2048),
    )
    word_dim: int = 300
    text_clusters: int = 32
    audio_clusters: int = 16
    shared: int | tuple[int, ...] = ()  # widths of the spaces; (): each as wide as its feature
    fusion: str = "experts"  # single: one space for all features side by side
    single: int = 2048  # width of that one
    mixture: str = "learned"  # uniform: every expert has the same weight
    missing: str = "left out"  # counted: an absent expert votes with its zeros
    gated: bool = True
    margin: float = 0.2
    as_released: bool = False  # Q1, Q2

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(word_dim=64, text_clusters=8, audio_clusters=8, shared=128, single=256)

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the spaces, in the order of the experts."""
        if isinstance(self.shared, int):
            return (self.shared,) * len(self.experts)
        return self.shared or tuple(dim for _, dim in self.experts)


class NetVLAD(nn.Module):
    """Steps of a sequence, pooled cluster by cluster."""

    def __init__(self, dim: int, clusters: int) -> None:
        super().__init__()
        self.clusters = nn.Parameter(torch.randn(dim, clusters) / dim**0.5)
        self.centres = nn.Parameter(torch.randn(1, dim, clusters) / dim**0.5)  # D3
        self.norm = nn.BatchNorm1d(clusters)

    def forward(
        self, x: Float[Tensor, "b steps dim"], mask: Bool[Tensor, "b steps"]
    ) -> Float[Tensor, "b dim_clusters"]:
        """Unit length; zeros for a row without a step."""
        x = x.masked_fill(~mask[..., None], 0.0)
        a = x.new_zeros(*mask.shape, self.clusters.shape[1])
        a[mask] = self.assign(x[mask]).to(a.dtype)
        v = torch.einsum("bsk,bsd->bdk", a, x) - a.sum(1)[:, None] * self.centres  # Eq. (8?)
        return F.normalize(F.normalize(v, dim=1).flatten(1), dim=1)  # Eq. (8?)

    def assign(self, steps: Float[Tensor, "n dim"]) -> Float[Tensor, "n clusters"]:
        """a; a step alone has no statistics and is normalised by the running ones."""
        norm, several = self.norm, self.training and len(steps) > 1
        given = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
        return F.batch_norm(steps @ self.clusters, *given, several).softmax(1)  # D3


@dataclass
class Side:
    """Captions or videos, in the space of each expert."""

    embedding: tuple[Float[Tensor, "b _"], ...]  # t_i or v_i
    share: Float[Tensor, "b m"]  # w of a caption; 1 or 0 for what a video has or lacks


class MEE(RetrievalModel):
    """m spaces, and a sentence that says which of them to ask."""

    Config = Config
    needs = frozenset({"words", "frames"})
    optional = frozenset({"motion", AUDIO, "face", "speech", "ocr"})
    recipe = Recipe("adam", 4e-4, 64, 100, decay=0.95, per_video=1)  # D4
    small_recipe = replace(recipe, learning_rate=1e-3, batch_size=128, epochs=12, per_video=10)
    variants: ClassVar = {
        "full": {},
        "uniform": {"mixture": "uniform"},
        "single": {"fusion": "single"},
        "missing-counted": {"missing": "counted"},
        "no-gate": {"gated": False},
        "as-released": {"as_released": True},
    }

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = c = config or Config()
        self.words = nn.Embedding(c.vocabulary, c.word_dim)
        nn.init.normal_(self.words.weight, std=c.word_dim**-0.5)  # D1
        self.text_pooling = NetVLAD(c.word_dim, c.text_clusters)
        sizes, spaces = dict(c.experts), c.widths
        if c.fusion == "single":
            widths, spaces = [sum(sizes.values())], (c.single,)
        else:
            if AUDIO in sizes:
                self.audio_pooling = NetVLAD(sizes[AUDIO], c.audio_clusters)
                sizes[AUDIO] *= c.audio_clusters
            widths = list(sizes.values())
        h = c.word_dim * c.text_clusters
        self.text_unit = nn.ModuleList(GatedUnit(h, d, gate=c.gated) for d in spaces)
        self.video_unit = nn.ModuleList(
            GatedUnit(width, d, gate=c.gated) for width, d in zip(widths, spaces, strict=True)
        )
        if c.mixture == "learned" and c.fusion == "experts":
            self.mixture = nn.Linear(h, len(spaces))

    def pooled(self, name: str, clips: Clips) -> Float[Tensor, "v _"]:
        """One vector of an expert's steps."""
        x, mask = clips.features[name], clips.mask[name]
        if name != AUDIO:
            return masked_mean(x, mask)  # D2
        kept = torch.ones_like(mask) if self.config.as_released else mask  # Q1
        x = x.masked_fill(~mask[..., None], 0.0)
        return (
            masked_max(x, kept) if self.config.fusion == "single" else self.audio_pooling(x, kept)
        )

    def weigh(self, h: Float[Tensor, "t h"]) -> Float[Tensor, "t m"]:
        """The weights w of each sentence."""
        if self.config.mixture == "learned" and self.config.fusion == "experts":
            return self.mixture(h).softmax(1)  # Eq. (5?)
        return h.new_full((len(h), len(self.text_unit)), 1 / len(self.text_unit))

    def encode_text(self, captions: Captions) -> Side:
        """t_i and w."""
        mask = captions.mask
        kept = torch.ones_like(mask) if self.config.as_released else mask  # Q1
        x = self.words(captions.words).masked_fill(~mask[..., None], 0.0)
        h = self.text_pooling(x, kept)
        embedding = tuple(unit(h) for unit in self.text_unit)  # Eq. (1) (2) (3), D3
        return Side(embedding, self.weigh(h))

    def encode_video(self, clips: Clips) -> Side:
        """v_i and what the videos have."""
        names = [name for name, _ in self.config.experts]
        x = [self.pooled(name, clips) for name in names]
        if self.config.fusion == "single":
            x = [torch.cat([F.normalize(one, dim=1) for one in x], dim=1)]
            share = x[0].new_ones(len(x[0]), 1)
        else:
            share = torch.stack([clips.mask[name].any(1) for name in names], 1).to(x[0].dtype)
        if self.config.missing == "counted":
            share = torch.ones_like(share)
        units = zip(self.video_unit, x, strict=True)
        return Side(tuple(unit(one) for unit, one in units), share)

    def similarity(self, text: Side, video: Side) -> Float[Tensor, "t v"]:
        """Scores; 0 for a video without any expert."""
        sides = (text.embedding, video.embedding, text.share.T, video.share.T)
        votes = [
            (t * w[:, None]) @ (v * has[:, None]).T for t, v, w, has in zip(*sides, strict=True)
        ]
        asked = text.share @ video.share.T
        return torch.stack(votes).sum(0) / asked.clamp(min=1e-12)  # Eq. (4?) (6?)

    def loss(self, captions: Captions, clips: Clips) -> Float[Tensor, ""]:
        """Half the mean over all pairs of both directions' terms."""
        margin = self.config.margin
        by_caption, by_video = hinge_terms(self(captions, clips), margin)
        loss = (by_caption + by_video).mean() / 2  # Eq. (7?)
        return loss + margin / len(by_caption) if self.config.as_released else loss  # Q2

    @classmethod
    def from_official(
        cls,
        state: Mapping[str, Any],
        config: Config | None = None,
        order: Sequence[str] = ORDER,
    ) -> "MEE":
        """The released code's checkpoint: of its mixture, or of its baseline with one space.

        `order`: the experts of its units, first to last; its mixture has them as `config.experts`
        does, by name. The baseline's sizes must be given: its weights do not tell its experts
        apart. Word vectors are not among the weights. Raises ValueError, one line, where weights
        and model do not fit.
        """
        chosen = config or sizes(state, order)
        unused = "audio_pooling." if chosen.fusion == "single" else "\n"
        official = {key: weight for key, weight in state.items() if not key.startswith(unused)}
        return load_renamed(cls(chosen), official, official_prefixes(chosen, order))


def official_prefixes(config: Config, order: Sequence[str] = ORDER) -> dict[str, str]:
    """Beginnings of the released code's names -> of ours."""
    found = {"mee.moe_fc.": "mixture."}
    for pool in ("text_pooling.", "audio_pooling."):
        found |= {f"{pool}batch_norm.": f"{pool}norm.", f"{pool}clusters2": f"{pool}centres"}
        found[f"{pool}clusters"] = f"{pool}clusters"
    if config.fusion == "single":
        return (
            found
            | official_unit("embd_text.", "text_unit.0.")
            | official_unit("embd_video.", "video_unit.0.")
        )
    for i, (name, _) in enumerate(config.experts):
        for side in ("text", "video"):
            found |= official_unit(f"mee.{side}_GU.{order.index(name)}.", f"{side}_unit.{i}.")
    return found


def sizes(official: Mapping[str, Tensor], order: Sequence[str] = ORDER) -> Config:
    """The released configuration, told by its weights."""
    word_dim, text_clusters = matrix_shape(official, "text_pooling.clusters")
    audio, audio_clusters = matrix_shape(official, "audio_pooling.clusters")
    units = {
        name: matrix_shape(official, f"mee.video_GU.{i}.fc.weight") for i, name in enumerate(order)
    }
    experts = {name: units[name][1] for name in sorted(order)} | {AUDIO: audio}
    return Config(
        experts=tuple(experts.items()),
        word_dim=word_dim,
        text_clusters=text_clusters,
        audio_clusters=audio_clusters,
        shared=tuple(units[name][0] for name in experts),
        as_released=True,
    )


Model = MEE
