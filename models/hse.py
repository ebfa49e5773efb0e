"""Hierarchical Sequence Embedding (HSE, also CMHSE).

Zhang, Hu, Sha. "Cross-Modal and Hierarchical Modeling of Video and Text." ECCV 2018,
arXiv:1810.07212.                                Record: data/papers.yaml, zhang2018hse

A video of several acts and its paragraph are embedded in two levels: frames to clips to the video,
words to sentences to the paragraph. Both levels are aligned, and decoded again into what they read.

Symbols
    c_i, s_i   clip i, sentence i (level 1)        ctx   level 1 over a whole video or paragraph
    v, p       video, paragraph (level 2)          L     ranking loss of two sets of vectors
    E          mean distance of what is decoded from its targets

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   c, s, ctx: maximum of a GRU's states               Hierarchy.embed
    (2?)   v, p: a GRU over the parts that starts from ctx    Hierarchy.forward
    (3?)   scores: cosines of p and v                         HSE.similarity
    (4?)   L: hinge with all negatives, mean over the pairs   HSE.ranking
    (5?)   L(p, v) + L(ctx, ctx)                              HSE.loss
    (6?)   half of L(a, a) of each side: no two alike         HSE.within
    (7?)   L(s, c): each sentence with its clip               HSE.correspondence
    (8?)   weak: L of the mean cosines of two wholes' parts   HSE.correspondence
    (9?)   parts decoded from p and from v                    Hierarchy.decode_parts
    (10?)  words and frames decoded from those                Hierarchy.decode_steps

Departures
    D1  word vectors start at random and are learnt; the authors' start from GloVe.
    D2  a clip ends before the step at which its time ends; the authors' includes that step.
    D3  the epoch is chosen by the sum of R@1, R@5, R@10; the authors' by R@1, R@5, R@50.

Clips are cut at annotated times, as the authors' are, in the test too. Without moments there is
the flat baseline (FSE), `hierarchy=False`.

The released code: models/official/hse.py. Claims and reported numbers: the record.
What is tested: tests/models/test_hse.py
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.nested import mean_scores, pad_parts
from models.parts.pooling import masked_max
from models.parts.recipe import recipe
from models.parts.temporal import gru_states, sample_uniform, trim_padding, xavier_gru


@dataclass(frozen=True)
class Config:
    """The authors' command."""

    word_dim: int = 300
    common: int = 1024  # of both levels: a context is the first state of level 2
    max_frames: int = 80  # of a clip or a video, evenly spread
    hierarchy: bool = True  # else level 1 over the whole alone: FSE
    correspondence: str | None = "pairs"  # of clips and sentences; groups: the weak one; None
    reconstruct_parts: float = 5e-4  # weights of E
    reconstruct_steps: float = 1e-4
    margin: float = 0.2

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(word_dim=64, common=128)


@dataclass
class Parts:
    """The sentences of paragraphs or the clips of videos."""

    x: Float[Tensor, "n steps in"]  # words or frames
    mask: Bool[Tensor, "n steps"]
    owner: Int[Tensor, " n"]  # rising: the row of each one's whole
    embedding: Float[Tensor, "n d"]  # s or c


@dataclass
class Side:
    """Paragraphs or videos. The flat model has no parts; its whole is the context."""

    whole: Float[Tensor, "b d"]  # p or v
    context: Float[Tensor, "b d"]
    parts: Parts | None = None


class Hierarchy(nn.Module):
    """One side: steps to parts to the whole, and back. No vector has unit length."""

    def __init__(self, in_dim: int, config: Config) -> None:
        super().__init__()
        c, d = config, config.common
        self.level = nn.ModuleDict({"part": xavier_gru(in_dim, d)})
        if c.hierarchy:
            self.level["whole"] = xavier_gru(d, d)
            if c.reconstruct_parts:
                self.to_parts = xavier_gru(d, d)
            if c.reconstruct_steps:
                self.to_steps = xavier_gru(d, in_dim)

    def embed(
        self, level: str, x: Tensor, mask: Tensor, context: Float[Tensor, "b d"] | None = None
    ) -> Float[Tensor, "b d"]:
        """Sequences x (b, n, in) with mask (b, n); `context`: the state before the first step."""
        x, mask = trim_padding(x, mask)
        begin = None if context is None else context[None]
        return masked_max(gru_states(self.level[level], x, mask, begin), mask)  # Eq. (1?)

    def forward(
        self, context: Float[Tensor, "b d"], x: Tensor, mask: Tensor, owner: Int[Tensor, " n"]
    ) -> Side:
        """Both levels: x (n, steps, in) and mask (n, steps) are the steps of the parts."""
        parts = Parts(x, mask, owner, self.embed("part", x, mask))
        padded, present = pad_parts(parts.embedding, owner, len(context))
        return Side(self.embed("whole", padded, present, context), context, parts)  # Eq. (2?)

    def decode_parts(
        self, whole: Float[Tensor, "b d"], owner: Int[Tensor, " n"]
    ) -> Float[Tensor, "n d"]:
        """States of a GRU that reads the whole as often as it has parts."""
        padded, mask = pad_parts(whole[owner], owner, len(whole))
        return gru_states(self.to_parts, padded, mask)[mask]  # Eq. (9?)

    def decode_steps(
        self, parts: Float[Tensor, "n d"], mask: Bool[Tensor, "n steps"]
    ) -> Float[Tensor, "all in"]:
        """The same of each decoded part, as often as it has steps."""
        repeated = parts[:, None].expand(-1, mask.shape[1], -1)
        return gru_states(self.to_steps, repeated, mask)[mask]  # Eq. (10?)


class HSE(RetrievalModel):
    """Two levels on each side, aligned at both."""

    Config = Config
    views = frozenset({"words", "frames"})
    recipe = recipe(
        optimiser="adam",
        learning_rate=1e-3,
        batch_size=64,
        epochs=30,
        lr_decay=0.1,
        decay_every=10,
        select="SumR",  # D3
    )
    small_recipe = recipe
    variants: ClassVar = {
        "full": {},
        "flat": {"hierarchy": False},
        "no-correspondence": {"correspondence": None},
        "weak": {"correspondence": "groups"},
        "no-reconstruction": {"reconstruct_parts": 0.0, "reconstruct_steps": 0.0},
    }

    @classmethod
    def needs(cls, config: Config) -> frozenset[str]:
        """Sentences and their segments where there are two levels."""
        return cls.views | ({"sentences", "segments"} if config.hierarchy else set())

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        if config.reconstruct_steps and not config.reconstruct_parts:
            raise ValueError("steps are decoded from decoded parts: reconstruct_parts above 0")
        self.words = nn.Embedding(data.vocabulary, config.word_dim)
        nn.init.normal_(self.words.weight, std=config.word_dim**-0.5)  # D1
        self.text = Hierarchy(config.word_dim, config)
        self.video = Hierarchy(data.dims["frames"], config)

    def read_text(self, captions: Captions) -> Side:
        """Paragraphs."""
        context = self.text.embed("part", self.words(captions.words), captions.mask)
        if not self.config.hierarchy:
            return Side(context, context)
        assert captions.sentences is not None
        items, owner = captions.sentences.items, captions.sentences.owner
        return self.text(context, self.words(items.words), items.mask, owner)

    def read_video(self, clips: Clips) -> Side:
        """Videos."""
        context = self.video.embed("part", *self.frames(clips))
        if not self.config.hierarchy:
            return Side(context, context)
        assert clips.segments is not None
        return self.video(context, *self.frames(clips.segments.items), clips.segments.owner)  # D2

    def frames(self, clips: Clips) -> tuple[Float[Tensor, "v n in"], Bool[Tensor, "v n"]]:
        """At most `max_frames` of each clip."""
        x, mask = clips.features["frames"], clips.mask["frames"]
        at = sample_uniform(mask, self.config.max_frames)
        return x.gather(1, at[..., None].expand(-1, -1, x.shape[2])), mask.gather(1, at)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t d"]:
        """The p of the paragraphs."""
        return self.read_text(captions).whole

    def encode_video(self, clips: Clips) -> Float[Tensor, "v d"]:
        """The v of the videos."""
        return self.read_video(clips).whole

    def similarity(
        self, text: Float[Tensor, "t d"], video: Float[Tensor, "v d"]
    ) -> Float[Tensor, "t v"]:
        """Cosines, of parts and of one side with itself too."""
        return F.normalize(text, dim=1) @ F.normalize(video, dim=1).mT  # Eq. (3?)

    def ranking(self, scores: Float[Tensor, "n n"]) -> Float[Tensor, ""]:
        """L of two sets, from their cosines."""
        return sum(hinge_terms(scores, self.config.margin)).mean()  # Eq. (4?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """All terms, weighted. Sentence k of a paragraph belongs to clip k of its video."""
        text, video = self.read_text(batch.captions), self.read_video(batch.clips)
        total = self.ranking(self.similarity(text.context, video.context))
        if text.parts is None or video.parts is None:
            return total
        total = total + self.ranking(self.similarity(text.whole, video.whole))  # Eq. (5?)
        total = total + self.within(text.whole, video.whole)
        if self.config.correspondence is not None:
            total = total + self.correspondence(text.parts, video.parts, len(text.whole))
            total = total + self.within(text.parts.embedding, video.parts.embedding)
        if self.config.reconstruct_parts:
            total = total + self.reconstruction(self.text, text.whole, text.parts)
            total = total + self.reconstruction(self.video, video.whole, video.parts)
        return total

    def within(self, text: Float[Tensor, "n d"], video: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
        """Two of one side are pushed apart where their cosine is above 1 - margin."""
        t, v = (self.ranking(self.similarity(one, one)) for one in (text, video))
        return (t + v) / 2  # Eq. (6?)

    def correspondence(self, text: Parts, video: Parts, wholes: int) -> Float[Tensor, ""]:
        """Sentences with clips, one by one or by the wholes they belong to."""
        scores = self.similarity(text.embedding, video.embedding)
        if self.config.correspondence == "pairs":
            return self.ranking(scores)  # Eq. (7?)
        return self.ranking(mean_scores(scores, text.owner, video.owner, wholes))  # Eq. (8?)

    def reconstruction(
        self, side: Hierarchy, whole: Float[Tensor, "b d"], parts: Parts
    ) -> Float[Tensor, ""]:
        """E of the parts and of their steps, weighted."""
        c, decoded = self.config, side.decode_parts(whole, parts.owner)
        total = c.reconstruct_parts * self.distance(decoded, parts.embedding)
        if c.reconstruct_steps:
            steps = side.decode_steps(decoded, parts.mask)
            total = total + c.reconstruct_steps * self.distance(steps, parts.x[parts.mask])
        return total

    def distance(self, x: Float[Tensor, "n d"], target: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
        """E: mean Euclidean distance of rows from their targets, which get no gradient."""
        return torch.linalg.vector_norm(x - target.detach(), dim=1).mean()


Model = HSE
