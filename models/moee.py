"""Mixture of Embedding Experts (MEE, also MoEE).

Miech, Laptev, Sivic. "Learning a Text-Video Embedding from Incomplete and Heterogeneous Data."
arXiv:1804.02516, 2018.                          Record: data/papers.yaml, miech2018moee

One text-video space per kind of feature ("expert"). The sentence decides how much each expert
counts; an expert that the video lacks is left out and the others are renormalised.

Symbols
    h      pooled sentence          w_i    weight of expert i, of m, for a sentence
    t_i, v_i   both sides in the space of expert i, of unit length

Equations ("?": the PDF was not at hand, the number is ours and stands for the step)
    (1)    z1 = W1 z0 + b1                                          parts.gating.GatedUnit.forward
    (2)    z2 = z1 * sigmoid(W2 z1 + b2)                            parts.gating.ContextGate.forward
    (3)    z2 / |z2|                                                parts.gating.GatedUnit.forward
    (4?)   score of a pair: sum over the experts of w_i <t_i, v_i>  MEE.similarity
    (5?)   w: softmax of an affine map of h                         MEE.mixture_weights
    (6?)   w renormalised over the experts that the video has       MEE.similarity
    (7?)   bidirectional max-margin loss, all negatives             MEE.loss
    (8?)   NetVLAD of words and of audio                            parts.netvlad.NetVLAD.forward (4)

Departures
    D1  word vectors are learnt from a random start, those of <start> and <end> too; the authors'
        are word2vec's, fixed, of the first 30 words.
    D2  experts other than audio are the mean of their steps; the authors' arrive as one vector.
        The synthetic benchmark has no faces: speech and on-screen text are its other experts.
    D3  as in the released code there is batch normalisation in the gate and on the assignments,
        and the subtracted centres are not tied to the clusters.
    D4  no images are mixed in; an expert is missing only where the video lacks it.

The released code: models/official/moee.py. Claims and reported numbers: the record.
What is tested: tests/models/test_moee.py
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.gating import GatedUnit
from models.parts.losses import hinge_terms
from models.parts.netvlad import NetVLAD
from models.parts.pooling import masked_max, masked_mean
from models.parts.recipe import recipe

AUDIO = "audio"  # the expert that is pooled by NetVLAD


@dataclass(frozen=True)
class Config:
    """Sizes of the authors' train.py."""

    word_dim: int = 300
    text_clusters: int = 32
    audio_clusters: int = 16
    shared: int | None = None  # width of every space; None: each as wide as its feature
    fusion: str = "experts"  # single: one space for all features side by side
    single: int = 2048  # width of that one
    mixture: str = "learned"  # uniform: every expert has the same weight
    missing: str = "left out"  # counted: a missing expert contributes with its zeros
    gated: bool = True
    margin: float = 0.2

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(word_dim=64, text_clusters=8, audio_clusters=8, shared=128, single=256)


@dataclass
class Side:
    """Captions or videos, in the space of each expert."""

    embedding: tuple[Float[Tensor, "b _"], ...]  # t_i or v_i
    share: Float[Tensor, "b m"]  # w of a caption; 1 or 0 for what a video has or lacks


class MEE(RetrievalModel):
    """m spaces, and a sentence that weighs them."""

    version = 2  # the last epoch is kept, a last batch that is not full left out
    Config = Config
    views = frozenset({"words", "frames"})
    optional = frozenset({"motion", AUDIO, "face", "speech", "ocr"})
    recipe = recipe(
        optimiser="adam",
        learning_rate=4e-4,
        batch_size=64,
        epochs=100,
        lr_decay=0.95,
        captions_per_video=1,
        drop_last=True,
        select="last",
    )
    # An epoch has ten captions per video: 120 passes over the videos, where the authors make 100.
    small_recipe = recipe.but(learning_rate=1e-3, batch_size=128, epochs=12, captions_per_video=10)
    variants: ClassVar = {
        "full": {},
        "uniform": {"mixture": "uniform"},
        "single": {"fusion": "single"},
        "missing-counted": {"missing": "counted"},
        "no-gate": {"gated": False},
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c, widths = config, dict(data.dims)
        spaces = list(self.space_widths().values())
        self.words = nn.Embedding(data.vocabulary, c.word_dim)
        nn.init.normal_(self.words.weight, std=c.word_dim**-0.5)  # D1
        self.text_pooling = NetVLAD(c.word_dim, c.text_clusters)  # D3
        if c.fusion == "single":
            widths, spaces = {"all": sum(widths.values())}, [c.single]
        elif AUDIO in widths:
            self.audio_pooling = NetVLAD(widths[AUDIO], c.audio_clusters)
            widths[AUDIO] *= c.audio_clusters
        h = c.word_dim * c.text_clusters
        self.text_unit = nn.ModuleList(GatedUnit(h, d, gate=c.gated) for d in spaces)
        self.video_unit = nn.ModuleList(
            GatedUnit(width, d, gate=c.gated)
            for width, d in zip(widths.values(), spaces, strict=True)
        )
        if c.mixture == "learned" and c.fusion == "experts":
            self.mixture = nn.Linear(h, len(spaces))

    def space_widths(self) -> dict[str, int]:
        """Of the space of each expert."""
        return {name: self.config.shared or dim for name, dim in self.data.dims.items()}

    def pooled(self, name: str, clips: Clips) -> Float[Tensor, "v _"]:
        """One vector of an expert's steps."""
        x, mask = clips.features[name], clips.mask[name]
        if name != AUDIO:
            return masked_mean(x, mask)  # D2
        if self.config.fusion == "single":
            return masked_max(x, mask)
        return self.audio_pooling(x, mask)

    def mixture_weights(self, h: Float[Tensor, "t h"]) -> Float[Tensor, "t m"]:
        """w of each sentence."""
        if self.config.mixture == "learned" and self.config.fusion == "experts":
            return self.mixture(h).softmax(1)  # Eq. (5?)
        return h.new_full((len(h), len(self.text_unit)), 1 / len(self.text_unit))

    def encode_text(self, captions: Captions) -> Side:
        """t_i and w."""
        h = self.text_pooling(self.words(captions.words), captions.mask)
        return Side(tuple(unit(h) for unit in self.text_unit), self.mixture_weights(h))

    def encode_video(self, clips: Clips) -> Side:
        """v_i, and the experts that each video has."""
        x = [self.pooled(name, clips) for name in self.data.dims]
        if self.config.fusion == "single":
            x = [torch.cat([F.normalize(one, dim=1) for one in x], dim=1)]
            has = torch.ones(len(x[0]), 1, dtype=torch.bool, device=x[0].device)
        else:
            has = torch.stack([clips.mask[name].any(1) for name in self.data.dims], 1)  # D4
        if self.config.missing == "counted":
            has = torch.ones_like(has)
        units = zip(self.video_unit, x, strict=True)
        return Side(tuple(unit(one) for unit, one in units), has.to(x[0].dtype))

    def similarity(self, text: Side, video: Side) -> Float[Tensor, "t v"]:
        """Scores; 0 for a video without any expert."""
        sides = (text.embedding, video.embedding, text.share.T, video.share.T)
        parts = [
            (t * w[:, None]) @ (v * has[:, None]).T for t, v, w, has in zip(*sides, strict=True)
        ]
        total = text.share @ video.share.T
        return torch.stack(parts).sum(0) / total.clamp(min=1e-12)  # Eq. (4?) (6?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Half the mean over all pairs of both directions' terms."""
        by_caption, by_video = hinge_terms(self(batch), self.config.margin)
        return (by_caption + by_video).mean() / 2  # Eq. (7?)


Model = MEE
