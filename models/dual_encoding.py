"""Dual Encoding.

Dong, Li, Xu, Ji, He, Yang, Wang. "Dual Encoding for Zero-Example Video Retrieval."
CVPR 2019, arXiv:1809.06181.                     Record: data/papers.yaml, dong2019dual

Both sides are read three times, coarse to fine: as a whole, as states of a bidirectional GRU,
and as windows over those states. The three readings, side by side, are mapped to one space.

Symbols
    H      states of a biGRU, forward and backward side by side      r    filters a window
    f1, f2, f3   levels 1, 2, 3 of one side                           k    length of a window
    u      the levels of one side, concatenated                       S    scores

Equations (numbers of the CVPR text)
    (1)      level 1 of a video: mean of its frames               DualEncoding.encode_video
    (2)      states of a GRU, forward and backward, side by side  MultiLevel.states
    (3)      level 2: mean of the GRU's states                    MultiLevel.forward
    (4)      level 3: filter, ReLU, maximum over positions        MultiLevel.windows
    (5)      level 3: windows of all lengths, side by side        MultiLevel.windows
    (6) (7)  the levels of a video, of a sentence, side by side   MultiLevel.forward
    (8)      affine map to the common space, batch norm           common_space
    (9)      triplet loss with the hardest negatives              DualEncoding.loss

Departures
    D1  word vectors start at random; the authors start them from word2vec trained on Flickr tags.
    D2  from the released code, not in the text: dropout after levels 2 and 3 and before unit
        length; levels 2 and 3 see the first `max_frames` frames, level 1 sees all of them; a
        video's GRU has 1,024 states a direction (text: 512); the bag counts, where the text
        averages; a window of k steps has n + k - 1 positions (text: n); the rate falls by 1 % an
        epoch, beside the halving.

Quirks of the released code (github.com/danieljf24/dual_encoding, Apache-2.0): `as_released`.
With either, a score depends on what else is in the batch.
    Q1  the video GRU reads the padding too, and its backward direction begins there.
    Q2  level 3: windows that lie wholly in the padding take part in the maximum.

Claims and reported numbers: the record. What is tested: tests/models/test_dual_encoding.py
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from models.parts.batch import Captions, Clips
from models.parts.contract import Recipe, RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.official import flatten_checkpoint, load_renamed, matrix_shape
from models.parts.pooling import masked_mean
from models.parts.temporal import conv_windows, gru_states, trim_padding

Ints: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Config:
    """Sizes of the authors' training script; `vocabulary`, `bow_size`, `frame_dim` are the data's."""

    vocabulary: int = 10_000  # word ids, the four special ones included
    bow_size: int = 10_000  # words of the bag
    frame_dim: int = 2048  # ResNet-152
    word_dim: int = 500
    word_init: float = 1.0  # word vectors start in U(-word_init, word_init)
    text_rnn: int = 512  # states of one direction
    video_rnn: int = 1024  # D2
    text_kernels: Ints = (2, 3, 4)  # words a window
    video_kernels: Ints = (2, 3, 4, 5)  # frames a window
    text_filters: int = 512  # of each length
    video_filters: int = 512
    text_levels: Ints = (1, 2, 3)
    video_levels: Ints = (1, 2, 3)
    common: int = 2048
    dropout: float = 0.2
    max_frames: int = 64
    margin: float = 0.2
    hardest: bool = True  # else all negatives
    direction: str = "both"  # both, t2v, v2t
    reduction: str = "sum"  # sum, mean
    as_released: bool = False  # Q1, Q2

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(
            word_dim=64,
            word_init=0.1,
            text_rnn=64,
            video_rnn=64,
            text_kernels=(2, 3),
            video_kernels=(2, 3),
            text_filters=64,
            video_filters=64,
            common=256,
        )


class MultiLevel(nn.Module):
    """One side at the levels it names; `read` turns a step (frame, word id) into a vector."""

    def __init__(
        self, read: nn.Module, levels: Ints, sizes: Ints, kernels: Ints, config: Config
    ) -> None:
        super().__init__()
        whole, step, hidden, filters = sizes
        self.levels, self.kernels = levels, kernels
        self.gru_reads_padding = self.windows_in_padding = config.as_released
        self.dropout = nn.Dropout(config.dropout)  # D2
        if {2, 3} & set(levels):
            self.read = read
            self.gru = nn.GRU(step, hidden, batch_first=True, bidirectional=True)
        if {3} & set(levels):
            convs = (nn.Conv1d(2 * hidden, filters, k, padding=k - 1) for k in kernels)
            self.filters = nn.ModuleList(convs)
        size = {1: whole, 2: 2 * hidden, 3: filters * len(kernels)}
        self.out = sum(size[level] for level in set(levels))

    def states(
        self, steps: Shaped[Tensor, "b n *d"], mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b n h"]:
        """H, zero at the padding."""
        x = self.read(steps)
        if self.gru_reads_padding:  # Q1
            return self.gru(x * mask[..., None])[0] * mask[..., None]
        return gru_states(self.gru, x, mask)  # Eq. (2)

    def windows(self, H: Float[Tensor, "b n h"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b f"]:
        """Level 3, f3."""
        counts = mask | self.windows_in_padding  # Q2: windows in the padding too
        r = conv_windows(self.filters, H, counts)  # (b, n + k - 1, filters) of each length k
        c = [F.relu(one).amax(1) for one in r]  # Eq. (4); ReLU leaves nothing below 0
        return torch.cat(c, dim=1)  # Eq. (5)

    def forward(
        self, f1: Float[Tensor, "b w"], steps: Shaped[Tensor, "b n *d"], mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b u"]:
        """u, in the order of levels 2, 3, 1."""
        f = {1: f1}
        if {2, 3} & set(self.levels):
            H = self.states(steps, mask)
            f[2] = self.dropout(masked_mean(H, mask))  # Eq. (3)
        if {3} & set(self.levels):
            f[3] = self.dropout(self.windows(H, mask))
        return torch.cat(
            [f[level] for level in (2, 3, 1) if level in self.levels], 1
        )  # Eq. (6) (7)


def common_space(in_dim: int, config: Config) -> nn.Sequential:
    """W u + b and batch norm; unit length follows in the encoders."""
    affine = nn.Linear(in_dim, config.common)
    nn.init.xavier_uniform_(affine.weight)
    nn.init.zeros_(affine.bias)
    norm, dropout = nn.BatchNorm1d(config.common), nn.Dropout(config.dropout)  # D2
    return nn.Sequential(affine, norm, dropout)  # Eq. (8)


class DualEncoding(RetrievalModel):
    """Two multi-level encoders and one common space."""

    Config = Config
    needs = frozenset({"words", "bow", "frames"})
    recipe = Recipe("adam", 1e-4, 128, 50, clip_norm=2.0, decay=0.99, halve_after=3, stop_after=10)
    small_recipe = replace(recipe, learning_rate=3e-4, epochs=5, stop_after=3)
    # Fewer captions: as many steps as the five epochs take elsewhere, patience as published.
    staged: ClassVar = {"diorama-avs": {"epochs": 26, "stop_after": 10}}
    variants: ClassVar = {
        "full": {},
        "level1": {"text_levels": (1,), "video_levels": (1,)},
        "level2": {"text_levels": (2,), "video_levels": (2,)},
        "level3": {"text_levels": (3,), "video_levels": (3,)},
        "level12": {"text_levels": (1, 2), "video_levels": (1, 2)},
        "level13": {"text_levels": (1, 3), "video_levels": (1, 3)},
        "level23": {"text_levels": (2, 3), "video_levels": (2, 3)},
        "reduced": {"text_levels": (2, 3), "video_levels": (2, 3)},  # the authors' name for level23
        "video-only": {"text_levels": (1,)},  # section 5.1: mean pooling on the other side
        "text-only": {"video_levels": (1,)},
        "all-negatives": {"hardest": False},
        "as-released": {"as_released": True},
    }

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = c = config or Config()
        words = nn.Embedding(c.vocabulary, c.word_dim)
        nn.init.uniform_(words.weight, -c.word_init, c.word_init)  # D1
        text = (c.bow_size, c.word_dim, c.text_rnn, c.text_filters)
        video = (c.frame_dim, c.frame_dim, c.video_rnn, c.video_filters)
        self.text = MultiLevel(words, c.text_levels, text, c.text_kernels, c)
        self.text.gru_reads_padding = False  # Q1 is the video's alone
        self.video = MultiLevel(nn.Identity(), c.video_levels, video, c.video_kernels, c)
        self.text_space = common_space(self.text.out, c)
        self.video_space = common_space(self.video.out, c)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t c"]:
        """Captions in the common space."""
        words, mask = trim_padding(captions.words, captions.mask)
        u = self.text(captions.bow, words, mask)
        return F.normalize(self.text_space(u), dim=1)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v c"]:
        """Videos in the common space."""
        frames, mask = clips.features["frames"], clips.mask["frames"]
        first, kept = trim_padding(frames, mask, self.config.max_frames)  # D2
        u = self.video(masked_mean(frames, mask), first, kept)  # Eq. (1)
        return F.normalize(self.video_space(u), dim=1)

    def similarity(
        self, text: Float[Tensor, "t c"], video: Float[Tensor, "v c"]
    ) -> Float[Tensor, "t v"]:
        """S, cosines."""
        return text @ video.mT

    def loss(self, captions: Captions, clips: Clips) -> Float[Tensor, ""]:
        """Another caption of the same video in the batch counts as a negative."""
        by_caption, by_video = hinge_terms(self(captions, clips), self.config.margin)
        if self.config.hardest and not self.easy:
            by_caption, by_video = by_caption.amax(1), by_video.amax(0)
        terms = {"both": (by_caption, by_video), "t2v": (by_caption,), "v2t": (by_video,)}
        reduce = {"sum": Tensor.sum, "mean": Tensor.mean}[self.config.reduction]
        return torch.stack([reduce(t) for t in terms[self.config.direction]]).sum()  # Eq. (9)

    @classmethod
    def from_official(
        cls, state: Mapping[str, Any], config: Config | None = None
    ) -> "DualEncoding":
        """The released code's checkpoint, or its two state dicts as one, under their prefixes.

        Without a config the sizes are those of the weights, and the model behaves as released.
        Raises ValueError, one line, where weights and model do not fit.
        """
        official = flatten_checkpoint(state, ("vid_encoding.", "text_encoding."))
        return load_renamed(cls(config or sizes(official)), official, OFFICIAL)


OFFICIAL = {  # beginnings of the released code's names -> of ours
    "text_encoding.embed.": "text.read.",
    "text_encoding.rnn.": "text.gru.",
    "text_encoding.convs1.": "text.filters.",
    "text_encoding.text_mapping.fc1.": "text_space.0.",
    "text_encoding.text_mapping.bn_1.": "text_space.1.",
    "vid_encoding.rnn.": "video.gru.",
    "vid_encoding.convs1.": "video.filters.",
    "vid_encoding.visual_mapping.fc1.": "video_space.0.",
    "vid_encoding.visual_mapping.bn_1.": "video_space.1.",
}


def sizes(official: Mapping[str, Tensor]) -> Config:
    """The released code's configuration, as far as its weights tell."""
    found: dict[str, Any] = {"as_released": True}
    for side, part, space in (("video", "vid", "visual"), ("text", "text", "text")):
        name = re.compile(rf"{part}_encoding\.convs1\.\d+\.weight")
        convs = [weight.shape for key, weight in sorted(official.items()) if name.fullmatch(key)]
        _, hidden = matrix_shape(official, f"{part}_encoding.rnn.weight_hh_l0")
        found["common"], u = matrix_shape(official, f"{part}_encoding.{space}_mapping.fc1.weight")
        whole = u - 2 * hidden - sum(filters for filters, *_ in convs)
        found[f"{side}_levels"] = (1, 2, 3) if whole > 0 else (2, 3)
        found[f"{side}_rnn"] = hidden
        found[f"{side}_kernels"] = tuple(k for _, _, k, _ in convs)
        found[f"{side}_filters"] = convs[0][0] if convs else 0
    _, found["frame_dim"] = matrix_shape(official, "vid_encoding.rnn.weight_ih_l0")
    found["vocabulary"], found["word_dim"] = matrix_shape(official, "text_encoding.embed.weight")
    return Config(**found, bow_size=whole)


Model = DualEncoding
