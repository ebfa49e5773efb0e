"""Multi-modal Transformer (MMT).

Gabeur, Sun, Alahari, Schmid. "Multi-modal Transformer for Video Retrieval."
ECCV 2020, arXiv:2007.10639.                     Record: data/papers.yaml, gabeur2020mmt

What all experts saw, and when, is one sequence of one transformer, in which a token of each expert
gathers. The sentence has an embedding for each expert, and says how much it cares for each.

Symbols
    r_m    feature of expert m in the common width     v_m, t_m   video and sentence, to expert m
    A_m    the token that gathers for expert m         a_m, b_m   weights of sentence and video
    h      BERT's state at the first word              S          scores

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   r_m: affine map, unit length                           MMT.common
    (2?)   A_m: from the maximum of all steps                     MMT.tokens
    (3?)   token: feature, its expert, its second, to be added    MMT.tokens
    (4?)   v_m: the transformer's output at A_m, unit length      MMT.contextual
    (5?)   t_m: affine map of h that gates itself, unit length    MMT.__init__
    (6?)   a_m: softmax over experts of affine maps of h          MMT.encode_text
    (7?)   S: inner products of t_m and v_m, weighted by a_m b_m  MMT.similarity
    (8?)   hinge over all wrong pairs of a batch, averaged        MMT.loss
    (9?)   instead of (4?): pooled experts gate one another       Gating.forward

Departures
    D1  no trained BERT and no full stop for it: the text transformer starts from nothing.
    D2  data bring no times: steps follow at their expert's rate; without a rate, there is no time.
    D3  of more steps than fit, an even choice is kept; the authors' is random.
    D4  rgb, s3d and vggish are called frames, motion, audio; the world has no face and scene.
    D5  four captions of each video an epoch, the best epoch kept; theirs: 32,000, the last kept.
    D6  in the synthetic benchmark the rate rises, then falls as a cosine; theirs, a twentieth an epoch.

Quirks of the released code (github.com/gabeur/mmt, Apache-2.0): `as_released`
    Q1  an expert that lacks a video counts there like any other, by what its token has gathered.

Claims and reported numbers: the record. What is tested: tests/models/test_mmt.py
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.official._loading import load_renamed, matrix_shape
from models.parts.batch import Captions, Clips
from models.parts.contract import RetrievalModel
from models.parts.gating import GatedUnit
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_max, masked_mean
from models.parts.temporal import sample_uniform, trim_padding
from models.parts.transformer import Bert, bert_names, encoder_layers, merge_qkv

Experts: TypeAlias = tuple[tuple[str, int], ...]
Weighted: TypeAlias = tuple[Float[Tensor, "_ m c"], Float[Tensor, "_ m"]]
END = 2  # the word id that ends a sentence
UNTIMED, FIRST = 1, 2  # position of a step without a time; of the first second. 0: A_m
KINDS = {"audio": 2, "face": 3, "frames": 5, "motion": 1, "ocr": 7, "scene": 9, "speech": 6}
THEIRS = {m: m for m in KINDS} | {"audio": "vggish", "frames": "rgb", "motion": "s3d"}  # D4


@dataclass(frozen=True)
class Config:
    """Sizes of the authors' MSR-VTT script; `vocabulary` and `experts` are the data's."""

    vocabulary: int = 28_996  # BERT, cased
    experts: Experts = tuple(zip(KINDS, (128, 512, 2048, 1024, 300, 2208, 300), strict=True))
    left_out: tuple[str, ...] = ()  # experts of the data that are not read
    rates: tuple[tuple[str, float], ...] = (("audio", 1.0), ("frames", 5.0), ("motion", 1.0))  # D2
    max_words: int = 30
    max_steps: int = 30  # of each expert
    text: tuple[int, ...] = (768, 12, 3072, 12)  # width, heads, feed-forward width, blocks
    text_positions: int = 512
    video: tuple[int, ...] = (512, 4, 3072, 4)  # the same; its width is the common one
    positions: int = 32
    kinds: int = 10  # rows of the table of experts
    dropout: float = 0.1
    margin: float = 0.05
    between: str = "transformer"  # gating, nothing: of pooled experts
    tokens: str = "all"  # gathering: the A_m alone
    gather: str = "max"  # where A_m starts: mean, zero
    time: str = "seconds"  # index: number of the step; none
    text_head: str = "gated"  # linear
    text_weights: str = "softmax"  # uniform
    video_weights: str = "uniform"  # norm: length of v_m before it is cut to 1
    as_released: bool = False  # Q1

    @classmethod
    def small(cls) -> "Config":
        """Sizes for the synthetic benchmark, and its experts' rates. So narrow, it drops nothing out."""
        rates = (("audio", 8.0), ("frames", 4.0), ("motion", 1.0))
        sides = {"text": (64, 4, 128, 1), "video": (64, 4, 128, 1)}
        return cls(rates=rates, max_steps=8, dropout=0.0, **sides)


@dataclass
class Seen:
    """What one expert saw of the videos of a batch."""

    whole: Float[Tensor, "v d"]  # all steps pooled
    steps: Float[Tensor, "v n d"]
    times: Float[Tensor, "v n"]  # seconds + 2; 1 where there is no time
    mask: Bool[Tensor, "v n"]  # a row of False: missing


class Gating(nn.Module):
    """Collaborative gating, which the transformer is held against."""

    def __init__(self, names: list[str], width: int, dropout: float) -> None:
        super().__init__()
        self.g1, self.g2, self.f1, self.f2 = (nn.Linear(n * width, width) for n in (2, 1, 1, 1))
        self.own = nn.ModuleDict({m: nn.Linear(width, width) for m in names})
        self.own_norm = nn.ModuleDict({m: nn.BatchNorm1d(width) for m in names})
        self.said_norm = nn.ModuleDict({m: nn.BatchNorm1d(width) for m in names})
        self.names, self.dropout = names, nn.Dropout(dropout)

    def forward(
        self, r: Float[Tensor, "v m c"], has: Bool[Tensor, "v m"]
    ) -> Float[Tensor, "v m c"]:
        """v_m, its length still free; what is missing speaks to nobody and hears nobody."""
        both = torch.broadcast_tensors(r[:, :, None], r[:, None])  # (v, m, m, c) twice
        said = self.g2(F.relu(self.dropout(self.g1(torch.cat(both, dim=3)))))
        heard = has[:, :, None] & has[:, None] & ~torch.eye(r.shape[1]).bool().to(r.device)
        mean = (said * heard[..., None]).sum(2) / heard.sum(2, keepdim=True).clamp(min=1)
        T = self.f2(F.relu(self.dropout(self.f1(mean))))
        each = zip(self.names, r.unbind(1), T.unbind(1), strict=True)
        gate = [self.said_norm[m](t) + self.own_norm[m](self.own[m](x)) for m, x, t in each]
        return r * torch.sigmoid(torch.stack(gate, dim=1))  # Eq. (9?)


class MMT(RetrievalModel):
    """A transformer over words, one over experts and time, a mixture of likenesses."""

    Config = Config
    needs = frozenset({"words", "frames"})
    optional = frozenset(KINDS) - needs
    recipe = Recipe("adam", 5e-5, 32, 50, decay=0.95, per_video=4)  # D5
    small_recipe = Recipe("adam", 2e-3, 64, 30, warmup=0.1, schedule="cosine", per_video=4)  # D6
    variants: ClassVar = {
        "full": {},
        "gating": {"between": "gating"},
        "separate": {"between": "nothing"},
        "gathering-only": {"tokens": "gathering"},
        "untimed": {"time": "none"},
        "mean-start": {"gather": "mean"},
        "uniform-weights": {"text_weights": "uniform"},
        "two-experts": {"left_out": ("audio", "ocr", "speech")},
        "as-released": {"as_released": True},
    }

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = c = config or Config()
        dims = {name: dim for name, dim in c.experts if name not in c.left_out}
        self.names, words, width = list(dims), c.text[0], c.video[0]
        self.text = Bert(c.vocabulary, c.text_positions, encoder_layers(*c.text, c.dropout))  # D1
        head = GatedUnit if c.text_head == "gated" else nn.Linear  # Eq. (5?)
        self.text_head = nn.ModuleDict({m: head(words, width) for m in dims})
        self.project = nn.ModuleDict({m: nn.Linear(dim, width) for m, dim in dims.items()})
        self.dropout = nn.Dropout(c.dropout)
        if c.text_weights == "softmax":
            self.text_weight = nn.ModuleDict({m: nn.Linear(words, 1) for m in dims})
        if c.between == "gating":
            self.gating = Gating(self.names, width, c.dropout)
        if c.between == "transformer":
            self.video = Bert(
                None, c.positions, encoder_layers(*c.video, c.dropout), segments=c.kinds
            )

    def encode_text(self, captions: Captions) -> Weighted:
        """t_m and a_m."""
        words, mask = trim_padding(captions.words, captions.mask, self.config.max_words)
        cut = captions.mask.sum(1, keepdim=True) > self.config.max_words
        words = torch.cat([words[:, :-1], words[:, -1:].masked_fill(cut, END)], dim=1)
        h = self.text(words, mask)[:, 0]
        t = F.normalize(torch.stack([self.text_head[m](h) for m in self.names], dim=1), dim=2)
        if self.config.text_weights == "uniform":
            return t, torch.full_like(t[..., 0], 1 / len(self.names))
        h = self.dropout(h)
        return t, torch.cat([self.text_weight[m](h) for m in self.names], 1).softmax(1)  # Eq. (6?)

    def encode_video(self, clips: Clips) -> Weighted:
        """v_m and b_m, b_m being 0 where an expert is missing."""
        c, seen = self.config, {m: self.look(m, clips) for m in self.names}
        present = torch.stack([e.mask.any(1) for e in seen.values()], dim=1)
        if c.between == "transformer":
            v = self.contextual(seen)
        else:
            r = torch.stack([self.common(m, e.whole) for m, e in seen.items()], dim=1)
            v = self.gating(r, present) if c.between == "gating" else r
        b = v.norm(dim=2) if c.video_weights == "norm" else torch.ones_like(v[..., 0])
        b = b if c.as_released else b * present  # Q1
        return F.normalize(v, dim=2), F.normalize(b, p=1, dim=1)

    def look(self, name: str, clips: Clips) -> Seen:
        """What an expert saw, cut to the steps that fit."""
        c, x, mask = self.config, clips.features[name], clips.mask[name]
        whole = masked_mean(x, mask) if c.gather == "mean" else masked_max(x, mask)
        at = sample_uniform(mask, c.max_steps)  # D3
        rate = dict(c.rates).get(name)
        times = FIRST + (at + 0.5) / rate if rate else at * 0.0 + UNTIMED  # D2
        return Seen(whole, x.take_along_dim(at[..., None], 1), times, mask.gather(1, at))

    def common(self, name: str, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b c"]:
        """r_m."""
        return F.normalize(self.project[name](x), dim=-1)  # Eq. (1?)

    def tokens(self, name: str, seen: Seen) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A_m and the expert's steps: (v, n, c) features, (v, n) mask, experts, positions."""
        c, n = self.config, seen.steps.shape[1] if self.config.tokens == "all" else 0
        start = self.common(name, seen.whole)[:, None] * (c.gather != "zero")  # Eq. (2?)
        x = torch.cat([start, self.common(name, seen.steps[:, :n])], dim=1)
        mask = torch.cat([seen.mask.any(1, keepdim=True), seen.mask[:, :n]], dim=1)
        untimed = torch.full_like(seen.times, UNTIMED)
        times = {"seconds": seen.times, "none": untimed, "index": untimed.cumsum(1)}[c.time]
        position = F.pad(times[:, :n].clamp(0, c.positions - 1).long(), (1, 0))
        return x, mask, torch.full_like(position, KINDS[name]), position  # Eq. (3?)

    def contextual(self, seen: dict[str, Seen]) -> Float[Tensor, "v m c"]:
        """v_m, their lengths still free. The first token of all is nobody's."""
        each = [self.tokens(m, e) for m, e in seen.items()]
        each.insert(0, tuple(torch.zeros_like(part[:, :1]) for part in each[0]))
        at = list(accumulate(x.shape[1] for x, *_ in each))[:-1]
        sequence = (torch.cat(parts, dim=1) for parts in zip(*each, strict=True))
        return self.video(*sequence)[:, at]  # Eq. (4?)

    def similarity(self, text: Weighted, video: Weighted) -> Float[Tensor, "t v"]:
        """S; 0 where no expert saw the video."""
        (t, a), (v, b) = text, video
        said = (t * a[..., None]).flatten(1) @ (v * b[..., None]).flatten(1).mT
        total = a @ b.mT
        return said / total.masked_fill(total == 0, 1e-5)  # Eq. (7?)

    def loss(self, captions: Captions, clips: Clips) -> Float[Tensor, ""]:
        """Both directions at once."""
        t2v, v2t = hinge_terms(self(captions, clips), self.config.margin)
        return (t2v.sum() + v2t.sum()) / (2 * len(t2v) * (len(t2v) - 1))  # Eq. (8?)

    @classmethod
    def from_official(cls, state: Mapping[str, Any], config: Config | None = None) -> "MMT":
        """The released code's checkpoint, or the state dict in it.

        Without a config it is the published one with the weights' tables and experts. Raises
        ValueError, one line, where weights and model do not fit.
        """
        inner = state.get("state_dict")
        every = merge_qkv(inner if isinstance(inner, Mapping) else state)
        official = {key: weight for key, weight in every.items() if not UNUSED.match(key)}
        return load_renamed(
            cls(chosen := config or sizes(official)), official, official_prefixes(chosen)
        )


UNUSED = re.compile(r"\w+_bert\.pooler|f_reason_3|batch_norm_|.*\.position_ids$")
OFFICIAL = {  # beginnings of the released code's names, {} the expert -> of ours
    "video_dim_reduce.{}.fc.": "project.{}.",
    "text_GU.{}.cg.fc.": "text_head.{}.gate.affine.",
    "text_GU.{}.cg.batch_norm.": "text_head.{}.gate.norm.",
    "moe_fc_txt.{}.": "text_weight.{}.",
    "g_reason_": "gating.g",
    "f_reason_": "gating.f",
    "video_GU.{}.cg.fc.": "gating.own.{}.",
    "video_GU.{}.cg.batch_norm.": "gating.said_norm.{}.",
    "video_GU.{}.cg.batch_norm2.": "gating.own_norm.{}.",
}


def official_prefixes(config: Config) -> dict[str, str]:
    """Beginnings of the released code's names -> of ours."""
    found = bert_names("txt_bert.", "text.", config.text[3])
    found |= bert_names("vid_bert.", "video.", config.video[3], "layer_norm")
    affine = "text_head.{}.embed." if config.text_head == "gated" else "text_head.{}."
    for m, _ in config.experts:
        each = (OFFICIAL | {"text_GU.{}.fc.": affine}).items()
        found |= {theirs.format(THEIRS[m]): ours.format(m) for theirs, ours in each}
    return found


def sizes(official: Mapping[str, Tensor]) -> Config:
    """The published configuration with the tables and experts that the weights have."""
    tables = "vid_bert.embeddings.{}_embeddings.weight"
    positions, kinds = (
        matrix_shape(official, tables.format(t))[0] for t in ("position", "token_type")
    )
    keys = {m: f"video_dim_reduce.{their}.fc.weight" for m, their in THEIRS.items()}
    dims = {m: matrix_shape(official, key)[1] for m, key in keys.items() if key in official}
    return Config(experts=tuple(dims.items()), positions=positions, kinds=kinds, as_released=True)


Model = MMT
