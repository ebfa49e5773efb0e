"""Dual-task: an embedding that can be read.

Wu, Ngo. "Interpretable Embedding for Ad-Hoc Video Search." ACM Multimedia 2020, arXiv:2402.11812.
                                                 Record: data/papers.yaml, wu2020interpretable

Dual Encoding with a second task: the concepts that a video's captions mention are decoded from its
embedding. A query finds videos by its embedding, by the concepts it mentions, and by both.

Symbols
    u      the levels of one side, concatenated         f    embedding of a side, of unit length
    y      concepts that any caption of a video mentions, 0 or 1        q    those of a query
    p      probability of each concept in a video       b    cross-entropy of one p with its y

Equations (the PDF was not at hand: numbers are ours, for the steps of the method; after a part its
number in the text of Dual Encoding)
    (1?)   level 2: mean of the GRU's states                 parts.multilevel.MultiLevel.pooled (3)
    (2?)   level 3: filter, ReLU, maximum over positions     parts.multilevel.MultiLevel.windows (4)
    (3?)   the levels, concatenated                          parts.multilevel.MultiLevel.encode (6)
    (4?)   f: affine map, batch norm, unit length            DualTask.common_space
    (5?)   p: affine map of f, batch norm, sigmoid           DualTask.encode_video
    (6?)   triplet loss with the hardest negatives           DualTask.matching
    (7?)   mean b where y = 1 and where y = 0, weighted      DualTask.tagging
    (8?)   loss of both tasks, summed over the batch         DualTask.loss
    (9?)   score by concepts: sum of the p above one half    DualTask.concept_scores
    (10?)  scores of both searches, fused                    DualTask.fused

Departures
    D1  word vectors start at random; the authors start them from word2vec trained on Flickr tags.
    D2  function words, which are no concepts, are those of our list; the authors' was not released.
    D3  scores are fused as they are, the concepts' as a mean over the query's; the authors scale
        each query's scores by their extremes over the collection (Q3).
    D4  from the released code: dropout after levels 2 and 3, before unit length and before the
        sigmoid; levels 2 and 3 see the first `max_frames` frames, level 1 sees all of them.
    D5  the epoch is chosen by the fused scores; the authors keep one for each task.

The released code: models/official/dual_task_avs.py. Claims and reported numbers: the record.
What is tested: tests/models/test_dual_task_avs.py
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import hardest, hinge_terms
from models.parts.multilevel import LevelSizes, TextLevels, VideoLevels
from models.parts.recipe import recipe
from models.parts.spaces import affine_space

Ints: TypeAlias = tuple[int, ...]
Side: TypeAlias = dict[str, Float[Tensor, "_ _"]]  # embedding: f; concepts: q or p
TINY = 1e-5  # added to what a logarithm is taken of
LIKELY = 0.5  # a probability above this counts in a search


@dataclass(frozen=True)
class Config:
    """The authors' training script."""

    word_dim: int = 500
    word_init: float = 1.0  # word vectors start in U(-word_init, word_init); 0.1 at other word_dim
    text_rnn: int = 512  # states of one direction
    video_rnn: int = 1024
    text_kernels: Ints = (2, 3, 4)  # words per window
    video_kernels: Ints = (2, 3, 4, 5)  # frames per window
    text_filters: int = 512  # of each length
    video_filters: int = 512
    levels: Ints = (1, 2, 3)  # of both sides
    common: int = 2048
    dropout: float = 0.2
    max_frames: int = 64
    margin: float = 0.2
    concept_loss: Literal["class-sensitive", "plain"] | None = "class-sensitive"  # None: one task
    mentioned_weight: float = 0.2  # of the mentioned concepts' mean b; the others' is the rest
    concept_share: float = 0.3  # of the fused score: 0 embedding alone, 1 concepts alone

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        names = ("word_dim", "text_rnn", "video_rnn", "text_filters", "video_filters")
        sizes, kernels = dict.fromkeys(names, 64), (2, 3)
        return cls(**sizes, word_init=0.1, text_kernels=kernels, video_kernels=kernels, common=256)


class DualTask(RetrievalModel):
    """Two multi-level encoders, one space, and a decoder of concepts on the video's side."""

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
        early_stopping_patience=5,
    )
    small_recipe = recipe.but(learning_rate=3e-4, epochs=8, early_stopping_patience=3)
    variants: ClassVar = {
        "full": {},
        "embedding-scores": {"concept_share": 0.0},  # trained for both tasks
        "concept-scores": {"concept_share": 1.0},
        "plain-bce": {"concept_loss": "plain"},
        "one-task": {"concept_loss": None},
        "reduced": {"levels": (2, 3)},
    }

    @classmethod
    def needs(cls, config: Config) -> frozenset[str]:
        """One task is learnt without concepts."""
        return cls.views | ({"mentions", "video-mentions"} if config.concept_loss else set())

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c, frame = config, data.dims["frames"]
        text = LevelSizes(data.bow, c.word_dim, c.text_rnn, c.text_filters, c.text_kernels)
        video = LevelSizes(frame, frame, c.video_rnn, c.video_filters, c.video_kernels)
        self.text = TextLevels(
            data.vocabulary, text, c.levels, word_init=c.word_init, dropout=c.dropout
        )  # D1, D4
        self.video = VideoLevels(video, c.levels, max_frames=c.max_frames, dropout=c.dropout)  # D4
        self.text_space = self.common_space(self.text.out)
        self.video_space = self.common_space(self.video.out)
        if c.concept_loss:
            k = data.vectors["mentions"]  # D2
            self.decoder = affine_space(c.common, k, nn.BatchNorm1d(k), nn.Dropout(c.dropout))  # D4

    def common_space(self, width: int) -> nn.Sequential:
        """Unit length follows in the encoders."""
        norm, dropout = nn.BatchNorm1d(self.config.common), nn.Dropout(self.config.dropout)  # D4
        return affine_space(width, self.config.common, norm, dropout)  # Eq. (4?)

    def encode_text(self, captions: Captions) -> Side:
        """f of the captions, and the q that they mention."""
        u = self.text(captions.bow, captions.words, captions.mask)
        side = {"embedding": F.normalize(self.text_space(u), dim=1)}
        if self.config.concept_loss:
            side["concepts"] = captions.vectors["mentions"]
        return side

    def encode_video(self, clips: Clips) -> Side:
        """f of the videos, and the p decoded from it."""
        u = self.video(clips.features["frames"], clips.mask["frames"])
        side = {"embedding": F.normalize(self.video_space(u), dim=1)}
        if self.config.concept_loss:
            side["concepts"] = torch.sigmoid(self.decoder(side["embedding"]))  # Eq. (5?)
        return side

    @staticmethod
    def embedding_scores(text: Side, video: Side) -> Float[Tensor, "t v"]:
        """Cosines."""
        return text["embedding"] @ video["embedding"].mT

    @staticmethod
    def concept_scores(text: Side, video: Side) -> Float[Tensor, "t v"]:
        """A concept that is no likelier there than not counts nothing."""
        p = video["concepts"]
        return text["concepts"] @ p.masked_fill(p <= LIKELY, 0.0).mT  # Eq. (9?)

    def similarity(self, text: Side, video: Side) -> Float[Tensor, "t v"]:
        """Scores of both searches together; of the embedding where there is one task."""
        E = self.embedding_scores(text, video)
        if not self.config.concept_loss:
            return E
        count = text["concepts"].sum(1, keepdim=True)
        return self.fused(E, self.concept_scores(text, video) / count.clamp(min=1))  # D3

    def fused(self, E: Float[Tensor, "t v"], C: Float[Tensor, "t v"]) -> Float[Tensor, "t v"]:
        """Weighted sum."""
        share = self.config.concept_share
        return (1 - share) * E + share * C  # Eq. (10?)

    def matching(self, text: Side, video: Side) -> Float[Tensor, ""]:
        """Another caption of the same video in the batch counts as a negative."""
        terms = hinge_terms(self.embedding_scores(text, video), self.config.margin)
        return torch.cat(hardest(*terms)).sum()  # Eq. (6?)

    def tagging(self, p: Float[Tensor, "b k"], y: Float[Tensor, "b k"]) -> Float[Tensor, ""]:
        """Sum over the videos; one whose captions mention no concept is left out."""
        some = y.any(1)
        p, y = p[some], y[some]
        b = -y * (p + TINY).log() - (1 - y) * (1 - p + TINY).log()
        if self.config.concept_loss == "plain":
            return b.mean(1).sum()
        w, others = self.config.mentioned_weight, 1 - y
        mentioned = (b * y).sum(1) / y.sum(1)
        unmentioned = (b * others).sum(1) / others.sum(1).clamp(min=1)
        return (w * mentioned + (1 - w) * unmentioned).sum()  # Eq. (7?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Both tasks move the video's encoder."""
        text, video = self.encode_text(batch.captions), self.encode_video(batch.clips)
        total = self.matching(text, video)
        if self.config.concept_loss:
            total = total + self.tagging(
                video["concepts"], batch.captions.vectors["video-mentions"]
            )  # Eq. (8?)
        return total  # D5


Model = DualTask
