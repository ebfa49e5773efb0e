"""Find and Focus (FIFO).

Shao, Xiong, Zhao, Huang, Qiao, Lin. "Find and Focus: Retrieve and Localize Video Events with Natural
Language Queries." ECCV 2018.                    Record: data/papers.yaml, shao2018find

A paragraph finds videos as a whole; then every sentence looks for its clip in each candidate, and
how well the clips fit refines the score.

Symbols
    p, v   paragraph, video                         q, c     a sentence, a clip of a video
    r      relevance of a frame to a sentence       x        pairs of sentence and clip, 0 or 1
    s      cosine of a clip and a sentence          n        sentences of the paragraph
    u      clips that a sentence may have           S        scores

Equations (written from the abstract, the authors' figure and a reader's notes, which have no
formulas: numbers are ours and stand for the steps of the method; after a part its own)
    (1?)   find: cosine of p and v, means of words and frames   FindAndFocus.similarity
    (2?)   r: cosine of the frame and the sentence              FindAndFocus.parts
    (3?)   clips: runs of frames with r above a share of its    groups
           range, at several shares
    (4?)   s: cosine of the mean of a clip's frames and q       Curves.of
    (5?)   x: the most of x s, a clip once, a sentence u times  parts.assignment.assign (1)
    (6?)   focus: the x s of a pair, over u n                   FindAndFocus.focus
    (7?)   S: find + weight x focus                             FindAndFocus.similarity
    (8?)   hinges of p and v, and of sentences and clips        FindAndFocus.loss

Departures (each is our choice where what was read is silent)
    D1  both sides are means, of word vectors that are learnt and of frames; the authors' features
        are of two streams. Each level has maps of its own, and word vectors are shared.
    D2  every video is a candidate: a score is of its pair alone. The authors refine the first ones.
    D3  shares, how many clips a sentence proposes, u, the weight of focus; sizes and recipe.
    D4  runs of frames stand for the authors' grouping by semantics; gaps are not bridged.
    D5  clips of annotated times train the second level, all negatives count, those of the same
        video as much as others; the matching is of the test alone.

No code was released and no number of the paper is compared. Claims: the record.
What is tested: tests/models/test_find_and_focus.py
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.assignment import assign
from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.nested import pad_parts
from models.parts.pooling import masked_mean
from models.parts.recipe import recipe
from models.parts.spaces import affine_space
from models.parts.temporal import take_uniform

Spans: TypeAlias = tuple[Tensor, Tensor, Tensor]  # starts, ends (excluded), which of them there are
Sentences: TypeAlias = Float[Tensor, "t n d"]  # of unit length
Frames: TypeAlias = Float[Tensor, "v m d"]  # zero at the padding
Present: TypeAlias = Bool[Tensor, "v m"]  # which frames there are
CHUNK = 16  # captions whose clips are matched at a time


@dataclass(frozen=True)
class Config:
    """Our choices, D3."""

    word_dim: int = 300
    common: int = 512  # of either level
    focus: bool = True  # else find alone
    clips: Literal["grouped", "windows", "whole"] = "grouped"  # windows: the same in every video
    shares: tuple[float, ...] = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
    proposals: int = 4  # of a sentence
    clips_per_sentence: int = 2  # u
    focus_weight: float = 0.5
    max_frames: int = 64  # evenly spread
    margin: float = 0.2

    @classmethod
    def small(cls) -> "Config":
        """Sizes for the synthetic benchmark."""
        return cls(word_dim=64, common=128, shares=(0.9, 0.7, 0.5, 0.3, 0.1), max_frames=32)


class Text(NamedTuple):
    """Paragraphs and, where there is focus, their sentences side by side."""

    whole: Float[Tensor, "t d"]
    sentences: Tensor | None = None
    mask: Tensor | None = None


class Video(NamedTuple):
    """Videos and, where there is focus, their frames in the space of clips."""

    whole: Float[Tensor, "v d"]
    frames: Tensor | None = None
    mask: Tensor | None = None


@dataclass
class Curves:
    """What the cosine of any clip with any sentence follows from."""

    products: Float[Tensor, "t n v steps"]  # of a sentence and the first 0, 1, 2, ... frames summed
    lengths: Float[Tensor, "v steps_steps"]  # of the sum of frames between two steps

    @classmethod
    def of_frames(cls, q: Sentences, f: Frames) -> "Curves":
        """From all sentences and all frames."""
        sums = F.pad(f.cumsum(1), (0, 0, 1, 0))
        products = torch.einsum("tnd,vmd->tnvm", q, sums)
        lengths = torch.cdist(sums, sums, compute_mode="donot_use_mm_for_euclid_dist")
        return cls(products, lengths.flatten(1))

    def of(
        self, start: Int[Tensor, "t _ v k"], end: Int[Tensor, "t _ v k"]
    ) -> Float[Tensor, "t n v k"]:
        """s of clips with sentences; one row of clips per sentence, or one for all of them."""
        t, n, v, steps = self.products.shape
        at = (x.expand(t, n, v, -1) for x in (start, end))
        first, last = (self.products.gather(3, x) for x in at)
        pair = (start * steps + end).permute(2, 0, 1, 3)
        length = self.lengths.gather(1, pair.flatten(1)).view(pair.shape).permute(1, 2, 0, 3)
        return (last - first) / length.clamp(min=1e-6)  # Eq. (4?)


def groups(
    r: Float[Tensor, "*b n"], mask: Bool[Tensor, "*#b n"], shares: tuple[float, ...]
) -> Spans:
    """(..., shares x n) the maximal runs of frames above each share of the range of r."""
    low = r.masked_fill(~mask, float("inf")).amin(-1, keepdim=True)
    high = r.masked_fill(~mask, float("-inf")).amax(-1, keepdim=True)
    height = (1 - (high - r) / (high - low).clamp(min=1e-6)).masked_fill(~mask, -1.0)
    above = height[..., None, :] >= torch.tensor(shares, device=r.device)[:, None]
    step, n = torch.arange(r.shape[-1], device=r.device), r.shape[-1]
    start = torch.where(above, 0, step + 1).cummax(-1).values
    end = n - torch.where(above, 0, n - step).flip(-1).cummax(-1).values.flip(-1)
    found = above & (start == step)
    # A run that is the same at a higher share is that one.
    found[..., 1:, :] &= ~(found[..., :-1, :] & (end[..., 1:, :] == end[..., :-1, :]))
    return start.flatten(-2), end.flatten(-2), found.flatten(-2)  # Eq. (3?), D4


def windows(there: Present, *, whole: bool = False) -> Spans:
    """(v, windows) of 1, 2, 4, ... frames, each beginning where the last ends; or the whole."""
    n = there.shape[1]
    sizes = [n] if whole else [2**k for k in range(n.bit_length())]
    spans = [(at, at + size) for size in sizes for at in range(0, n, size)]
    start, end = torch.tensor(spans, device=there.device).mT
    count = there.sum(1, keepdim=True)
    return start.expand(len(there), -1), torch.minimum(end, count), start < count


class FindAndFocus(RetrievalModel):
    """Whole paragraphs with whole videos, sentences with clips."""

    Config = Config
    views = frozenset({"words", "frames"})
    recipe = recipe(
        optimiser="adam", learning_rate=1e-4, batch_size=64, epochs=50, early_stopping_patience=10
    )  # D3
    small_recipe = recipe.but(learning_rate=1e-3, epochs=20)
    variants: ClassVar = {
        "full": {},
        "find": {"focus": False},
        "whole-clip": {"clips": "whole"},
        "windows": {"clips": "windows"},
        "one-clip": {"clips_per_sentence": 1},
    }

    @classmethod
    def needs(cls, config: Config) -> frozenset[str]:
        """Sentences, and annotated clips to learn from, where there is focus."""
        return cls.views | ({"sentences", "segments"} if config.focus else set())

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c = config
        self.words = nn.Embedding(data.vocabulary, c.word_dim)
        nn.init.normal_(self.words.weight, std=c.word_dim**-0.5)  # D1
        self.paragraph = affine_space(c.word_dim, c.common)
        self.video = affine_space(data.dims["frames"], c.common)
        if c.focus:
            self.sentence = affine_space(c.word_dim, c.common)
            self.clip = affine_space(data.dims["frames"], c.common)

    def read(self, captions: Captions) -> Float[Tensor, "t e"]:
        """Mean word vectors."""
        return masked_mean(self.words(captions.words), captions.mask)

    def encode_text(self, captions: Captions) -> Text:
        """Paragraphs and sentences, of unit length."""
        whole = F.normalize(self.paragraph(self.read(captions)), dim=1)
        if not self.config.focus:
            return Text(whole)
        q = F.normalize(self.sentence(self.read(captions.sentences.items)), dim=1)
        return Text(whole, *pad_parts(q, captions.sentences.owner, len(whole)))

    def encode_video(self, clips: Clips) -> Video:
        """No annotated clip is read."""
        x, mask = clips.features["frames"], clips.mask["frames"]
        whole = F.normalize(self.video(masked_mean(x, mask)), dim=1)
        if not self.config.focus:
            return Video(whole)
        x, mask = take_uniform(x, mask, self.config.max_frames)
        return Video(whole, self.clip(x).masked_fill(~mask[..., None], 0.0), mask)

    def similarity(self, text: Text, video: Video) -> Float[Tensor, "t v"]:
        """S of every pair."""
        find = text.whole @ video.whole.mT  # Eq. (1?)
        if not self.config.focus:
            return find
        rows = zip(text.sentences.split(CHUNK), text.mask.split(CHUNK), strict=True)
        focus = torch.cat([self.focus(q, mask, video.frames, video.mask) for q, mask in rows])
        return find + self.config.focus_weight * focus  # Eq. (7?), D2

    def parts(self, q: Sentences, f: Frames, there: Present, curves: Curves) -> Spans:
        """(t, n, v, proposals) the clips in each video that fit a sentence best."""
        if self.config.clips == "grouped":
            r = torch.einsum("tnd,vmd->tnvm", q, F.normalize(f, dim=2))  # Eq. (2?)
            start, end, found = groups(r, there, self.config.shares)
        else:
            spans = windows(there, whole=self.config.clips == "whole")
            start, end, found = (x.expand(*q.shape[:2], -1, -1) for x in spans)
        s = curves.of(start, end).masked_fill(~found, float("-inf"))
        top, at = s.topk(min(self.config.proposals, s.shape[3]), dim=3)
        return start.gather(3, at), end.gather(3, at), top.isfinite()

    def focus(
        self, q: Sentences, mask: Bool[Tensor, "t n"], f: Frames, there: Present
    ) -> Float[Tensor, "t v"]:
        """How well clips of each video fit the sentences of each paragraph."""
        curves, u = Curves.of_frames(q, f), self.config.clips_per_sentence
        start, end, found = self.parts(q, f, there, curves)
        spans = start, end, found & mask[:, :, None, None]
        # All sentences may have any clip that one of them proposes.
        start, end, found = (x.transpose(1, 2).flatten(2) for x in spans)
        same = (start[..., None] == start[..., None, :]) & (end[..., None] == end[..., None, :])
        found = found & ~(same & found[..., None, :]).tril(-1).any(3)
        s = curves.of(start[:, None], end[:, None]).transpose(1, 2)  # (t, v, n, clips)
        s, mask = s.repeat_interleave(u, 2), mask.repeat_interleave(u, 1)
        x = assign(s.detach(), found[:, :, None] & mask[:, None, :, None])  # D3
        return (x * s).sum((2, 3)) / mask.sum(1, keepdim=True).clamp(min=1)  # Eq. (6?)

    def ranking(self, s: Float[Tensor, "b b"]) -> Float[Tensor, ""]:
        """Hinges of both directions with all negatives, mean over the table."""
        return sum(hinge_terms(s, self.config.margin)).mean()

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Of both levels. Sentence k of a paragraph tells of clip k of its video."""
        text, video = self.encode_text(batch.captions), self.encode_video(batch.clips)
        find = self.ranking(text.whole @ video.whole.mT)
        if not self.config.focus:
            return find
        items = batch.clips.segments.items
        clips = self.clip(masked_mean(items.features["frames"], items.mask["frames"]))
        s = text.sentences[text.mask] @ F.normalize(clips, dim=1).mT
        return find + self.ranking(s)  # Eq. (8?), D5


Model = FindAndFocus
