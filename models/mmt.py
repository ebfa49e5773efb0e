"""Multi-modal Transformer (MMT).

Gabeur, Sun, Alahari, Schmid. "Multi-modal Transformer for Video Retrieval."
ECCV 2020, arXiv:2007.10639.                     Record: data/papers.yaml, gabeur2020mmt

The features of all experts, with their times, are one sequence of one transformer, in which each
expert has an aggregation token. The sentence has an embedding and a weight for each expert.

Symbols
    r_m    feature of expert m in the common width     v_m, t_m   video and sentence, for expert m
    A_m    the aggregation token of expert m           a_m, b_m   weights of sentence and video
    h      BERT's state at the first word              S          scores

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   r_m: affine map, unit length                           MMT.common
    (2?)   A_m: from the maximum of all steps                     MMT.tokens
    (3?)   token: feature, its expert, its second, to be added    MMT.tokens
    (4?)   v_m: the transformer's output at A_m, unit length      MMT.contextual
    (5?)   t_m: gated unit of h, unit length                      MMT.__init__
    (6?)   a_m: softmax over experts of affine maps of h          MMT.encode_text
    (7?)   S: inner products of t_m and v_m, weighted by a_m b_m  MMT.similarity
    (8?)   hinge over all wrong pairs of a batch, averaged        MMT.loss
    (9?)   instead of (4?): pooled experts gate one another       Gating.forward

Departures
    D1  no trained BERT and no full stop for it: the text transformer starts from nothing.
    D2  times follow from the rate of an expert's features; without a rate there is no time.
    D3  of more steps than fit, an even choice is kept; the authors' is random.
    D4  rgb, s3d and vggish are called frames, motion, audio; the synthetic benchmark has no face
        and scene.
    D5  four captions of each video an epoch; the authors' epoch has 32,000 samples.
    D6  in the synthetic benchmark the rate rises, then falls as a cosine; the authors' falls by a
        twentieth an epoch.

The released code: models/official/mmt.py. Claims and reported numbers: the record.
What is tested: tests/models/test_mmt.py
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.gating import GatedUnit
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_max, masked_mean
from models.parts.recipe import recipe
from models.parts.temporal import sample_uniform, trim_padding
from models.parts.transformer import Bert, encoder_layers

Weighted: TypeAlias = tuple[Float[Tensor, "_ m c"], Float[Tensor, "_ m"]]
END = 2  # the word id that ends a sentence
UNTIMED, FIRST = 1, 2  # position of a step without a time; of the first second. 0: A_m
EXPERTS = frozenset({"audio", "face", "frames", "motion", "ocr", "scene", "speech"})  # D4


@dataclass(frozen=True)
class Config:
    """Sizes of the authors' MSR-VTT script."""

    left_out: tuple[str, ...] = ()  # experts of the data that are not read
    rates: tuple[tuple[str, float], ...] = (("audio", 1.0), ("frames", 5.0), ("motion", 1.0))  # D2
    max_words: int = 30
    max_steps: int = 30  # of each expert
    text: tuple[int, ...] = (768, 12, 3072, 12)  # width, heads, feed-forward width, blocks
    text_positions: int = 512
    video: tuple[int, ...] = (512, 4, 3072, 4)  # the same; its width is the common one
    positions: int = 32
    dropout: float = 0.1
    margin: float = 0.05
    between: str = "transformer"  # gating, nothing: of pooled experts
    tokens: str = "all"  # gathering: the A_m alone
    gather: str = "max"  # where A_m starts: mean, zero
    time: str = "seconds"  # none
    text_weights: str = "softmax"  # uniform

    @classmethod
    def small(cls) -> "Config":
        """Sizes for the synthetic benchmark, and its experts' rates. So narrow, it needs no dropout."""
        rates = (("audio", 8.0), ("frames", 4.0), ("motion", 1.0))
        sides = {"text": (64, 4, 128, 1), "video": (64, 4, 128, 1)}
        return cls(rates=rates, max_steps=8, dropout=0.0, **sides)


@dataclass
class ExpertSteps:
    """The features of one expert in the videos of a batch."""

    whole: Float[Tensor, "v d"]  # all steps pooled
    steps: Float[Tensor, "v n d"]
    times: Float[Tensor, "v n"]  # seconds + 2; 1 where there is no time
    mask: Bool[Tensor, "v n"]  # a row of False: missing


class Gating(nn.Module):
    """Collaborative gating, the baseline of the transformer."""

    def __init__(self, names: list[str], width: int, dropout: float) -> None:
        super().__init__()
        self.g1, self.g2, self.f1, self.f2 = (nn.Linear(n * width, width) for n in (2, 1, 1, 1))
        self.own = nn.ModuleDict({m: nn.Linear(width, width) for m in names})
        self.own_norm = nn.ModuleDict({m: nn.BatchNorm1d(width) for m in names})
        self.message_norm = nn.ModuleDict({m: nn.BatchNorm1d(width) for m in names})
        self.names, self.dropout = names, nn.Dropout(dropout)

    def forward(
        self, r: Float[Tensor, "v m c"], has: Bool[Tensor, "v m"]
    ) -> Float[Tensor, "v m c"]:
        """v_m before unit length; a missing expert sends and receives no message."""
        both = torch.broadcast_tensors(r[:, :, None], r[:, None])  # (v, m, m, c) twice
        message = self.g2(F.relu(self.dropout(self.g1(torch.cat(both, dim=3)))))
        others = ~torch.eye(r.shape[1], dtype=torch.bool, device=r.device)
        neighbour_mask = has[:, :, None] & has[:, None] & others
        count = neighbour_mask.sum(2, keepdim=True).clamp(min=1)
        mean = (message * neighbour_mask[..., None]).sum(2) / count
        T = self.f2(F.relu(self.dropout(self.f1(mean))))
        each = zip(self.names, r.unbind(1), T.unbind(1), strict=True)
        gate = [self.message_norm[m](t) + self.own_norm[m](self.own[m](x)) for m, x, t in each]
        return r * torch.sigmoid(torch.stack(gate, dim=1))  # Eq. (9?)


class MMT(RetrievalModel):
    """A transformer over words, one over experts and time, a mixture of inner products."""

    version = 2  # the last epoch is kept; experts are numbered in the order of the data
    Config = Config
    views = frozenset({"words", "frames"})
    optional = EXPERTS - views
    recipe = recipe(
        optimiser="adam",
        learning_rate=5e-5,
        batch_size=32,
        epochs=50,
        lr_decay=0.95,
        captions_per_video=4,  # D5
        select="last",
    )
    small_recipe = recipe.but(
        learning_rate=2e-3, batch_size=64, epochs=30, lr_decay=1.0, warmup=0.1, shape="cosine"
    )  # D6
    variants: ClassVar = {
        "full": {},
        "gating": {"between": "gating"},
        "separate": {"between": "nothing"},
        "gathering-only": {"tokens": "gathering"},
        "untimed": {"time": "none"},
        "mean-start": {"gather": "mean"},
        "uniform-weights": {"text_weights": "uniform"},
        "two-experts": {"left_out": ("audio", "ocr", "speech")},
    }

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c, dims = config, {m: dim for m, dim in data.dims.items() if m not in config.left_out}
        self.names, words, width = list(dims), c.text[0], c.video[0]
        self.kind = {m: number for number, m in enumerate(dims, start=1)}  # of tokens; 0: no expert
        self.text = Bert(
            data.vocabulary, c.text_positions, encoder_layers(*c.text, c.dropout)
        )  # D1
        self.text_head = nn.ModuleDict({m: GatedUnit(words, width) for m in dims})  # Eq. (5?)
        self.project = nn.ModuleDict({m: nn.Linear(dim, width) for m, dim in dims.items()})
        self.dropout = nn.Dropout(c.dropout)
        if c.text_weights == "softmax":
            self.text_weight = nn.ModuleDict({m: nn.Linear(words, 1) for m in dims})
        if c.between == "gating":
            self.gating = Gating(self.names, width, c.dropout)
        if c.between == "transformer":
            blocks = encoder_layers(*c.video, c.dropout)
            self.video = Bert(None, c.positions, blocks, segments=len(dims) + 1)

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
        experts = {m: self.gather_steps(m, clips) for m in self.names}
        present = torch.stack([e.mask.any(1) for e in experts.values()], dim=1)
        if self.config.between == "transformer":
            v = self.contextual(experts)
        else:
            r = torch.stack([self.common(m, e.whole) for m, e in experts.items()], dim=1)
            v = self.gating(r, present) if self.config.between == "gating" else r
        return F.normalize(v, dim=2), F.normalize(self.video_weights(v, present), p=1, dim=1)

    def video_weights(
        self, v: Float[Tensor, "v m c"], present: Bool[Tensor, "v m"]
    ) -> Float[Tensor, "v m"]:
        """b_m before their sum is 1."""
        return present.to(v.dtype)

    def gather_steps(self, name: str, clips: Clips) -> ExpertSteps:
        """The steps of an expert that fit, and all of them pooled."""
        c, x, mask = self.config, clips.features[name], clips.mask[name]
        whole = masked_mean(x, mask) if c.gather == "mean" else masked_max(x, mask)
        at = sample_uniform(mask, c.max_steps)  # D3
        rate = dict(c.rates).get(name)
        times = FIRST + (at + 0.5) / rate if rate else at * 0.0 + UNTIMED  # D2
        return ExpertSteps(whole, x.take_along_dim(at[..., None], 1), times, mask.gather(1, at))

    def common(self, name: str, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b c"]:
        """r_m."""
        return F.normalize(self.project[name](x), dim=-1)  # Eq. (1?)

    def step_positions(self, times: Float[Tensor, "v n"]) -> Int[Tensor, "v n"]:
        """The position of each step in the table of times."""
        if self.config.time == "none":
            times = torch.full_like(times, UNTIMED)
        return times.clamp(0, self.config.positions - 1).long()

    def tokens(self, name: str, expert: ExpertSteps) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A_m and the expert's steps: (v, n, c) features, (v, n) mask, experts, positions."""
        c, n = self.config, expert.steps.shape[1] if self.config.tokens == "all" else 0
        start = self.common(name, expert.whole)[:, None] * (c.gather != "zero")  # Eq. (2?)
        x = torch.cat([start, self.common(name, expert.steps[:, :n])], dim=1)
        mask = torch.cat([expert.mask.any(1, keepdim=True), expert.mask[:, :n]], dim=1)
        position = F.pad(self.step_positions(expert.times)[:, :n], (1, 0))
        return x, mask, torch.full_like(position, self.kind[name]), position  # Eq. (3?)

    def contextual(self, experts: dict[str, ExpertSteps]) -> Float[Tensor, "v m c"]:
        """v_m before unit length. The first token of all belongs to no expert."""
        each = [self.tokens(m, expert) for m, expert in experts.items()]
        each.insert(0, tuple(torch.zeros_like(part[:, :1]) for part in each[0]))
        at = list(accumulate(x.shape[1] for x, *_ in each))[:-1]
        sequence = (torch.cat(parts, dim=1) for parts in zip(*each, strict=True))
        return self.video(*sequence)[:, at]  # Eq. (4?)

    def similarity(self, text: Weighted, video: Weighted) -> Float[Tensor, "t v"]:
        """S; 0 for a video that no expert has."""
        (t, a), (v, b) = text, video
        products = (t * a[..., None]).flatten(1) @ (v * b[..., None]).flatten(1).mT
        total = a @ b.mT
        return products / total.masked_fill(total == 0, 1e-5)  # Eq. (7?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Both directions at once."""
        t2v, v2t = hinge_terms(self(batch), self.config.margin)
        return (t2v.sum() + v2t.sum()) / (2 * len(t2v) * (len(t2v) - 1))  # Eq. (8?)


Model = MMT
