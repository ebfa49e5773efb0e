"""Visual Semantic Enhanced Reasoning Network (ViSERN).

Feng, Zeng, Guo, Li. "Exploiting Visual Semantic Reasoning for Video-Text Retrieval." IJCAI 2020,
arXiv:2006.08889.                                Record: data/papers.yaml, feng2020visern

The regions of a frame are the vertices of a graph in which every two are joined. A random walk along
its edges brings to each region what is related to it and leaves out what is not; the mean of the
regions is the frame, and the frames are read in the levels of Dual Encoding.

Symbols
    r, v   a region's features, its vertex          E, P   edges, probabilities of a step
    x_k    what the walk brings after k steps       f      a frame
    u      the levels of one side                   S      scores

Equations (written from the abstract and a reader's notes that have no formulas: numbers are ours and
stand for the steps of the method; after a part its own)
    (1?)   v: affine map of r                             ViSERN.__init__
    (2?)   E: product of two linear maps of the vertices  Reasoning.transition
    (3?)   P: softmax over the edges of a vertex          Reasoning.transition
    (4?)   x_k = (1 - q) P x_(k-1) + q v, x_0 = v         Reasoning.walk
    (5?)   graph convolution: v + two linear maps of x    Reasoning.forward
    (6?)   f: mean of the regions                         ViSERN.frames
    (7?)   the three levels of a side, side by side       parts.multilevel.MultiLevel.encode (6)
    (8?)   affine map to the common space, batch norm     ViSERN.common_space
    (9?)   triplet loss with the hardest negatives        ViSERN.loss

Departures (each is our choice where what was read is silent)
    D1  the walk: it starts again at its vertex with probability q, and ends after two steps.
        `gcn` is the other reading, one step without a restart.
    D2  P is a softmax; how negative edges are treated could not be read.
    D3  two layers, each with edges of its own; widths, and the form of the residual in (5?).
    D4  a frame is the plain mean of its regions.
    D5  encoders, common space, loss and recipe are Dual Encoding's, and so are their sizes.
    D6  a region is what the data's detector found, without its place in the frame; the paper's are
        of a detector trained on Visual Genome.
    D7  word vectors start at random.

No code was released and no number of the paper is compared. Claims: the record.
What is tested: tests/models/test_visern.py
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.graphs import true_first
from models.parts.losses import hinge_terms
from models.parts.multilevel import LevelSizes, TextLevels, VideoLevels
from models.parts.pooling import masked_mean, masked_softmax
from models.parts.recipe import recipe
from models.parts.spaces import affine_space

Ints: TypeAlias = tuple[int, ...]
Vertices: TypeAlias = Float[Tensor, "b n d"]
Present: TypeAlias = Bool[Tensor, "b n"]
PLACE = 5  # numbers of a region that are no features


@dataclass(frozen=True)
class Config:
    """Dual Encoding's sizes around the graph's."""

    region_dim: int = 1024  # D3
    layers: int = 2  # of reasoning
    steps: int = 2  # of a walk, D1
    restart: float = 0.5  # q
    edges: str = "learned"  # else uniform: all regions of a frame weigh the same
    word_dim: int = 500  # D5
    word_init: float = 1.0  # word vectors start in U(-word_init, word_init)
    text_rnn: int = 512  # states of one direction
    video_rnn: int = 1024
    text_kernels: Ints = (2, 3, 4)  # words per window
    video_kernels: Ints = (2, 3, 4, 5)  # frames per window
    text_filters: int = 512  # of each length
    video_filters: int = 512
    common: int = 2048
    dropout: float = 0.2
    max_frames: int = 64
    margin: float = 0.2

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(
            region_dim=128,
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


class Reasoning(nn.Module):
    """One layer of graph convolution that follows random walks."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        d, self.config = config.region_dim, config
        if config.edges == "learned":
            self.source, self.target = (nn.Linear(d, d, bias=False) for _ in range(2))
        self.gather, self.out = nn.Linear(d, d, bias=False), nn.Linear(d, d)

    def transition(self, v: Vertices, mask: Present) -> Float[Tensor, "b n n"]:
        """P [i, j]: from region i to region j of the same frame; zero to the padding."""
        if self.config.edges != "learned":
            return masked_softmax(v.new_zeros(*mask.shape, mask.shape[1]), mask[:, None])
        E = self.source(v) @ self.target(v).mT / v.shape[2] ** 0.5  # Eq. (2?)
        return masked_softmax(E, mask[:, None])  # Eq. (3?), D2

    def walk(self, v: Vertices, P: Float[Tensor, "b n n"]) -> Vertices:
        """x after the last step."""
        q, x = self.config.restart, v
        for _ in range(self.config.steps):
            x = (1 - q) * (P @ x) + q * v  # Eq. (4?), D1
        return x

    def forward(self, v: Vertices, mask: Present) -> Vertices:
        """The regions, each with what is related to it."""
        x = self.walk(v, self.transition(v, mask))
        return v + self.out(self.gather(x))  # Eq. (5?), D3


class ViSERN(RetrievalModel):
    """Regions that reason within their frame, frames in three levels."""

    Config = Config
    views = frozenset({"words", "bow", "boxes"})
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
    )  # D5
    small_recipe = recipe.but(learning_rate=3e-4, epochs=8, early_stopping_patience=3)
    variants: ClassVar = {
        "full": {},
        "gcn": {"steps": 1, "restart": 0.0},
        "uniform": {"edges": "uniform"},
        "no-reasoning": {"layers": 0},
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c, d = config, config.region_dim
        self.project = nn.Linear(data.dims["regions"] - PLACE, d)  # Eq. (1?), D6
        self.reasoning = nn.ModuleList(Reasoning(c) for _ in range(c.layers))
        text = LevelSizes(data.bow, c.word_dim, c.text_rnn, c.text_filters, c.text_kernels)
        video = LevelSizes(d, d, c.video_rnn, c.video_filters, c.video_kernels)
        self.text = TextLevels(
            data.vocabulary, text, word_init=c.word_init, dropout=c.dropout
        )  # D7
        self.video = VideoLevels(video, max_frames=c.max_frames, dropout=c.dropout)
        self.text_space = self.common_space(self.text.out)
        self.video_space = self.common_space(self.video.out)

    def common_space(self, width: int) -> nn.Sequential:
        """W u + b and batch norm; unit length follows in the encoders."""
        c = self.config
        norm, dropout = nn.BatchNorm1d(c.common), nn.Dropout(c.dropout)
        return affine_space(width, c.common, norm, dropout)  # Eq. (8?)

    def frames(self, clips: Clips) -> tuple[Float[Tensor, "v steps d"], Bool[Tensor, "v steps"]]:
        """f of each frame in which there is a region, in order, and their mask."""
        assert clips.regions is not None
        mask = clips.regions.mask
        present = mask.flatten(0, 1)
        v = self.project(clips.regions.features.flatten(0, 1))
        for layer in self.reasoning:
            v = layer(v, present)
        f = masked_mean(v, present).unflatten(0, mask.shape[:2])  # Eq. (6?), D4
        at = true_first(mask.any(2))
        return f.take_along_dim(at[..., None], 1), mask.any(2).take_along_dim(at, 1)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t c"]:
        """Captions in the common space."""
        u = self.text(captions.bow, captions.words, captions.mask)
        return F.normalize(self.text_space(u), dim=1)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v c"]:
        """Videos in the common space."""
        return F.normalize(self.video_space(self.video(*self.frames(clips))), dim=1)

    def similarity(
        self, text: Float[Tensor, "t c"], video: Float[Tensor, "v c"]
    ) -> Float[Tensor, "t v"]:
        """S, cosines."""
        return text @ video.mT

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Another caption of the same video in the batch counts as a negative."""
        by_caption, by_video = hinge_terms(self(batch), self.config.margin)
        return by_caption.amax(1).sum() + by_video.amax(0).sum()  # Eq. (9?)


Model = ViSERN
