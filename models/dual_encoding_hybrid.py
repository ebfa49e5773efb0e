"""Dual Encoding, hybrid space.

Dong, Li, Xu, Yang, Yang, Wang, Wang. "Dual Encoding for Video Retrieval by Text."
IEEE TPAMI 2021, arXiv:2009.05381.               Record: data/papers.yaml, dong2021dual

The multi-level encodings of Dual Encoding are mapped twice: to a latent space learnt by ranking
alone, and to a space of named concepts that can be read. Scores of both spaces are fused.

Symbols
    H      states of a biGRU, forward and backward side by side      S    scores
    u      the levels of one side, concatenated                      p    concepts of a side
    y      concepts that the captions of a video name                B    captions in a batch

Equations (the PDF was not at hand: numbers are ours, for the steps of the method; after a part its
number in the CVPR text)
    (1?)   level 2: mean of the GRU's states                 parts.multilevel.MultiLevel.pooled (3)
    (2?)   level 3: filter, ReLU, maximum over positions     parts.multilevel.MultiLevel.windows (4)
    (3?)   the levels, concatenated                          parts.multilevel.MultiLevel.encode (6)
    (4?)   latent space: affine map, batch norm              DualEncodingHybrid.latent_space
    (5?)   concept space: affine map, batch norm, sigmoid    DualEncodingHybrid.concept_space
    (6?)   generalised Jaccard index of two sides' p         DualEncodingHybrid.scores
    (7?)   triplet loss with the hardest negatives           DualEncodingHybrid.triplet
    (8?)   binary cross-entropy of p and y                   DualEncodingHybrid.tagging
    (9?)   loss: both triplets and the concepts              DualEncodingHybrid.loss
    (10?)  scores of the two spaces, fused                   DualEncodingHybrid.fused

Departures
    D1  word vectors start at random; the authors start them from word2vec trained on Flickr tags.
    D2  y counts the stems of all words of a video's captions but function words; the authors count
        lemmas of what a tagger calls nouns, verbs and adjectives.
    D3  scores are fused as they are; the authors scale them by the extremes of all test pairs (Q4).
    D4  from the released code: dropout after levels 2 and 3 and before unit length; levels 2 and 3
        see the first `max_frames` frames, level 1 sees all of them.

The released code: models/official/dual_encoding_hybrid.py. Claims and reported numbers: the record.
What is tested: tests/models/test_dual_encoding_hybrid.py
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.multilevel import LevelSizes, Pool, TextLevels, VideoLevels
from models.parts.recipe import recipe
from models.parts.similarity import jaccard
from models.parts.spaces import affine_space

Ints: TypeAlias = tuple[int, ...]
Spaces: TypeAlias = dict[str, Float[Tensor, "_ _"]]  # by space: latent, concept


@dataclass(frozen=True)
class Config:
    """The authors' training script."""

    word_dim: int = 500
    word_init: float = 1.0  # word vectors start in U(-word_init, word_init); 0.1 at other word_dim
    text_rnn: int = 512  # states of one direction
    video_rnn: int = 512
    text_kernels: Ints = (2, 3, 4)  # words per window
    video_kernels: Ints = (2, 3, 4, 5)  # frames per window
    text_filters: int = 512  # of each length
    video_filters: int = 512
    levels: Ints = (1, 2, 3)  # of both sides
    gru_pool: Pool = "mean"  # level 2: mean, max
    space: str = "hybrid"  # hybrid, latent, concept
    common: int = 1536  # dimensions of the latent space
    concepts: int = 512  # at most as many as the data name
    latent_weight: float = 0.6  # of the fused score; the concepts' is the rest
    dropout: float = 0.2
    max_frames: int = 64
    margin: float = 0.2  # in the latent space
    concept_margin: float = 0.2

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        names = ("word_dim", "text_rnn", "video_rnn", "text_filters", "video_filters", "concepts")
        sizes, kernels = dict.fromkeys(names, 64), (2, 3)
        return cls(**sizes, word_init=0.1, text_kernels=kernels, video_kernels=kernels, common=256)


class DualEncodingHybrid(RetrievalModel):
    """Two multi-level encoders, a latent space and a space of concepts."""

    version = 2  # concepts are counted over all captions of a video
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
    small_recipe = recipe.but(learning_rate=3e-4, epochs=8, early_stopping_patience=3)
    variants: ClassVar = {
        "full": {},
        "latent": {"space": "latent"},
        "concept": {"space": "concept"},
        "reduced": {"levels": (2, 3)},
        "max-pool": {"gru_pool": "max"},
        "latent-scores": {"latent_weight": 1.0},  # trained for both
    }

    @classmethod
    def needs(cls, config: Config) -> frozenset[str]:
        """The latent space alone is learnt without concepts."""
        return cls.views | ({"concepts"} if config.space != "latent" else set())

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c, frame = config, data.dims["frames"]
        text = LevelSizes(data.bow, c.word_dim, c.text_rnn, c.text_filters, c.text_kernels)
        video = LevelSizes(frame, frame, c.video_rnn, c.video_filters, c.video_kernels)
        self.text = TextLevels(
            data.vocabulary,
            text,
            c.levels,
            word_init=c.word_init,  # D1
            pool=c.gru_pool,
            dropout=c.dropout,
        )
        self.video = VideoLevels(
            video, c.levels, max_frames=c.max_frames, pool=c.gru_pool, dropout=c.dropout
        )  # D4
        if c.space != "concept":
            self.text_space = self.latent_space(self.text.out)
            self.video_space = self.latent_space(self.video.out)
        if c.space != "latent":
            self.text_concepts = self.concept_space(self.text.out)
            self.video_concepts = self.concept_space(self.video.out)

    def latent_space(self, width: int) -> nn.Sequential:
        """Unit length follows in `mapped`."""
        c = self.config
        norm, dropout = nn.BatchNorm1d(c.common), nn.Dropout(c.dropout)  # D4
        return affine_space(width, c.common, norm, dropout)  # Eq. (4?)

    def concept_space(self, width: int) -> nn.Sequential:
        """Probability of each concept."""
        k = min(self.config.concepts, self.data.vectors["concepts"])
        return nn.Sequential(nn.Linear(width, k), nn.BatchNorm1d(k), nn.Sigmoid())  # Eq. (5?)

    def mapped(self, side: str, u: Float[Tensor, "b u"]) -> Spaces:
        """One side in the spaces there are."""
        spaces = {}
        if self.config.space != "concept":
            spaces["latent"] = F.normalize(self.get_submodule(f"{side}_space")(u), dim=1)
        if self.config.space != "latent":
            spaces["concept"] = self.get_submodule(f"{side}_concepts")(u)
        return spaces

    def encode_text(self, captions: Captions) -> Spaces:
        """Captions in each space."""
        return self.mapped("text", self.text(captions.bow, captions.words, captions.mask))

    def encode_video(self, clips: Clips) -> Spaces:
        """Videos in each space."""
        return self.mapped("video", self.video(clips.features["frames"], clips.mask["frames"]))

    @staticmethod
    def scores(text: Spaces, video: Spaces) -> Spaces:
        """S of each space: cosines, Jaccard indices."""
        by = {"latent": lambda t, v: t @ v.mT, "concept": jaccard}  # Eq. (6?)
        return {space: by[space](text[space], video[space]) for space in text}

    def similarity(self, text: Spaces, video: Spaces) -> Float[Tensor, "t v"]:
        """S of the spaces together; of one alone where there is one."""
        return self.fused(self.scores(text, video))

    def fused(self, S: Spaces) -> Float[Tensor, "t v"]:
        """Weighted sum of the spaces' scores."""
        if len(S) == 1:
            return next(iter(S.values()))
        w = self.config.latent_weight
        return w * S["latent"] + (1 - w) * S["concept"]  # Eq. (10?), D3

    @staticmethod
    def triplet(S: Float[Tensor, "b b"], margin: float) -> Float[Tensor, ""]:
        """Another caption of the same video in the batch counts as a negative."""
        by_caption, by_video = hinge_terms(S, margin)
        return by_caption.amax(1).sum() + by_video.amax(0).sum()  # Eq. (7?)

    @staticmethod
    def tagging(p: Float[Tensor, "b k"], captions: Captions) -> Float[Tensor, ""]:
        """Mean over captions and concepts."""
        y = captions.vectors["concepts"][:, : p.shape[1]]  # D2
        return F.binary_cross_entropy(p, y)  # Eq. (8?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """The concepts' part is a sum over the batch, as the triplets are."""
        c, captions = self.config, batch.captions
        text, video = self.encode_text(captions), self.encode_video(batch.clips)
        S, margin = self.scores(text, video), {"latent": c.margin, "concept": c.concept_margin}
        total = torch.stack([self.triplet(S[space], margin[space]) for space in S]).sum()
        if c.space == "latent":
            return total
        bce = self.tagging(text["concept"], captions) + self.tagging(video["concept"], captions)
        return total + len(captions.words) * bce  # Eq. (9?)


Model = DualEncodingHybrid
