"""Word2VisualVec (W2VV).

Dong, Li, Snoek. "Predicting Visual Features from Text for Image and Video Caption Retrieval."
IEEE TMM 2018, arXiv:1709.01362.                 Record: data/papers.yaml, dong2018w2vv

A sentence is read at three scales, and from what was read the feature of its video is predicted:
the space of matching is the visual one, and nothing is learnt about videos.

Symbols
    u      the sentence's encodings, concatenated      x    the video's feature
    p      the feature predicted from u                S    scores

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   bag of words, mean word vector, last GRU state     W2VV.read
    (2?)   encodings, concatenated                            W2VV.encode_text
    (3?)   p: two layers, ReLU after each                     perceptron
    (4?)   cosine of p and x                                  W2VV.similarity
    (5?)   mean squared error between p and x                 W2VV.loss

Departures
    D1  word vectors start at random; the authors take word2vec trained on Flickr tags, for the mean
        and as the start of what the GRU reads. Those of the mean stay as they are, as theirs do.
    D2  the authors leave stop words out of the bag and of the mean word vector.
    D3  the GRU is torch's; that of Keras 2.1, which the authors use, resets before its matrix
        product, has piecewise linear gates, and one bias where torch has two.
    D4  in the synthetic benchmark the last layer has no ReLU, so that features of either sign can be
        predicted: the authors' are never negative.
    D5  "joint" is our reading of the joint space that the claim speaks of: a layer on the video's
        side too, cosine, triplet loss of both directions with the hardest negatives.
    D6  the epoch is chosen by the sum of recalls; the authors choose by mAP of video to text.

Written from notes on the released code (github.com/danieljf24/w2vv, MIT, Keras), which no
recording holds: the file is not matched to it.

Claims and reported numbers: the record. What is tested: tests/models/test_w2vv.py
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from models.parts.batch import Captions, Clips
from models.parts.contract import RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_mean
from models.parts.temporal import gru_states, last_states, trim_padding
from models.parts.words import WordVectors

Encoders: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Config:
    """Sizes of the authors' script; `vocabulary`, `bow_size`, `frame_dim` are the data's."""

    vocabulary: int = 10_000  # word ids, the four special ones included
    bow_size: int = 10_000  # words of the bag
    frame_dim: int = 2048  # ResNet-152
    encoders: Encoders = ("gru", "bow", "w2v")
    word_dim: int = 500  # of what the GRU reads
    word_init: float = 1.0  # word vectors start in U(-word_init, word_init)
    w2v_dim: int = 500
    text_rnn: int = 1024
    max_words: int = 32  # that the GRU reads
    hidden: int = 2048  # of the first layer
    last_relu: bool = True  # D4
    dropout: float = 0.2
    space: str = "visual"  # joint: D5
    common: int = 2048  # of the joint space
    margin: float = 0.2  # in the joint space

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(
            word_dim=64,
            word_init=0.1,
            w2v_dim=64,
            text_rnn=128,
            hidden=256,
            last_relu=False,
            common=256,
        )


def perceptron(in_dim: int, out_dim: int, config: Config) -> nn.Sequential:
    """From u to p; W starts Xavier uniform, b at zero, as Keras's layers do."""
    layers = (nn.Linear(in_dim, config.hidden), nn.Linear(config.hidden, out_dim))
    for layer in layers:
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    last = nn.ReLU() if config.last_relu else nn.Identity()  # D4
    return nn.Sequential(
        layers[0], nn.ReLU(), nn.Dropout(config.dropout), layers[1], last
    )  # Eq. (3?)


class W2VV(RetrievalModel):
    """From a sentence, read three times, to the feature of its video."""

    Config = Config
    needs = frozenset({"words", "bow", "frames"})
    recipe = Recipe(
        "rmsprop-keras", 1e-4, 100, 100, clip_norm=5.0, halve_after=3, stop_after=10
    )  # D6
    small_recipe = replace(recipe, learning_rate=1e-3, epochs=12, stop_after=4)
    variants: ClassVar = {
        "full": {},
        "bow": {"encoders": ("bow",)},
        "w2v": {"encoders": ("w2v",)},
        "gru": {"encoders": ("gru",)},
        "joint": {"space": "joint"},  # D5
    }

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = c = config or Config()
        size = {"gru": c.text_rnn, "bow": c.bow_size, "w2v": c.w2v_dim}
        if "gru" in c.encoders:
            self.words = nn.Embedding(c.vocabulary, c.word_dim)
            nn.init.uniform_(self.words.weight, -c.word_init, c.word_init)  # D1
            self.dropout = nn.Dropout(c.dropout)
            self.gru = nn.GRU(c.word_dim, c.text_rnn, batch_first=True)  # D3
        if "w2v" in c.encoders:
            self.word_vectors = WordVectors(c.vocabulary, c.w2v_dim)  # D1
        out = c.common if c.space == "joint" else c.frame_dim
        self.text = perceptron(sum(size[name] for name in c.encoders), out, c)
        if c.space == "joint":
            self.video = nn.Linear(c.frame_dim, c.common)  # D5

    def read(self, encoder: str, captions: Captions) -> Float[Tensor, "t size"]:
        """One encoding of the sentences."""
        if encoder == "bow":
            assert captions.bow is not None
            return captions.bow  # Eq. (1?), D2
        if encoder == "w2v":
            return self.word_vectors(captions)  # Eq. (1?), D2
        words, mask = trim_padding(captions.words, captions.mask, self.config.max_words)
        states = gru_states(self.gru, self.dropout(self.words(words)), mask)
        return last_states(states, mask)  # Eq. (1?)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t d"]:
        """The features predicted: p."""
        u = torch.cat([self.read(name, captions) for name in self.config.encoders], 1)  # Eq. (2?)
        return self.text(u)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v d"]:
        """x, the mean of the frames: nothing is learnt about it."""
        x = masked_mean(clips.features["frames"], clips.mask["frames"])
        return self.video(x) if self.config.space == "joint" else x  # D5

    def similarity(
        self, text: Float[Tensor, "t d"], video: Float[Tensor, "v d"]
    ) -> Float[Tensor, "t v"]:
        """S; 0 where a side gives the zero vector."""
        return F.normalize(text, dim=1) @ F.normalize(video, dim=1).mT  # Eq. (4?)

    def loss(self, captions: Captions, clips: Clips) -> Float[Tensor, ""]:
        """No video is wrong here: a sentence is held against its own alone."""
        p, x = self.encode_text(captions), self.encode_video(clips)
        if self.config.space == "joint":
            by_caption, by_video = hinge_terms(self.similarity(p, x), self.config.margin)
            return by_caption.amax(1).sum() + by_video.amax(0).sum()  # D5
        return F.mse_loss(p, x)  # Eq. (5?)

    @classmethod
    def from_official(cls, state: Mapping[str, Any], config: Config | None = None) -> "W2VV":
        """Raises NotImplementedError: the released weights are Keras's, of another GRU (D3)."""
        raise NotImplementedError(
            "the authors' weights are Keras files, for a GRU that torch lacks"
        )


Model = W2VV
