"""MDMMT: multidomain multimodal transformer.

Dzabraev, Kalashnikov, Komkov, Petiushko. "MDMMT: Multidomain Multimodal Transformer for Video
Retrieval." CVPR workshops 2021, arXiv:2103.10699.
                                                 Record: data/papers.yaml, dzabraev2021mdmmt

Three strong experts are one sequence of one deep transformer, as in MMT. What one dataset teaches
does not carry over to another, so that the model is trained on the clips of many.

Symbols
    r_m    feature of expert m in the common width     v_m, t_m   video and sentence, for expert m
    A_m    the aggregation token of expert m           w_m        weight of expert m
    h      BERT's state at the first word              s          scores

Equations (numbers are ours and stand for the steps of the method)
    (1?)   r_m: affine map, unit length                          Mdmmt.common
    (2?)   A_m: from the maximum of the steps that are kept      Mdmmt.tokens
    (3?)   token: feature, its expert, its second, to be added   Mdmmt.tokens
    (4?)   v_m: the transformer's output at A_m, unit length     Mdmmt.encode_video
    (5?)   t_m: gated unit of h, unit length                     Mdmmt.__init__
    (6?)   w_m: softmax over experts of affine maps of h         Mdmmt.encode_text
    (7?)   s: inner products of w_m t_m and v_m, summed          Mdmmt.similarity
    (8?)   hinge over all wrong pairs, over the batch size       Mdmmt.loss

Departures
    D1  no trained BERT, no capitals and no full stop for it: the text transformer starts from nothing.
    D2  irCSN-152, CLIP and VGGish are called motion, frames, audio; on the synthetic benchmark they
        are its experts. Times follow from the rate of an expert; without a rate there is no time.
    D3  domains follow one another: the clips of another dataset first, then the target. The authors
        draw each sample from one of eight datasets, by weight.
    D4  four captions of each video an epoch; the authors' epoch has 150,000 samples.
    D5  on the synthetic benchmark the rate rises, then falls as a cosine; the authors' falls by a
        twentieth an epoch.

The released code: models/official/mdmmt.py. Claims and reported numbers: the record.
What is tested: tests/models/test_mdmmt.py
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.gating import GatedUnit
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_max
from models.parts.recipe import PretrainingStage, recipe
from models.parts.temporal import cut_before_end, trim_padding
from models.parts.transformer import Bert, encoder_layers

EXPERTS = ("motion", "frames", "audio")  # D2; numbered from 1 in this order
UNTIMED, FIRST = 1, 2  # position of a step without a time; of the first second. 0: A_m


@dataclass(frozen=True)
class Config:
    """Sizes of the paper."""

    left_out: tuple[str, ...] = ()  # experts of the data that are not read
    rates: tuple[tuple[str, float], ...] = (("audio", 1.0), ("frames", 1.0), ("motion", 1.0))
    max_words: int = 30
    max_steps: int = 30  # of each expert: the first
    text: tuple[int, ...] = (768, 12, 3072, 12)  # width, heads, feed-forward width, blocks
    text_positions: int = 512
    text_dropout: float = 0.1
    video: tuple[int, ...] = (512, 8, 3072, 9)  # the same; its width is the common one
    positions: int = 32
    dropout: float = 0.2
    margin: float = 0.05

    @classmethod
    def small(cls) -> "Config":
        """Sizes for the synthetic benchmark, and its experts' rates. So narrow, it needs no dropout."""
        rates = (("audio", 8.0), ("frames", 4.0), ("motion", 1.0))
        sides = {"text": (64, 4, 128, 1), "video": (64, 4, 128, 2)}
        return cls(rates=rates, max_steps=16, text_dropout=0.0, dropout=0.0, **sides)


class Mdmmt(RetrievalModel):
    """A transformer over words, a deeper one over experts and time, a sum of inner products."""

    Config = Config
    views = frozenset({"words", "frames"})
    optional = frozenset(EXPERTS) - views
    recipe = recipe(
        optimiser="adam",
        learning_rate=5e-5,
        batch_size=32,
        epochs=50,
        lr_decay=0.95,
        captions_per_video=4,  # D4
        select="last",
    )
    other_domain = PretrainingStage("diorama-activitynet", epochs=4)  # D3
    small_recipe = recipe.but(
        learning_rate=2e-3,
        batch_size=64,
        epochs=30,
        lr_decay=1.0,
        warmup=0.1,
        shape="cosine",
        stages=(other_domain,),
    )  # D5
    variants: ClassVar = {
        "full": {},
        "one-domain": {},
        "frames-only": {"left_out": ("audio", "motion")},
        "motion-only": {"left_out": ("audio", "frames")},
    }
    recipe_by_variant: ClassVar = {"one-domain": {"stages": ()}}

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c, words, width = config, config.text[0], config.video[0]
        self.names = [m for m in EXPERTS if m in data.dims and m not in c.left_out]
        text = encoder_layers(*c.text, c.text_dropout)
        self.text = Bert(data.vocabulary, c.text_positions, text)  # D1
        self.text_head = nn.ModuleDict({m: GatedUnit(words, width) for m in self.names})  # Eq. (5?)
        self.project = nn.ModuleDict({m: nn.Linear(data.dims[m], width) for m in self.names})
        self.text_drop = nn.Dropout(c.text_dropout)
        if len(self.names) > 1:
            self.text_weight = nn.ModuleDict({m: nn.Linear(words, 1) for m in self.names})
        blocks = encoder_layers(*c.video, c.dropout)
        self.video = Bert(None, c.positions, blocks, segments=self.kinds())

    def kinds(self) -> int:
        """Rows of the table of experts; 0 is the first token's, which belongs to none."""
        return len(EXPERTS) + 1

    def text_parts(self, captions: Captions) -> tuple[Float[Tensor, "t m c"], Float[Tensor, "t m"]]:
        """t_m and w_m."""
        h = self.text(*cut_before_end(captions.words, captions.mask, self.config.max_words))[:, 0]
        t = F.normalize(torch.stack([self.text_head[m](h) for m in self.names], dim=1), dim=2)
        if len(self.names) == 1:
            return t, torch.ones_like(t[..., 0])
        h = self.text_drop(h)
        return t, torch.cat([self.text_weight[m](h) for m in self.names], 1).softmax(1)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t mc"]:
        """All w_m t_m, side by side."""
        t, w = self.text_parts(captions)
        return (t * w[..., None]).flatten(1)  # Eq. (6?)

    def gather_steps(
        self, name: str, clips: Clips
    ) -> tuple[Float[Tensor, "v n d"], Float[Tensor, "v n"], Bool[Tensor, "v n"]]:
        """The first steps of an expert, their times and mask."""
        x, mask = trim_padding(clips.features[name], clips.mask[name], self.config.max_steps)
        rate = dict(self.config.rates).get(name)
        step = torch.arange(x.shape[1], device=x.device) + 0.5
        times = FIRST + step / rate if rate else torch.full_like(step, UNTIMED)  # D2
        return x, times.expand(len(x), -1), mask

    def common(self, name: str, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b c"]:
        """r_m."""
        return F.normalize(self.project[name](x), dim=-1)  # Eq. (1?)

    def tokens(
        self, name: str, clips: Clips
    ) -> tuple[Float[Tensor, "v n c"], Bool[Tensor, "v n"], Int[Tensor, "v n"], Int[Tensor, "v n"]]:
        """A_m and the expert's steps: features, mask, experts, positions."""
        x, times, mask = self.gather_steps(name, clips)
        start = masked_max(x, mask)[:, None]  # Eq. (2?)
        r = self.common(name, torch.cat([start, x], dim=1))
        mask = torch.cat([mask.any(1, keepdim=True), mask], dim=1)
        position = F.pad(times.clamp(0, self.config.positions - 1).long(), (1, 0))
        kind = torch.full_like(position, EXPERTS.index(name) + 1)
        return r, mask, kind, position  # Eq. (3?)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v mc"]:
        """All v_m, side by side; that of a missing expert tells what the others are like."""
        each = [self.tokens(m, clips) for m in self.names]
        each.insert(0, tuple(torch.zeros_like(part[:, :1]) for part in each[0]))
        at = list(accumulate(x.shape[1] for x, *_ in each))[:-1]
        sequence = (torch.cat(parts, dim=1) for parts in zip(*each, strict=True))
        return F.normalize(self.video(*sequence)[:, at], dim=2).flatten(1)  # Eq. (4?)

    def similarity(
        self, text: Float[Tensor, "t mc"], video: Float[Tensor, "v mc"]
    ) -> Float[Tensor, "t v"]:
        """s."""
        return text @ video.mT  # Eq. (7?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Both directions."""
        t2v, v2t = hinge_terms(self(batch), self.config.margin)
        return (t2v.sum() + v2t.sum()) / len(t2v)  # Eq. (8?)


Model = Mdmmt
