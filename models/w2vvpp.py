"""W2VV++.

Li, Xu, Yang, Chen, Dong. "W2VV++: Fully Deep Learning for Ad-hoc Video Search."
ACM Multimedia 2019.                             Record: data/papers.yaml, li2019w2vvpp

A sentence is read by three encoders side by side, and both sides are mapped to a space of their
own, where W2VV predicted the visual feature; the hardest wrong video of a sentence is pushed away.

Symbols
    u      the sentence's encodings, concatenated      x    the video's feature
    e      a side in the common space                  S    scores

Equations (numbers of the text; a letter: a step that it tells without one)
    (1)    cosine                                           W2VVPlusPlus.similarity
    (2)    bag: how often each word occurs                  W2VVPlusPlus.read
    (3)    word vectors: mean over the words                W2VVPlusPlus.read
    (4)    GRU: states over the words                       W2VVPlusPlus.read
    (5)    GRU: mean of the states                          W2VVPlusPlus.read
    (a)    the three encodings side by side (§3.2)          W2VVPlusPlus.encode_text
    (6)    affine map and activation to the common space    common_space
    (8)    triplet loss with the hardest wrong video        W2VVPlusPlus.loss

Departures
    D1  the word vectors of (3) and of the GRU start at random; the authors take word2vec trained
        on Flickr tags for both. Those of (3) stay as they are, as theirs do.
    D2  the authors leave NLTK's stop words out of the bag, their code out of (3) too; here they
        are the data's words.
    D3  where a video or a sentence gives the zero vector its cosines are 0; the authors' are NaN.
    D4  from the released code, not the text: (3) is over the distinct words; (6) is tanh, not
        ReLU, and the only layer; the video has such a layer too, which the text tries in §4.2.1.

Claims and reported numbers: the record. What is tested: tests/models/test_w2vvpp.py
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from models.official._loading import flatten_checkpoint, load_renamed, matrix_shape
from models.parts.batch import Captions, Clips
from models.parts.contract import RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_mean
from models.parts.temporal import gru_states, trim_padding
from models.parts.words import WordVectors

Encoders: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Config:
    """Sizes of the authors' script; `vocabulary`, `bow_size`, `frame_dim` are the data's."""

    vocabulary: int = 10_000  # word ids, the four special ones included
    bow_size: int = 10_000  # words of the bag
    frame_dim: int = 4096  # ResNeXt-101 and ResNet-152
    encoders: Encoders = ("gru", "w2v", "bow")  # in the order of the released weights
    word_dim: int = 500  # of what the GRU reads
    word_init: float = 1.0  # word vectors start in U(-word_init, word_init)
    w2v_dim: int = 500
    text_rnn: int = 1024
    common: int = 2048
    dropout: float = 0.2
    margin: float = 0.2
    hardest: bool = True  # else all negatives
    direction: str = "t2v"  # t2v, v2t, both
    reduction: str = "sum"  # sum, mean

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(word_dim=64, word_init=0.1, w2v_dim=64, text_rnn=128, common=256)


def common_space(in_dim: int, config: Config) -> nn.Sequential:
    """The one layer of a side; W starts Xavier uniform, b at zero."""
    affine = nn.Linear(in_dim, config.common)
    nn.init.xavier_uniform_(affine.weight)
    nn.init.zeros_(affine.bias)
    return nn.Sequential(affine, nn.Tanh(), nn.Dropout(config.dropout))  # Eq. (6), D4


class W2VVPlusPlus(RetrievalModel):
    """Several sentence encoders, one layer a side, one common space."""

    Config = Config
    needs = frozenset({"words", "bow", "frames"})
    recipe = Recipe(
        "rmsprop", 1e-4, 128, 80, clip_norm=2.0, decay=0.99, halve_after=3, stop_after=10
    )
    small_recipe = replace(recipe, learning_rate=3e-4, epochs=12, stop_after=4)
    # Fewer captions: as many steps as the twelve epochs take elsewhere, patience as published.
    staged: ClassVar = {"diorama-avs": {"epochs": 62, "stop_after": 10}}
    variants: ClassVar = {
        "full": {},
        "bow": {"encoders": ("bow",)},
        "bow-w2v": {"encoders": ("w2v", "bow")},
        "gru": {"encoders": ("gru",)},
        "all-negatives": {"hardest": False},
        "both-directions": {"direction": "both"},
    }

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = c = config or Config()
        sizes = {"gru": c.text_rnn, "w2v": c.w2v_dim, "bow": c.bow_size}
        if "gru" in c.encoders:
            self.words = nn.Embedding(c.vocabulary, c.word_dim)
            nn.init.uniform_(self.words.weight, -c.word_init, c.word_init)  # D1
            self.gru = nn.GRU(c.word_dim, c.text_rnn, batch_first=True)
        if "w2v" in c.encoders:
            self.word_vectors = WordVectors(c.vocabulary, c.w2v_dim)  # D1
        self.text_space = common_space(sum(sizes[name] for name in c.encoders), c)
        self.video_space = common_space(c.frame_dim, c)

    def read(self, encoder: str, captions: Captions) -> Float[Tensor, "t size"]:
        """One encoding of the sentences."""
        if encoder == "gru":
            words, mask = trim_padding(captions.words, captions.mask)
            return masked_mean(gru_states(self.gru, self.words(words), mask), mask)  # Eq. (4) (5)
        if encoder == "w2v":
            return self.word_vectors(captions)  # Eq. (3), D2, D4
        assert captions.bow is not None
        return captions.bow  # Eq. (2), D2

    def encode_text(self, captions: Captions) -> Float[Tensor, "t c"]:
        """E of the captions, not of unit length."""
        u = torch.cat([self.read(name, captions) for name in self.config.encoders], 1)  # Eq. (a)
        return self.text_space(u)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v c"]:
        """E of the videos, from x, the mean of their frames."""
        return self.video_space(masked_mean(clips.features["frames"], clips.mask["frames"]))

    def similarity(
        self, text: Float[Tensor, "t c"], video: Float[Tensor, "v c"]
    ) -> Float[Tensor, "t v"]:
        """S."""
        return F.normalize(text, dim=1) @ F.normalize(video, dim=1).mT  # Eq. (1), D3

    def loss(self, captions: Captions, clips: Clips) -> Float[Tensor, ""]:
        """Another caption of the same video in the batch brings that video as a negative."""
        by_caption, by_video = hinge_terms(self(captions, clips), self.config.margin)
        if self.config.hardest:
            by_caption, by_video = by_caption.amax(1), by_video.amax(0)
        terms = {"both": (by_caption, by_video), "t2v": (by_caption,), "v2t": (by_video,)}
        reduce = {"sum": Tensor.sum, "mean": Tensor.mean}[self.config.reduction]
        return torch.stack([reduce(t) for t in terms[self.config.direction]]).sum()  # Eq. (8)

    @classmethod
    def from_official(
        cls, state: Mapping[str, Any], config: Config | None = None
    ) -> "W2VVPlusPlus":
        """The released code's checkpoint, or its two state dicts as one, under their prefixes.

        Its word2vec table is not among its weights: give `captions.vectors["w2v"]`, or load the
        table into `word_vectors.table`. Without a config the sizes are those of the weights. Raises
        ValueError, one line, where weights and model do not fit.
        """
        official = flatten_checkpoint(state, ("vis_net.", "txt_net."))
        return load_renamed(cls(config or sizes(official)), official, OFFICIAL)


OFFICIAL = {  # beginnings of the released code's names -> of ours
    "vis_net.fc1.": "video_space.0.",
    "txt_net.transformer.fc1.": "text_space.0.",
    "txt_net.encoder.rnn_encoder.we.": "words.",
    "txt_net.encoder.rnn_encoder.rnn.": "gru.",
}


def sizes(official: Mapping[str, Tensor]) -> Config:
    """The released configuration, as far as its weights tell: both word vectors are of one size."""
    common, u = matrix_shape(official, "txt_net.transformer.fc1.weight")
    _, frame_dim = matrix_shape(official, "vis_net.fc1.weight")
    if "txt_net.encoder.rnn_encoder.we.weight" not in official:
        return Config(encoders=("bow",), bow_size=u, frame_dim=frame_dim, common=common)
    vocabulary, word_dim = matrix_shape(official, "txt_net.encoder.rnn_encoder.we.weight")
    _, hidden = matrix_shape(official, "txt_net.encoder.rnn_encoder.rnn.weight_hh_l0")
    return Config(
        vocabulary=vocabulary,
        bow_size=u - hidden - word_dim,
        frame_dim=frame_dim,
        word_dim=word_dim,
        w2v_dim=word_dim,
        text_rnn=hidden,
        common=common,
    )


Model = W2VVPlusPlus
