"""Sentence Encoder Assembly (SEA).

Li, Zhou, Xu, Ji, Yang. "SEA: Sentence Encoder Assembly for Video Retrieval by Textual Queries."
IEEE TMM 2020, arXiv:2011.12091.                 Record: data/papers.yaml, li2020sea

Each sentence encoder gets a common space of its own, with its own loss; what the spaces say is
added up. Concatenated in one space, a strong encoder would speak for the weak ones.

Symbols
    s_i    sentence by encoder i, of k             x    the video's feature
    t_i, v_i   both sides in space i               S    scores

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   s_i: bag, word vectors, mean GRU states, BERT       SEA.read
    (2?)   t_i, v_i: affine map and tanh, per space            common_space
    (3?)   cosine per space                                    SEA.per_space
    (4?)   scores: sum over the spaces                         SEA.similarity
    (5?)   triplet loss per space, added up                    SEA.loss

Departures
    D1  word vectors start at random, as in the file of W2VV++; BERT's sentence vectors are made
        outside (`captions.vectors["bert"]`), as the authors' are.
    D2  the authors leave 153 stop words out of the bag and of the word vectors.
    D3  where a side gives the zero vector its cosines are 0; the authors' are NaN.

Quirks of the released code (github.com/li-xirong/sea, no licence stated): `as_released`
    Q1  the one-space baseline hands its sides to the loss in the wrong order: configured for
        text to video, it trains video to text.

Claims and reported numbers: the record. What is tested: tests/models/test_sea.py
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
    encoders: Encoders = ("bow", "w2v", "bigru", "bert")  # also gru
    spaces: str = "multi"  # multi: one an encoder; concat: one for all of them
    losses: str = "each"  # each space has its own; summed: one on the sum of the scores
    word_dim: int = 500  # of what the GRU reads
    word_init: float = 1.0  # word vectors start in U(-word_init, word_init)
    w2v_dim: int = 500
    bert_dim: int = 768
    text_rnn: int = 1024  # states of one direction
    common: int = 2048  # of every space
    dropout: float = 0.2
    margin: float = 0.2
    direction: str = "t2v"  # t2v, v2t, both
    as_released: bool = False  # Q1

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark, which has no BERT."""
        return cls(
            encoders=("bow", "w2v", "bigru"),
            word_dim=64,
            word_init=0.1,
            w2v_dim=64,
            text_rnn=64,
            common=256,
        )


def common_space(in_dim: int, config: Config) -> nn.Sequential:
    """One side's layer into one space; W starts Xavier uniform, b at zero."""
    affine = nn.Linear(in_dim, config.common)
    nn.init.xavier_uniform_(affine.weight)
    nn.init.zeros_(affine.bias)
    return nn.Sequential(affine, nn.Tanh(), nn.Dropout(config.dropout))  # Eq. (2?)


class SEA(RetrievalModel):
    """k sentence encoders, k common spaces, one video feature."""

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
        "bow-w2v": {"encoders": ("bow", "w2v")},
        "bow-w2v-gru": {"encoders": ("bow", "w2v", "gru")},
        "concat": {"spaces": "concat"},
        "single-loss": {"losses": "summed"},
        "as-released": {"as_released": True},
    }

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = c = config or Config()
        self.size = {"bow": c.bow_size, "w2v": c.w2v_dim, "bert": c.bert_dim}
        self.size |= {"gru": c.text_rnn, "bigru": 2 * c.text_rnn}
        for name in {"gru", "bigru"} & set(c.encoders):
            self.words = nn.Embedding(c.vocabulary, c.word_dim)
            nn.init.uniform_(self.words.weight, -c.word_init, c.word_init)  # D1
            self.gru = nn.GRU(c.word_dim, c.text_rnn, 1, True, True, bidirectional=name == "bigru")
        if "w2v" in c.encoders:
            self.word_vectors = WordVectors(c.vocabulary, c.w2v_dim)  # D1
        self.groups = (c.encoders,) if c.spaces == "concat" else tuple((e,) for e in c.encoders)
        widths = [sum(self.size[name] for name in group) for group in self.groups]
        self.text_space = nn.ModuleList(common_space(width, c) for width in widths)
        self.video_space = nn.ModuleList(common_space(c.frame_dim, c) for _ in widths)

    def read(self, encoder: str, captions: Captions) -> Float[Tensor, "t size"]:
        """s_i."""
        if encoder == "bow":
            assert captions.bow is not None
            return captions.bow  # Eq. (1?), D2
        if encoder == "w2v":
            return self.word_vectors(captions)  # Eq. (1?), D2
        if encoder == "bert":
            return captions.vectors["bert"]  # Eq. (1?), D1
        words, mask = trim_padding(captions.words, captions.mask)
        return masked_mean(gru_states(self.gru, self.words(words), mask), mask)  # Eq. (1?)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t k c"]:
        """t_i of the captions, not of unit length."""
        s = [torch.cat([self.read(e, captions) for e in group], 1) for group in self.groups]
        spaces = zip(self.text_space, s, strict=True)
        return torch.stack([space(s_i) for space, s_i in spaces], dim=1)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v k c"]:
        """v_i of the videos, all from x, the mean of the frames."""
        x = masked_mean(clips.features["frames"], clips.mask["frames"])
        return torch.stack([space(x) for space in self.video_space], dim=1)

    def per_space(
        self, text: Float[Tensor, "t k c"], video: Float[Tensor, "v k c"]
    ) -> Float[Tensor, "k t v"]:
        """Cosines."""
        t, v = F.normalize(text, dim=2), F.normalize(video, dim=2)  # D3
        return torch.einsum("tkc,vkc->ktv", t, v)  # Eq. (3?)

    def similarity(
        self, text: Float[Tensor, "t k c"], video: Float[Tensor, "v k c"]
    ) -> Float[Tensor, "t v"]:
        """S."""
        return self.per_space(text, video).sum(0)  # Eq. (4?)

    def loss(self, captions: Captions, clips: Clips) -> Float[Tensor, ""]:
        """The hardest wrong video is found in each space by itself."""
        scores = self.per_space(self.encode_text(captions), self.encode_video(clips))
        if self.config.losses == "summed":
            scores = scores.sum(0, keepdim=True)
        return torch.stack([self.triplet(s) for s in scores]).sum()  # Eq. (5?)

    def triplet(self, scores: Float[Tensor, "b b"]) -> Float[Tensor, ""]:
        """Loss of one space."""
        by_caption, by_video = hinge_terms(scores, self.config.margin)
        t2v, v2t = by_caption.amax(1).sum(), by_video.amax(0).sum()
        if self.config.as_released and len(self.groups) == 1:
            t2v, v2t = v2t, t2v  # Q1
        return {"t2v": t2v, "v2t": v2t, "both": t2v + v2t}[self.config.direction]

    @classmethod
    def from_official(cls, state: Mapping[str, Any], config: Config | None = None) -> "SEA":
        """The released code's checkpoint, or its two state dicts as one, under their prefixes.

        Its word2vec table and BERT vectors are not among its weights: `captions.vectors`. Without a
        config the encoders are told by their weights. Raises ValueError, one line, where weights
        and model do not fit.
        """
        official = flatten_checkpoint(state, ("vis_net.", "txt_net."))
        chosen = config or sizes(official)
        return load_renamed(cls(chosen), official, official_prefixes(chosen))


def official_prefixes(config: Config) -> dict[str, str]:
    """Beginnings of the released code's names -> of ours; one space is named without a number."""
    if config.spaces == "concat" or len(config.encoders) == 1:
        return {
            "vis_net.transformer.fc1.": "video_space.0.0.",
            "txt_net.transformer.fc1.": "text_space.0.0.",
        }
    found = {}
    for i, encoder in enumerate(config.encoders):
        found[f"vis_net.vis_nets.{i}.transformer.fc1."] = f"video_space.{i}.0."
        found[f"txt_net.txt_nets.{i}.transformer.fc1."] = f"text_space.{i}.0."
        if encoder in {"gru", "bigru"}:
            found[f"txt_net.txt_nets.{i}.encoder.we."] = "words."
            found[f"txt_net.txt_nets.{i}.encoder.rnn."] = "gru."
    return found


def sizes(official: Mapping[str, Tensor]) -> Config:
    """The released configuration: bag, word vectors, a GRU where its weights are, BERT beyond it."""
    one = "txt_net.transformer.fc1.weight" in official  # the baseline, taken to be one of bags
    name = ("{}_net.transformer" if one else "{0}_net.{0}_nets.{1}.transformer").format
    keys = [f"{name('txt', i)}.fc1.weight" for i in range(1 if one else 4)]
    widths = [matrix_shape(official, key)[1] for key in keys if key in official or key == keys[0]]
    found: dict[str, Any] = {"as_released": True}
    found["common"], found["frame_dim"] = matrix_shape(official, f"{name('vis', 0)}.fc1.weight")
    gru, encoders = "txt_net.txt_nets.2.encoder.", ["bow", "w2v", "gru", "bert"]
    if len(widths) > encoders.index("gru"):
        _, found["text_rnn"] = matrix_shape(official, f"{gru}rnn.weight_hh_l0")
        found["vocabulary"], found["word_dim"] = matrix_shape(official, f"{gru}we.weight")
        encoders[2] = "bigru" if f"{gru}rnn.weight_hh_l0_reverse" in official else "gru"
    fields = ("bow_size", "w2v_dim", None, "bert_dim")
    found |= {field: width for field, width in zip(fields, widths, strict=False) if field}
    return Config(**found, encoders=tuple(encoders[: len(widths)]))


Model = SEA
