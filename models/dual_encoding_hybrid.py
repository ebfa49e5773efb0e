"""Dual Encoding, hybrid space.

Dong, Li, Xu, Yang, Yang, Wang, Wang. "Dual Encoding for Video Retrieval by Text."
IEEE TPAMI 2021, arXiv:2009.05381.               Record: data/papers.yaml, dong2021dual

The multi-level encodings of Dual Encoding are mapped twice: to a latent space learnt by ranking
alone, and to a space of named concepts that can be read. Scores of both spaces are fused.

Symbols
    H      states of a biGRU, forward and backward side by side      r    filters a window
    f1, f2   levels 1, 2 of one side    u    its levels, concatenated    k    length of a window
    p, y   concepts of a side, concepts that captions name            S    scores

Equations (the PDF was not at hand: numbers are ours, for the steps of the method)
    (1?)   level 2: mean of the GRU's states                       MultiLevel.forward
    (2?)   level 3: filter, ReLU, maximum over positions           MultiLevel.windows
    (3?)   the levels, concatenated                                MultiLevel.forward
    (4?)   latent space: affine map, batch norm, unit length       latent_space
    (5?)   concept space: affine map, batch norm, sigmoid          concept_space
    (6?)   generalised Jaccard index of two sides' p               DualEncodingHybrid.scores
    (7?)   triplet loss with the hardest negatives, per space      DualEncodingHybrid.triplet
    (8?)   concepts held against those that are named              DualEncodingHybrid.named
    (9?)   loss: both triplets and the concepts of both sides      DualEncodingHybrid.loss
    (10?)  scores of the two spaces, fused                         DualEncodingHybrid.similarity

Departures
    D1  word vectors start at random; the authors start them from word2vec trained on Flickr tags.
    D2  y counts the stems of all words of a video's captions but function words; the authors count
        lemmas of what a tagger calls nouns, verbs and adjectives.
    D3  scores are fused as they are; scaling them by the extremes of all test pairs is Q4.
    D4  from the released code: dropout after levels 2 and 3 and before unit length; levels 2 and 3
        see the first `max_frames` frames, level 1 sees all of them.

Quirks of the released code (github.com/danieljf24/hybrid_space, Apache-2.0): `as_released`.
    Q1  the video GRU reads the padding too, and its backward direction begins there.
    Q2  level 3: windows that lie wholly in the padding take part in the maximum.
    Q3  level 2 as a maximum: the zeros of the padding take part in it.
    Q4  each space's scores are scaled to 0..1 by the extremes of the whole table at hand.

Claims and reported numbers: the record. What is tested: tests/models/test_dual_encoding_hybrid.py
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from models.official._loading import flatten_checkpoint, load_renamed, matrix_shape
from models.parts.batch import Captions, Clips
from models.parts.contract import RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_max, masked_mean
from models.parts.similarity import jaccard
from models.parts.temporal import conv_windows, gru_states, trim_padding

Ints: TypeAlias = tuple[int, ...]
Spaces: TypeAlias = dict[str, Float[Tensor, "_ _"]]  # by space: latent, concept


@dataclass(frozen=True)
class Config:
    """Sizes of the authors' training script; `vocabulary`, `bow_size`, `frame_dim` are the data's."""

    vocabulary: int = 10_000  # word ids, the four special ones included
    bow_size: int = 10_000  # words of the bag
    frame_dim: int = 4096  # ResNeXt-101 and ResNet-152
    word_dim: int = 500
    word_init: float = 1.0  # word vectors start in U(-word_init, word_init)
    text_rnn: int = 512  # states of one direction
    video_rnn: int = 512
    text_kernels: Ints = (2, 3, 4)  # words a window
    video_kernels: Ints = (2, 3, 4, 5)  # frames a window
    text_filters: int = 512  # of each length
    video_filters: int = 512
    whole: bool = True  # level 1 too, on both sides
    gru_pool: str = "mean"  # mean, max
    space: str = "hybrid"  # hybrid, latent, concept
    common: int = 1536  # dimensions of the latent space
    concept_size: int = 512  # at most as many as the bag has words
    latent_weight: float = 0.6  # of the fused score; the concepts' is the rest
    dropout: float = 0.2
    max_frames: int = 64
    margin: float = 0.2  # in the latent space
    concept_margin: float = 0.2
    direction: str = "both"  # both, t2v, v2t
    as_released: bool = False  # Q1, Q2, Q3, Q4

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        names = ("word_dim", "text_rnn", "video_rnn", "text_filters", "video_filters")
        sizes, kernels = dict.fromkeys((*names, "concept_size"), 64), (2, 3)
        return cls(**sizes, word_init=0.1, text_kernels=kernels, video_kernels=kernels, common=256)


class MultiLevel(nn.Module):
    """One side; `read` turns a step (frame, word id) into a vector."""

    def __init__(self, read: nn.Module, sizes: Ints, kernels: Ints, config: Config) -> None:
        super().__init__()
        whole, step, hidden, filters = sizes
        self.read, self.kernels, self.config = read, kernels, config
        self.gru_reads_padding = self.padding_counts = config.as_released
        self.dropout = nn.Dropout(config.dropout)  # D4
        self.gru = nn.GRU(step, hidden, batch_first=True, bidirectional=True)
        convs = (nn.Conv1d(2 * hidden, filters, k, padding=k - 1) for k in kernels)
        self.filters = nn.ModuleList(convs)
        self.out = 2 * hidden + filters * len(kernels) + config.whole * whole

    def states(
        self, x: Float[Tensor, "b n d"], mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b n h"]:
        """H, zero at the padding."""
        if self.gru_reads_padding:  # Q1
            return self.gru(x * mask[..., None])[0] * mask[..., None]
        return gru_states(self.gru, x, mask)

    def windows(self, H: Float[Tensor, "b n h"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b f"]:
        """Level 3, f3."""
        counts = mask | self.padding_counts  # Q2: windows in the padding too
        r = conv_windows(self.filters, H, counts)  # (b, n + k - 1, filters) of each length k
        c = [F.relu(one).amax(1) for one in r]  # Eq. (2?); ReLU leaves nothing below 0
        return torch.cat(c, dim=1)

    def forward(
        self, f1: Float[Tensor, "b w"], steps: Shaped[Tensor, "b n *d"], mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b u"]:
        """u, in the order of levels 2, 3, 1."""
        H = self.states(self.read(steps), mask)
        f2 = masked_mean(H, mask)  # Eq. (1?)
        if self.config.gru_pool == "max":
            f2 = H.amax(1) if self.padding_counts else masked_max(H, mask)  # Q3
        u = [self.dropout(f2), self.dropout(self.windows(H, mask))]
        return torch.cat([*u, f1] if self.config.whole else u, dim=1)  # Eq. (3?)


def latent_space(in_dim: int, config: Config) -> nn.Sequential:
    """Unit length follows in the encoders."""
    affine = nn.Linear(in_dim, config.common)
    nn.init.xavier_uniform_(affine.weight)
    nn.init.zeros_(affine.bias)
    norm, dropout = nn.BatchNorm1d(config.common), nn.Dropout(config.dropout)  # D4
    return nn.Sequential(affine, norm, dropout)  # Eq. (4?)


def concept_space(in_dim: int, config: Config) -> nn.Sequential:
    """Probability of each concept."""
    size = min(config.concept_size, config.bow_size)
    return nn.Sequential(nn.Linear(in_dim, size), nn.BatchNorm1d(size), nn.Sigmoid())  # Eq. (5?)


class DualEncodingHybrid(RetrievalModel):
    """Two multi-level encoders, a latent space and a space of concepts."""

    Config = Config
    needs = frozenset({"words", "bow", "frames", "concepts"})
    recipe = Recipe("adam", 1e-4, 128, 50, clip_norm=2.0, decay=0.99, halve_after=3, stop_after=10)
    small_recipe = replace(recipe, learning_rate=3e-4, epochs=8, stop_after=3)
    variants: ClassVar = {
        "full": {},
        "latent": {"space": "latent"},
        "concept": {"space": "concept"},
        "reduced": {"whole": False},
        "max-pool": {"gru_pool": "max"},
        "latent-scores": {"latent_weight": 1.0},  # trained for both
        "as-released": {"as_released": True},
    }

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = c = config or Config()
        words = nn.Embedding(c.vocabulary, c.word_dim)
        nn.init.uniform_(words.weight, -c.word_init, c.word_init)  # D1
        text = (c.bow_size, c.word_dim, c.text_rnn, c.text_filters)
        video = (c.frame_dim, c.frame_dim, c.video_rnn, c.video_filters)
        self.text = MultiLevel(words, text, c.text_kernels, c)
        self.text.gru_reads_padding = False  # Q1 is the video's alone
        self.video = MultiLevel(nn.Identity(), video, c.video_kernels, c)
        if c.space != "concept":
            self.text_space = latent_space(self.text.out, c)
            self.video_space = latent_space(self.video.out, c)
        if c.space != "latent":
            self.text_concepts = concept_space(self.text.out, c)
            self.video_concepts = concept_space(self.video.out, c)

    def mapped(self, side: str, u: Float[Tensor, "b u"]) -> Spaces:
        """One side in the spaces there are."""
        found = {}
        if self.config.space != "concept":
            found["latent"] = F.normalize(self.get_submodule(f"{side}_space")(u), dim=1)
        if self.config.space != "latent":
            found["concept"] = self.get_submodule(f"{side}_concepts")(u)
        return found

    def encode_text(self, captions: Captions) -> Spaces:
        """Captions in each space."""
        words = trim_padding(captions.words, captions.mask)
        return self.mapped("text", self.text(captions.bow, *words))

    def encode_video(self, clips: Clips) -> Spaces:
        """Videos in each space."""
        frames, mask = clips.features["frames"], clips.mask["frames"]
        first = trim_padding(frames, mask, self.config.max_frames)  # D4
        return self.mapped("video", self.video(masked_mean(frames, mask), *first))

    @staticmethod
    def scores(text: Spaces, video: Spaces) -> Spaces:
        """S of each space: cosines, Jaccard indices."""
        by = {"latent": lambda t, v: t @ v.mT, "concept": jaccard}  # Eq. (6?)
        return {space: by[space](text[space], video[space]) for space in text}

    def similarity(self, text: Spaces, video: Spaces) -> Float[Tensor, "t v"]:
        """S of the spaces together; of one alone where there is one."""
        S, w = self.scores(text, video), self.config.latent_weight
        if len(S) == 1:
            return next(iter(S.values()))
        if self.config.as_released:
            S = {k: (s - s.min()) / (s.max() - s.min()) for k, s in S.items()}  # Q4
        return w * S["latent"] + (1 - w) * S["concept"]  # Eq. (10?), D3

    def triplet(self, S: Float[Tensor, "b b"], margin: float) -> Float[Tensor, ""]:
        """Another caption of the same video in the batch counts as a negative."""
        by_caption, by_video = hinge_terms(S, margin)
        terms = {"t2v": by_caption.amax(1), "v2t": by_video.amax(0)}
        both = tuple(terms) if self.config.direction == "both" else (self.config.direction,)
        return torch.stack([terms[name].sum() for name in both]).sum()  # Eq. (7?)

    def named(self, p: Float[Tensor, "b k"], captions: Captions) -> Float[Tensor, ""]:
        """Mean binary cross-entropy over captions and concepts."""
        y = captions.vectors["concepts"][:, : p.shape[1]]  # D2
        return F.binary_cross_entropy(p, y)  # Eq. (8?)

    def loss(self, captions: Captions, clips: Clips) -> Float[Tensor, ""]:
        """The concepts' part is a sum over the batch, as the triplets are."""
        text, video, c = self.encode_text(captions), self.encode_video(clips), self.config
        S, margin = self.scores(text, video), {"latent": c.margin, "concept": c.concept_margin}
        total = torch.stack([self.triplet(S[space], margin[space]) for space in S]).sum()
        if c.space == "latent":
            return total
        named = self.named(text["concept"], captions) + self.named(video["concept"], captions)
        return total + len(captions.words) * named  # Eq. (9?)

    @classmethod
    def from_official(cls, state: Mapping[str, Any], config: Config | None = None) -> "Model":
        """The released checkpoint, or its four state dicts as one; as released without a config.

        Raises ValueError, one line, where weights and model do not fit.
        """
        official = flatten_checkpoint(
            state, [f"{part}_{m}." for m in ("encoding", "mapping") for part in PARTS]
        )
        return load_renamed(cls(config or sizes(official)), official, OFFICIAL)


PARTS = {"vid": "video", "text": "text"}
OFFICIAL = {  # beginnings of the released code's names -> of ours
    f"{theirs}_{part}.": f"{ours}{name}."
    for theirs, ours in PARTS.items()
    for part, name in {
        "encoding.embed": ".read",
        "encoding.rnn": ".gru",
        "encoding.convs1": ".filters",
        "mapping.mapping.fc1": "_space.0",
        "mapping.mapping.bn_1": "_space.1",
        "mapping.tag_fc": "_concepts.0",
        "mapping.tag_fc_batch_norm": "_concepts.1",
    }.items()
}


def sizes(official: Mapping[str, Tensor]) -> Config:
    """The released code's configuration, as far as its weights tell."""
    found: dict[str, Any] = {"as_released": True}
    for part, side in PARTS.items():
        name = re.compile(rf"{part}_encoding\.convs1\.\d+\.weight")
        convs = [weight.shape for key, weight in sorted(official.items()) if name.fullmatch(key)]
        _, hidden = matrix_shape(official, f"{part}_encoding.rnn.weight_hh_l0")
        found["common"], u = matrix_shape(official, f"{part}_mapping.mapping.fc1.weight")
        whole = u - 2 * hidden - sum(filters for filters, *_ in convs)
        found[f"{side}_rnn"] = hidden
        found[f"{side}_kernels"] = tuple(k for _, _, k, _ in convs)
        found[f"{side}_filters"] = convs[0][0] if convs else 0
    found |= {"bow_size": whole} if whole else {"whole": False}
    tags = official.get("text_mapping.tag_fc.bias")
    found |= {"space": "latent"} if tags is None else {"concept_size": len(tags)}
    _, found["frame_dim"] = matrix_shape(official, "vid_encoding.rnn.weight_ih_l0")
    found["vocabulary"], found["word_dim"] = matrix_shape(official, "text_encoding.embed.weight")
    return Config(**found)


Model = DualEncodingHybrid
