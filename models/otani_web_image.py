"""Sentences with images of a web search.

Otani, Nakashima, Rahtu, Heikkilä, Yokoya. "Learning Joint Representations of Videos and Sentences
with Web Image Search." ECCV Workshops 2016, arXiv:1608.02367.
                                                 Record: data/papers.yaml, otani2016web

A sentence is embedded together with the images that a web search with it finds, which show what its
words leave open. Each of sentence, images and video passes two layers of its own; what belongs
together comes near, and everything else is pushed beyond a margin.

Symbols
    x      a frame's features, an image's, or the sentence's vector     W1, W2   layers of a branch
    X      embedding of a video      Y    of a query      d    Euclidean distance, not squared
    t      1 for a video and its own query, else 0        a    margin of the pairs with t = 0

Equations (numbers are ours. Read on the authors' poster of this paper: the branches, pooling after
the layers, the sum of sentence and images, the loss. Read in the authors' code of a companion paper
and matched to it: the video's branch with its tanh, its mean and its widths)
    (1?)   tanh(W2 tanh(W1 x + b1) + b2) of each item     OtaniWebImage.branch
    (2?)   X: mean over the frames                        OtaniWebImage.encode_video
    (3?)   images: mean over the results of the search    OtaniWebImage.encode_text
    (4?)   Y: mean of sentence and images                 OtaniWebImage.encode_text
    (5?)   score: -d(X, Y)                                OtaniWebImage.similarity
    (6?)   loss: t d + (1 - t) max(a - d, 0)              OtaniWebImage.loss

Departures
    D1  the sentence's vector is that of the view `bert`; the authors' is skip-thoughts'.
    D2  images are stills of other videos that a search over training captions finds; the authors'
        came from the web.
    D3  from the poster alone, matched to nothing: the branches of sentence and images, which have
        the shape and widths of the video's; the poster's plus of both is their mean here.
    D4  a batch has each right pair once and all its wrong ones, and both kinds weigh the same: the
        poster names neither the share of wrong pairs nor how terms are reduced.
    D5  a is not on the poster: ours is of the order of the learned distances that it shows.
    D6  optimiser and schedule are ours: none is published.

The released code: models/official/otani_web_image.py. Claims and reported numbers: the record.
What is tested: tests/models/test_otani_web_image.py
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.pooling import masked_mean
from models.parts.recipe import recipe

SENTENCE = "bert"  # D1
ROWWISE = "donot_use_mm_for_euclid_dist"  # a distance does not depend on what else is in the batch


@dataclass(frozen=True)
class Config:
    """The poster's network, in the widths of the companion code."""

    hidden: int = 1000
    common: int = 300
    query: Literal["both", "sentence", "images"] = "both"  # the poster's ALL, VS, VI
    margin: float = 14.0  # D5

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark; distances grow with the root of a width."""
        return cls(hidden=256, common=75, margin=7.0)


class OtaniWebImage(RetrievalModel):
    """Three branches of two layers into one space of distances."""

    Config = Config
    views = frozenset({"words", "frames"})
    recipe = recipe(optimiser="adam", learning_rate=1e-4, batch_size=128, epochs=50)  # D6
    small_recipe = recipe.but(learning_rate=1e-3, epochs=20)
    variants: ClassVar = {
        "full": {},
        "sentence": {"query": "sentence"},
        "images": {"query": "images"},
    }

    @classmethod
    def needs(cls, config: Config) -> frozenset[str]:
        """A vector of the sentence, images, or both."""
        query = {"both": {SENTENCE, "web"}, "sentence": {SENTENCE}, "images": {"web"}}
        return cls.views | query[config.query]  # D2

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        self.video = self.branch(data.dims["frames"])
        if config.query != "images":
            self.sentence = self.branch(data.vectors[SENTENCE])  # D3
        if config.query != "sentence":
            self.images = self.branch(data.vectors["web"])  # D3

    def branch(self, width: int) -> nn.Sequential:
        """Layers of one kind of item, applied to each; weights start as chainer starts them."""
        first, second = (
            nn.Linear(width, self.config.hidden),
            nn.Linear(self.config.hidden, self.config.common),
        )
        for layer in (first, second):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
            nn.init.zeros_(layer.bias)
        return nn.Sequential(first, nn.Tanh(), second, nn.Tanh())  # Eq. (1?)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t d"]:
        """Y; of no certain length."""
        parts = []
        if self.config.query != "images":
            parts.append(self.sentence(captions.vectors[SENTENCE]))
        if self.config.query != "sentence":
            parts.append(self.images(captions.images).mean(1))  # Eq. (3?)
        return torch.stack(parts).mean(0)  # Eq. (4?)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v d"]:
        """X; zeros where a video has no frame."""
        return masked_mean(self.video(clips.features["frames"]), clips.mask["frames"])  # Eq. (2?)

    def similarity(
        self, text: Float[Tensor, "t d"], video: Float[Tensor, "v d"]
    ) -> Float[Tensor, "t v"]:
        """Nearest first; two that are equal have a gradient of zero."""
        return -torch.cdist(text, video, compute_mode=ROWWISE)  # Eq. (5?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Mean over the right pairs and mean over the wrong ones, averaged."""
        d = -self(batch)
        wrong = ~torch.eye(len(d), dtype=torch.bool, device=d.device)
        apart = (self.config.margin - d).clamp(min=0)
        return (d.diagonal().mean() + apart[wrong].mean()) / 2  # Eq. (6?), D4


Model = OtaniWebImage
