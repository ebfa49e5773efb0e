"""Word2VisualVec (W2VV).

Dong, Li, Snoek. "Predicting Visual Features from Text for Image and Video Caption Retrieval."
IEEE TMM 2018, arXiv:1709.01362.                 Record: data/papers.yaml, dong2018w2vv

A sentence is encoded at three scales, from which the feature of its video is predicted: matching
happens in the visual space, and nothing is trained on the side of the video.

Symbols
    u      the sentence's encodings, concatenated      x    the video's feature
    p      the feature predicted from u                S    scores
    z, r   gates of the GRU                            h    its state

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   GRU, reset before its matrix product               ResetFirstGRU.step
    (2?)   bag of words, mean word vector, last GRU state     W2VV.read
    (3?)   encodings, concatenated                            W2VV.encode_text
    (4?)   p: two layers, ReLU after each                     perceptron
    (5?)   cosine of p and x                                  W2VV.similarity
    (6?)   mean squared error between p and x                 W2VV.loss

Departures
    D1  the word vectors that the GRU reads start at random; the authors start them from word2vec
        trained on Flickr tags, and at random where it lacks a word.
    D2  the authors leave stop words out of the bag and of the mean word vector, in which a repeated
        word counts as often as it stands; here a word counts once.
    D3  from the released code, not the text: dropout is on word vectors, on inputs and states of the
        GRU (one mask for all steps) and between the layers.
    D4  in the synthetic benchmark the last layer has no ReLU, so that features of either sign can be
        predicted: the authors' are never negative.
    D5  "joint" is our reading of the joint space that the claim compares with: a layer on the
        video's side too, cosine, triplet loss of both directions with the hardest negatives.
    D6  an epoch takes each caption once; the authors draw, for each batch, 100 images and a caption
        of each.
    D7  a sentence without a known word has a mean word vector of zeros; the authors drop it in
        training and rank it last.

The released code: models/official/w2vv.py. Claims and reported numbers: the record.
What is tested: tests/models/test_w2vv.py
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_mean
from models.parts.recipe import recipe
from models.parts.spaces import affine_space
from models.parts.temporal import trim_padding

Encoders: TypeAlias = tuple[str, ...]
Words: TypeAlias = tuple[Int[Tensor, "t n"], Bool[Tensor, "t n"]]


@dataclass(frozen=True)
class Config:
    """The authors' script."""

    encoders: Encoders = ("gru", "bow", "w2v")
    word_dim: int = 500  # of what the GRU reads
    word_init: float = 1.0  # word vectors start in U(-word_init, word_init)
    text_rnn: int = 1024
    max_words: int = 32  # that the GRU reads
    hidden: int = 2048  # of the first layer
    last_relu: bool = True
    dropout: float = 0.2
    space: str = "visual"  # joint: D5
    common: int = 2048  # of the joint space
    margin: float = 0.2  # in the joint space

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        sizes = {"word_dim": 64, "text_rnn": 128, "hidden": 256, "common": 256}
        return cls(**sizes, word_init=0.1, last_relu=False)  # D4


class ResetFirstGRU(nn.Module):
    """A GRU as Cho et al. 2014 (arXiv:1406.1078) wrote it; torch's resets after the product.

    Input weights start Xavier uniform, recurrent ones orthogonal, biases at zero.
    """

    def __init__(self, in_dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.input = nn.Linear(in_dim, 3 * hidden)  # z, r, new
        self.recurrent = nn.Linear(hidden, 3 * hidden, bias=False)
        nn.init.xavier_uniform_(self.input.weight)
        nn.init.orthogonal_(self.recurrent.weight)
        nn.init.zeros_(self.input.bias)
        self.hidden, self.dropout = hidden, dropout

    def gate(self, a: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Nonlinearity of the gates."""
        return torch.sigmoid(a)

    def step(
        self, x: Float[Tensor, "b gates"], h: Float[Tensor, "b d"], drop: Float[Tensor, "b d"]
    ) -> Float[Tensor, "b d"]:
        """The next state; x is a step times the input weights, drop the mask of the states."""
        U, d = self.recurrent.weight, self.hidden
        z, r = self.gate(x[:, : 2 * d] + (drop * h) @ U[: 2 * d].mT).chunk(2, dim=1)
        new = torch.tanh(x[:, 2 * d :] + (r * drop * h) @ U[2 * d :].mT)
        return z * h + (1 - z) * new  # Eq. (1?)

    def forward(
        self, x: Float[Tensor, "b n in"], mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b d"]:
        """The state after each row's true steps; zeros where there is none."""
        h = x.new_zeros(len(x), self.hidden)
        drop_x, drop_h = (
            F.dropout(torch.ones_like(one), self.dropout, self.training) for one in (x[:, 0], h)
        )  # D3
        steps = self.input(x * drop_x[:, None])
        for i in range(x.shape[1]):
            h = torch.where(mask[:, i, None], self.step(steps[:, i], h, drop_h), h)
        return h


def perceptron(in_dim: int, out_dim: int, config: Config) -> nn.Sequential:
    """From u to p; W starts Xavier uniform, b at zero."""
    first = affine_space(in_dim, config.hidden, nn.ReLU(), nn.Dropout(config.dropout))
    last = affine_space(config.hidden, out_dim, *([nn.ReLU()] if config.last_relu else []))  # D4
    return nn.Sequential(*first, *last)  # Eq. (4?)


class W2VV(RetrievalModel):
    """From a sentence, encoded three times, to the feature of its video."""

    version = 2  # the authors' GRU, word vectors of the data, the epoch by mAP
    Config = Config
    views = frozenset({"words", "frames"})
    recipe = recipe(
        optimiser="rmsprop-keras",
        learning_rate=1e-4,
        batch_size=100,
        epochs=100,
        clip_norm=5.0,
        lr_patience=3,
        lr_rule="since-change",
        early_stopping_patience=10,
        select="v2t mAP",
    )  # D6
    small_recipe = recipe.but(learning_rate=1e-3, epochs=12, early_stopping_patience=4)
    variants: ClassVar = {
        "full": {},
        "bow": {"encoders": ("bow",)},
        "w2v": {"encoders": ("w2v",)},
        "gru": {"encoders": ("gru",)},
        "joint": {"space": "joint"},  # D5
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c = config
        widths = {"gru": c.text_rnn, "bow": data.bow, "w2v": data.vectors.get("w2v", 0)}
        if "gru" in c.encoders:
            self.words = nn.Embedding(data.vocabulary, c.word_dim)
            nn.init.uniform_(self.words.weight, -c.word_init, c.word_init)  # D1
            self.dropout = nn.Dropout(c.dropout)
            self.gru = ResetFirstGRU(c.word_dim, c.text_rnn, c.dropout)
        out = c.common if c.space == "joint" else data.dims["frames"]
        self.text = perceptron(sum(widths[name] for name in c.encoders), out, c)
        if c.space == "joint":
            self.video = nn.Linear(data.dims["frames"], c.common)  # D5

    @classmethod
    def needs(cls, config: Config) -> frozenset[str]:
        """Bag and word vectors where an encoder reads them."""
        return cls.views | (set(config.encoders) & {"bow", "w2v"})

    def sentence(self, captions: Captions) -> Words:
        """The words of a caption and their mask: neither <start> nor <end>, at most `max_words`."""
        words, mask = captions.words[:, 1:], captions.mask[:, 1:]
        inner = mask & F.pad(mask[:, 1:], (0, 1))  # a word, where a token follows
        return trim_padding(words, inner, self.config.max_words)

    def read(self, encoder: str, captions: Captions) -> Float[Tensor, "t size"]:
        """One encoding of the sentences."""
        if encoder == "bow":
            assert captions.bow is not None
            return captions.bow  # Eq. (2?), D2
        if encoder == "w2v":
            return captions.vectors["w2v"]  # Eq. (2?), D2, D7
        words, mask = self.sentence(captions)
        return self.gru(self.dropout(self.words(words)), mask)  # Eq. (2?), D3

    def encode_text(self, captions: Captions) -> Float[Tensor, "t d"]:
        """The features predicted: p."""
        u = torch.cat([self.read(name, captions) for name in self.config.encoders], 1)  # Eq. (3?)
        return self.text(u)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v d"]:
        """x, the mean of the frames: nothing is trained."""
        x = masked_mean(clips.features["frames"], clips.mask["frames"])
        return self.video(x) if self.config.space == "joint" else x  # D5

    def similarity(
        self, text: Float[Tensor, "t d"], video: Float[Tensor, "v d"]
    ) -> Float[Tensor, "t v"]:
        """S; 0 where a side gives the zero vector."""
        return F.normalize(text, dim=1) @ F.normalize(video, dim=1).mT  # Eq. (5?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """There are no negatives: a sentence is compared with its own video alone."""
        p, x = self.encode_text(batch.captions), self.encode_video(batch.clips)
        if self.config.space == "joint":
            by_caption, by_video = hinge_terms(self.similarity(p, x), self.config.margin)
            return by_caption.amax(1).sum() + by_video.amax(0).sum()  # D5
        return F.mse_loss(p, x)  # Eq. (6?)


Model = W2VV
