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
    (1)      level 1 of a video: mean of its frames               parts.multilevel.VideoLevels.forward
    (2)      states of a GRU, forward and backward, side by side  parts.multilevel.MultiLevel.states
    (3)      level 2: mean of the GRU's states                    parts.multilevel.MultiLevel.pooled
    (4)      level 3: filter, ReLU, maximum over positions        parts.multilevel.MultiLevel.windows
    (5)      level 3: windows of all lengths, side by side        parts.multilevel.MultiLevel.windows
    (6) (7)  the levels of a video, of a sentence, side by side   parts.multilevel.MultiLevel.encode
    (8)      affine map to the common space, batch norm           DualEncoding.common_space
    (9)      triplet loss with the hardest negatives              DualEncoding.loss

Departures
    D1  word vectors start at random; the authors start them from word2vec trained on Flickr tags.
    D2  from the released code, not in the text: dropout after levels 2 and 3 and before unit
        length; levels 2 and 3 see the first `max_frames` frames, level 1 sees all of them; a
        video's GRU has 1,024 states a direction (text: 512); the bag counts, where the text
        averages; a window of k steps has n + k - 1 positions (text: n); the rate falls by 1 % an
        epoch, beside the halving.

The released code: models/official/dual_encoding.py. Claims and reported numbers: the record.
What is tested: tests/models/test_dual_encoding.py
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.multilevel import LevelSizes, TextLevels, VideoLevels
from models.parts.recipe import recipe
from models.parts.spaces import affine_space

Ints: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Config:
    """The authors' training script."""

    word_dim: int = 500
    word_init: float = 1.0  # word vectors start in U(-word_init, word_init)
    text_rnn: int = 512  # states of one direction
    video_rnn: int = 1024  # D2
    text_kernels: Ints = (2, 3, 4)  # words per window
    video_kernels: Ints = (2, 3, 4, 5)  # frames per window
    text_filters: int = 512  # of each length
    video_filters: int = 512
    text_levels: Ints = (1, 2, 3)
    video_levels: Ints = (1, 2, 3)
    common: int = 2048
    dropout: float = 0.2
    max_frames: int = 64
    margin: float = 0.2
    hardest: bool = True  # else all negatives

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


class DualEncoding(RetrievalModel):
    """Two multi-level encoders and one common space."""

    Config = Config
    views = frozenset({"words", "bow", "frames"})
    recipe = recipe(
        optimiser="adam",
        learning_rate=1e-4,
        batch_size=128,
        epochs=50,
        clip_norm=2.0,
        lr_decay=0.99,
        lr_patience=3,
        lr_rule="since-change",
        early_stopping_patience=10,
    )
    small_recipe = recipe.but(learning_rate=3e-4, epochs=5, early_stopping_patience=3)
    # Fewer captions: as many steps as the five epochs take elsewhere, patience as published.
    recipe_by_dataset: ClassVar = {"diorama-avs": {"epochs": 26, "early_stopping_patience": 10}}
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
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c, frame = config, data.dims["frames"]
        text = LevelSizes(data.bow, c.word_dim, c.text_rnn, c.text_filters, c.text_kernels)
        video = LevelSizes(frame, frame, c.video_rnn, c.video_filters, c.video_kernels)
        self.text = TextLevels(
            data.vocabulary, text, c.text_levels, word_init=c.word_init, dropout=c.dropout
        )  # D1
        self.video = VideoLevels(
            video, c.video_levels, max_frames=c.max_frames, dropout=c.dropout
        )  # D2
        self.text_space = self.common_space(self.text.out)
        self.video_space = self.common_space(self.video.out)

    def common_space(self, width: int) -> nn.Sequential:
        """W u + b and batch norm; unit length follows in the encoders."""
        c = self.config
        norm, dropout = nn.BatchNorm1d(c.common), nn.Dropout(c.dropout)  # D2
        return affine_space(width, c.common, norm, dropout)  # Eq. (8)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t c"]:
        """Captions in the common space."""
        u = self.text(captions.bow, captions.words, captions.mask)
        return F.normalize(self.text_space(u), dim=1)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v c"]:
        """Videos in the common space."""
        u = self.video(clips.features["frames"], clips.mask["frames"])
        return F.normalize(self.video_space(u), dim=1)

    def similarity(
        self, text: Float[Tensor, "t c"], video: Float[Tensor, "v c"]
    ) -> Float[Tensor, "t v"]:
        """S, cosines."""
        return text @ video.mT

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Another caption of the same video in the batch counts as a negative."""
        by_caption, by_video = hinge_terms(self(batch), self.config.margin)
        if not self.config.hardest:
            return by_caption.sum() + by_video.sum()
        return by_caption.amax(1).sum() + by_video.amax(0).sum()  # Eq. (9)


Model = DualEncoding
