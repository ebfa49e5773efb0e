"""HERO.

Li, Chen, Cheng, Gan, Yu, Liu. "HERO: Hierarchical Encoder for Video+Language Omni-representation
Pre-training." EMNLP 2020, arXiv:2005.00200.     Record: data/papers.yaml, li2020hero

A video is read at two levels. A transformer reads the words of each subtitle with the frames shown
while it is said; a second one reads all frames of the video in the order of time. A caption has one
vector, a video one per frame, and the frame nearest to the caption is the score.

Symbols
    x      features of the frames               u      what frames became beside their subtitles
    f      frames, one vector each              q      a caption
    s      scores, captions x videos            m      margin
    P, w   how many wrong pairs are hard, and the weights of those and of the others

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   words and frames of a subtitle, in one transformer   HERO.read_segments
    (2?)   u: own features, mapped, plus the sum over segments  HERO.fuse
    (3?)   f: all frames of a video, in a second transformer    HERO.encode_video
    (4?)   q: words, in the first transformer and self-attention, weighted   HERO.encode_text
    (5?)   s: the largest cosine of q and a frame               HERO.similarity
    (6?)   hinges of a caption and wrong videos, of its video and wrong captions   HERO.term
    (7?)   later in training the P largest weigh more           HERO.weighted

Departures
    D1  nothing is pre-trained: neither RoBERTa's weights nor the paper's four tasks. The authors
        begin with both. Words are whole ones.
    D2  features are those that a dataset calls frames; the authors' are ResNet-152's and
        SlowFast's, one every 1.5 or 2 seconds.
    D3  a frame belongs to each line of speech that it overlaps in time; how the authors match them
        was not read. A video without speech is one segment, as all are without subtitles.
    D4  hard pairs weigh more from an epoch on, the one next to the authors' step 2000 of 4000;
        17 epochs are about as many steps on the 180,000 captions of the 1k-A split.
    D5  AdamW decays all weights, the authors' spares biases and normalisations; the authors pick
        a checkpoint by hand.
    D6  a video without a frame scores 0.

The released code: models/official/hero.py. Claims and reported numbers: the record.
What is tested: tests/models/test_hero.py
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import weighted_by_rank
from models.parts.pooling import masked_softmax
from models.parts.recipe import recipe
from models.parts.subtitles import END, Segments, spoken_segments, whole_videos
from models.parts.temporal import trim_padding
from models.parts.transformer import EPSILON, Bert, encoder_layers, init_bert_weights

Video: TypeAlias = tuple[Float[Tensor, "v n width"], Bool[Tensor, "v n"]]  # frames and their mask
KIND = 1  # of two kinds of steps: that of words and of frames alike


@dataclass(frozen=True)
class Config:
    """The authors' configuration for MSR-VTT with subtitles."""

    max_words: int = 60  # of a caption or a subtitle
    max_frames: int = 100  # the first of a video
    text: tuple[int, ...] = (768, 12, 3072, 6)  # width, heads, feed-forward width, blocks
    temporal_blocks: int = 3  # 0: frames are not read in the order of time
    positions: int = 514
    dropout: float = 0.1
    cross_modal: bool = True  # False: frames are read without subtitles, each for itself
    subtitles: bool = True  # False: one segment, all frames
    margin: float = 0.1
    loss_weight: float = 10.0
    hard_from: int | None = 9  # epoch, D4; None: never
    hard_pool: int = 80
    hard_weights: tuple[float, float] = (10.0, 0.1)  # of hard pairs, of the others

    @classmethod
    def small(cls) -> "Config":
        """Sizes for the synthetic benchmark. So narrow, it needs no dropout."""
        sizes = {"temporal_blocks": 1, "positions": 64, "hard_from": 10, "hard_pool": 10}
        return cls(20, 32, (64, 4, 128, 1), dropout=0.0, **sizes)


class Placed(nn.Module):
    """Steps that know their place: position added, normalised."""

    def __init__(self, positions: int, width: int, dropout: float) -> None:
        super().__init__()
        self.positions = nn.Embedding(positions, width)
        self.norm, self.dropout = nn.LayerNorm(width), nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "b n width"]) -> Float[Tensor, "b n width"]:
        """Places count from 0."""
        return self.dropout(self.norm(x + self.positions.weight[: x.shape[1]]))


class HERO(RetrievalModel):
    """A transformer of segments, one of videos, and the pooling of captions."""

    Config = Config
    views = frozenset({"words", "frames"})
    recipe = recipe(
        optimiser="adamw",  # D5
        learning_rate=7e-5,
        weight_decay=0.01,
        clip_norm=1.0,
        batch_size=384,
        accumulate=2,
        precision="fp16",
        epochs=17,  # D4
        warmup=0.1,
        shape="linear",
        select="SumR",  # D5
    )
    laptop: ClassVar = {"batch_size": 48, "accumulate": 1, "precision": None}
    small_recipe = recipe.but(learning_rate=1e-3, epochs=20, **laptop)
    variants: ClassVar = {
        "full": {},
        "video-only": {"subtitles": False},
        "no-temporal": {"temporal_blocks": 0},
        "no-cross": {"cross_modal": False},
        "even-negatives": {"hard_from": None},
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c, features = config, data.dims["frames"]  # D2
        width, heads, inner, blocks = c.text
        segment = encoder_layers(width, heads, inner, blocks, c.dropout)
        self.text = Bert(data.vocabulary, c.positions, segment, epsilon=1e-5)  # D1
        self.own = affine(features, width, c.dropout)
        if c.cross_modal:
            self.frame = nn.Sequential(nn.LayerNorm(features), nn.Linear(features, width))
            self.frame_places = Placed(c.max_frames, width, c.dropout)
        if c.temporal_blocks:
            temporal = encoder_layers(width, heads, inner, c.temporal_blocks, c.dropout)
            self.temporal = Bert(None, c.positions, temporal, segments=0, epsilon=1e-5)
        self.query = affine(width, width, c.dropout)
        self.query_places = Placed(c.positions, width, c.dropout)
        self.attention = nn.MultiheadAttention(width, heads, c.dropout, batch_first=True)
        self.attention_norm, self.dropout = nn.LayerNorm(width, EPSILON), nn.Dropout(c.dropout)
        self.importance = nn.Linear(width, 1, bias=False)
        self.apply(init_bert_weights)
        self.hard = False

    @classmethod
    def needs(cls, config: Config) -> frozenset[str]:
        """Speech and the time of frames, where subtitles are read."""
        read = config.cross_modal and config.subtitles
        return cls.views | ({"speech-tokens", "seconds"} if read else set())

    def on_epoch(self, epoch: int) -> None:
        """Hard pairs weigh more from an epoch on."""
        self.hard = self.config.hard_from is not None and epoch >= self.config.hard_from

    def query_words(self, captions: Captions) -> tuple[Int[Tensor, "t n"], Bool[Tensor, "t n"]]:
        """A caption without its end token."""
        later = F.pad(captions.mask[:, 1:], (0, 1))  # whether a true word follows
        mask = captions.mask & (later | (captions.words != END))
        return trim_padding(captions.words, mask, self.config.max_words)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t width"]:
        """A caption's states, weighted by their importance."""
        words, mask = self.query_words(captions)
        x = self.query_places(self.query(self.text(words, mask, torch.full_like(words, KIND))))
        readable = mask | ~mask.any(1, keepdim=True)
        attended = self.attention(x, x, x, key_padding_mask=~readable, need_weights=False)[0]
        x = self.attention_norm(x + self.dropout(attended))
        return (masked_softmax(self.importance(x), mask[..., None], 1) * x).sum(1)  # Eq. (4?)

    def segments(self, clips: Clips, mask: Bool[Tensor, "v n"]) -> Segments:
        """Lines of speech with their frames, or whole videos."""
        if not self.config.subtitles:
            return whole_videos(mask)  # D3
        assert clips.speech is not None
        parts = spoken_segments(mask, clips.seconds["frames"][:, : mask.shape[1]], clips.speech)
        words = trim_padding(parts.words, parts.words_mask, self.config.max_words)
        return Segments(parts.row, parts.frames, parts.frames_mask, *words)

    def read_segments(
        self, x: Float[Tensor, "v n features"], s: Segments
    ) -> Float[Tensor, "segments steps width"]:
        """States of the frames of a segment, then of its words."""
        frames = x[s.row[:, None], s.frames].masked_fill(~s.frames_mask[..., None], 0.0)
        kind = self.text.segments.weight[KIND]
        frames = self.frame_places(self.frame(frames) + kind)
        words = self.text.embed(s.words, torch.full_like(s.words, KIND))
        mask = torch.cat([s.frames_mask, s.words_mask], 1)
        steps = torch.cat([frames, words], 1)
        return self.text.blocks(steps, src_key_padding_mask=~mask)  # Eq. (1?)

    def fuse(
        self, x: Float[Tensor, "v n features"], s: Segments | None
    ) -> Float[Tensor, "v n width"]:
        """What frames are by themselves and in every segment that shows them."""
        u = self.own(x)
        if s is None:
            return u
        states = self.read_segments(x, s)[:, : s.frames.shape[1]]
        row, mask = s.row[:, None].expand_as(s.frames), s.frames_mask
        return u.index_put((row[mask], s.frames[mask]), states[mask], accumulate=True)  # Eq. (2?)

    def encode_video(self, clips: Clips) -> Video:
        """Frames that know their subtitles and each other."""
        x, mask = clips.features["frames"], clips.mask["frames"]
        x, mask = trim_padding(x, mask, self.config.max_frames)
        x = x.masked_fill(~mask[..., None], 0.0)
        u = self.fuse(x, self.segments(clips, mask) if self.config.cross_modal else None)
        return (self.temporal(u, mask) if self.config.temporal_blocks else u), mask  # Eq. (3?)

    def similarity(self, text: Float[Tensor, "t width"], video: Video) -> Float[Tensor, "t v"]:
        """Cosine of the nearest frame."""
        f, mask = video
        cosines = torch.einsum("td,vnd->tvn", F.normalize(text, dim=1), F.normalize(f, dim=2))
        nearest = cosines.masked_fill(~mask, float("-inf")).amax(2)  # Eq. (5?)
        return nearest.masked_fill(~mask.any(1), 0.0)  # D6

    def term(self, wrong: Tensor, right: Tensor) -> Tensor:
        """Of each wrong pair and the right one it is compared with."""
        return (self.config.margin + wrong - right).clamp(min=0)  # Eq. (6?)

    def weighted(
        self, wrong: Float[Tensor, "t n"], right: Float[Tensor, "t 1"], counts: Bool[Tensor, "t n"]
    ) -> Float[Tensor, ""]:
        """Mean over the wrong pairs of each caption, then over captions."""
        terms = self.term(wrong, right) * counts
        if self.hard:  # Eq. (7?)
            terms = weighted_by_rank(terms, self.config.hard_pool, *self.config.hard_weights)
        mean = terms.sum(1) / counts.sum(1).clamp(min=1)
        return self.config.loss_weight * mean.mean()

    def losses(
        self, s: Float[Tensor, "t v"], owner: Int[Tensor, " t"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Captions against wrong videos; videos against wrong captions, once per own caption."""
        right = s.gather(1, owner[:, None])
        videos = torch.arange(s.shape[1], device=s.device) != owner[:, None]
        captions = owner != owner[:, None]
        return self.weighted(s, right, videos), self.weighted(s.mT[owner], right, captions)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Both directions."""
        return sum(self.losses(self(batch), batch.owners))


def affine(features: int, width: int, dropout: float) -> nn.Sequential:
    """Normalised, mapped, ReLU."""
    layers = nn.LayerNorm(features), nn.Dropout(dropout), nn.Linear(features, width), nn.ReLU()
    return nn.Sequential(*layers)


Model = HERO
