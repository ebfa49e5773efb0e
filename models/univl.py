"""UniVL.

Luo, Ji, Shi, Huang, Duan, Li, Li, Bharti, Zhou. "UniVL: A Unified Video and Language Pre-Training
Model for Multimodal Understanding and Generation." 2020, arXiv:2002.06353.
                                                 Record: data/papers.yaml, luo2020univl

A transformer per side, one over both and a decoder learn from narrated videos: the sides meet, words
and frames that were masked are guessed, the narration is written anew. Retrieval is fine-tuned.

Symbols
    t, v   states of text and frames      c      states of both, read together
    t', v', c'  the same of masked inputs s      scores, captions x clips
    m      margin                         hnr    weight of negatives of the same video

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   v: frames, normalised, in a transformer                     UniVL.encode_video
    (2?)   joint: mean states of both sides, compared                  UniVL.joint
    (3?)   align: c at the first word, an affine map                   UniVL.align
    (4?)   fine-tuning: hinges of all wrong pairs                      UniVL.margin_loss
    (5?)   MIL-NCE of the middle clip of each video, inner products    mil_nce
    (6?)   masked words from c'                                        UniVL.losses
    (7?)   masked frames from c', among all frames of the batch        UniVL.losses
    (8?)   the narration, word by word, from c'                        UniVL.caption
    (9?)   align: each masked narration among the masked clips         UniVL.losses
    (10?)  sum of (5?) to (9?)                                         UniVL.loss

Departures
    D1  the text transformer starts untrained and reads whole words; an unknown word is the mask.
    D2  features are those that a dataset calls frames; the authors' are S3D's, one a second.
    D3  the synthetic benchmark's narrated videos stand for HowTo100M, in one stage; the authors
        begin with (5?) alone. The decoder reads unmasked words, no text is left out as a whole.
    D4  each caption with a word has one masked, each clip a frame, where chance leaves none.
    D5  the constant 2m of a caption with its own clip is not part of the mean.
    D6  Adam decays all weights; the authors' corrects no bias and spares biases and norms.

The released code: models/official/univl.py. Claims and reported numbers: the record.
What is tested: tests/models/test_univl.py
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import hinge_terms, info_nce_terms
from models.parts.masked import TiedDecoder, TiedHead, random_steps
from models.parts.pairs import all_pairs, concat_streams
from models.parts.pooling import masked_logsumexp, masked_mean
from models.parts.recipe import PretrainingStage, recipe
from models.parts.temporal import trim_padding
from models.parts.transformer import EPSILON, Bert, encoder_layers
from models.parts.words import SPECIAL

Text: TypeAlias = tuple[Float[Tensor, "t n width"], Bool[Tensor, "t n"]]  # states and their mask
Video: TypeAlias = tuple[Float[Tensor, "v m width"], Bool[Tensor, "v m"]]
Both: TypeAlias = tuple[Float[Tensor, "p k width"], Bool[Tensor, "p k"]]
MASK = 3  # word id: <unk>, D1


@dataclass(frozen=True)
class Config:
    """The authors' settings for MSR-VTT."""

    max_words: int = 48
    max_frames: int = 48  # the first of a clip
    text: tuple[int, ...] = (768, 12, 3072, 12)  # width, heads, feed-forward width, blocks
    video_blocks: int = 6
    cross_blocks: int = 2
    decoder_blocks: int = 3
    positions: int = 512
    cross_positions: int = 1024
    dropout: float = 0.1
    head: str = "joint"  # align: a cross-encoder of every pair
    pretraining: str | None = "all"  # mil-nce, margin: of joint scores alone
    masked: float = 0.15  # of words and frames
    margin: float = 0.1
    hard_negative_rate: float = 0.5  # hnr; read where clips were cut from the same video

    @classmethod
    def small(cls) -> "Config":
        """Sizes for the synthetic benchmark. So narrow, it needs no dropout."""
        blocks = {"video_blocks": 1, "cross_blocks": 1, "decoder_blocks": 1}
        return cls(20, 16, (64, 4, 128, 1), positions=64, cross_positions=64, dropout=0.0, **blocks)


class UniVL(RetrievalModel):
    """Two transformers, one over both, and the heads of pre-training."""

    Config = Config
    views = frozenset({"words", "frames"})
    recipe = recipe(
        optimiser="adamw",  # D6
        learning_rate=5e-5,
        weight_decay=0.01,
        clip_norm=1.0,
        batch_size=128,
        epochs=5,
        warmup=0.1,
        shape="linear",
        select="t2v R@1",
    )
    narration = PretrainingStage("diorama-howto100m", epochs=10, clips_per_video=3)  # D3
    small_recipe = recipe.but(learning_rate=1e-3, batch_size=48, epochs=10, stages=(narration,))
    variants: ClassVar = {
        "full": {},
        "align": {"head": "align"},
        "mil-nce": {"pretraining": "mil-nce"},
        "margin": {"pretraining": "margin"},
        "scratch": {"pretraining": None},
    }
    recipe_by_variant: ClassVar = {"scratch": {"stages": ()}}

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c, features = config, data.dims["frames"]  # D2
        width, heads, inner, blocks = c.text
        text, video, cross = (
            encoder_layers(width, heads, inner, count, c.dropout)
            for count in (blocks, c.video_blocks, c.cross_blocks)
        )
        self.text = Bert(data.vocabulary, c.positions, text)  # D1
        self.feature_norm = nn.LayerNorm(features, EPSILON)
        self.video = Bert(nn.Linear(features, width), c.positions, video, segments=0)
        if c.head == "align" or c.pretraining == "all":
            self.cross = Bert(None, c.cross_positions, cross)
            self.pooler, self.score = nn.Linear(width, width), nn.Linear(width, 1)
        if c.pretraining == "all":
            self.word_head = TiedHead(width, data.vocabulary)
            self.frame_head = TiedHead(width, features)
            self.decoder = TiedDecoder(self.text, heads, inner, c.decoder_blocks, c.dropout)

    def read_words(self, captions: Captions) -> tuple[Int[Tensor, "t n"], Bool[Tensor, "t n"]]:
        """The words that are read."""
        return trim_padding(captions.words, captions.mask, self.config.max_words)

    def read_frames(
        self, clips: Clips
    ) -> tuple[Float[Tensor, "v m features"], Bool[Tensor, "v m"]]:
        """The frames that are read."""
        x, mask = clips.features["frames"], clips.mask["frames"]
        return trim_padding(x, mask, self.config.max_frames)

    def encode_text(self, captions: Captions) -> Text:
        """t."""
        words, mask = self.read_words(captions)
        return self.text(words, mask), mask

    def encode_video(self, clips: Clips) -> Video:
        """v."""
        x, mask = self.read_frames(clips)
        return self.video(self.feature_norm(x), mask), mask  # Eq. (1?)

    def joint(self, text: Text, video: Video, *, unit: bool) -> Float[Tensor, "t v"]:
        """Inner products of mean states, or cosines; the first word of a text is left out."""
        t, v = masked_mean(text[0][:, 1:], text[1][:, 1:]), masked_mean(*video)
        if unit:
            t, v = F.normalize(t, dim=1), F.normalize(v, dim=1)
        return t @ v.mT  # Eq. (2?)

    def both(self, text: Text, video: Video) -> Both:
        """c. Frames stand after the longest text that there may be."""
        x, mask, segment = concat_streams(*text, *video)
        n, m = (side[0].shape[1] for side in (text, video))
        position = torch.cat([torch.arange(n), self.config.max_words + torch.arange(m)])
        mask[:, :1] = True  # the cross-encoder's state there is pooled
        return self.cross(x, mask, segment, position.to(x.device).expand(len(x), -1)), mask

    def align(self, text: Text, video: Video) -> Float[Tensor, "t v"]:
        """Scores of the cross-encoder, each pair read anew."""
        return all_pairs(
            lambda t, v: self.score(self.pooler(self.both(t, v)[0][:, 0]).tanh())[:, 0], text, video
        )  # Eq. (3?)

    def similarity(self, text: Text, video: Video) -> Float[Tensor, "t v"]:
        """s: cosines or scores of the cross-encoder."""
        if self.config.head == "align":
            return self.align(text, video)
        return self.joint(text, video, unit=True)

    def margin_loss(
        self, s: Float[Tensor, "b b"], video: Int[Tensor, " b"] | None = None
    ) -> Float[Tensor, ""]:
        """Mean over all pairs, weighted where several clips were cut from one video."""
        h = sum(hinge_terms(s, self.config.margin))  # D5
        if video is not None:
            h = h * pair_weights(video, self.config.hard_negative_rate)
        return h.mean()  # Eq. (4?)

    def masked(
        self, words: Int[Tensor, "b n"], mask: Bool[Tensor, "b n"], x_mask: Bool[Tensor, "b m"]
    ) -> tuple[Bool[Tensor, "b n"], Bool[Tensor, "b m"]]:
        """The words and the frames that are masked."""
        share = self.config.masked
        return random_steps(mask & (words >= SPECIAL), share), random_steps(x_mask, share)  # D4

    def caption(
        self, words: Int[Tensor, "b n"], mask: Bool[Tensor, "b n"], both: Both
    ) -> Float[Tensor, ""]:
        """Cross-entropy of every word after those before it."""
        logits = self.decoder(self.text, words[:, :-1], mask[:, 1:], *both)
        return F.cross_entropy(logits[mask[:, 1:]], words[:, 1:][mask[:, 1:]])  # Eq. (8?)

    def losses(self, batch: Batch) -> dict[str, Float[Tensor, ""]]:
        """The five terms of pre-training."""
        assert batch.clips.video is not None
        words, mask = self.read_words(batch.captions)
        x, x_mask = self.read_frames(batch.clips)
        s = self.joint(self.encode_text(batch.captions), self.encode_video(batch.clips), unit=False)
        hidden, lost = self.masked(words, mask, x_mask)
        text = self.text(words.masked_fill(hidden, MASK), mask), mask
        blank = self.feature_norm(x.masked_fill(lost[..., None], 0.0))
        both = self.both(text, video := (self.video(blank, x_mask), x_mask))
        c = both[0].split([words.shape[1], x.shape[1]], dim=1)
        guessed = self.word_head(c[0][hidden], self.text.words.weight)
        frames = self.frame_head(c[1][lost], self.video.words.weight.mT)
        row = (x_mask.flatten().cumsum(0) - 1).view_as(x_mask)[lost]  # among all true frames
        return {
            "joint": mil_nce(s, batch.clips.video),
            "words": F.cross_entropy(guessed, words[hidden]),  # Eq. (6?)
            "frames": F.cross_entropy(frames @ self.feature_norm(x)[x_mask].mT, row),  # Eq. (7?)
            "caption": self.caption(words, mask, both),
            "align": info_nce_terms(self.align(text, video))[0].mean(),  # Eq. (9?)
        }

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Of pre-training where clips were cut from narrated videos, else of fine-tuning."""
        cut, pretraining = batch.clips.video, self.config.pretraining
        if cut is not None and pretraining == "all":
            return sum(self.losses(batch).values())  # Eq. (10?)
        text, video = self.encode_text(batch.captions), self.encode_video(batch.clips)
        if cut is not None and pretraining is not None:
            unit = pretraining == "margin"
            s = self.joint(text, video, unit=unit)
            return self.margin_loss(s, cut) if unit else mil_nce(s, cut)
        return self.margin_loss(self.similarity(text, video))


def pair_weights(video: Int[Tensor, " b"], hnr: float) -> Float[Tensor, "b b"]:
    """Rows of mean 1: clips of the same video share hnr of it."""
    same = video[:, None] == video
    inside = same.sum(1, keepdim=True)
    outside = (len(video) - inside).clamp(min=1)
    return torch.where(same, hnr / inside, (1 - hnr) / outside) * len(video)


def mil_nce(s: Float[Tensor, "b b"], video: Int[Tensor, " b"]) -> Float[Tensor, ""]:
    """Mean over videos: their middle clip with their texts, among all texts; its text, all clips."""
    same = video[:, None] == video
    middle = same.tril(-1).sum(1) == same.sum(1) // 2
    bag = masked_logsumexp(s, same, 0)
    texts, clips = s.logsumexp(0), masked_logsumexp(s, ~same, 1)
    return (torch.logaddexp(texts, clips) - bag)[middle].mean()  # Eq. (5?)


Model = UniVL
