"""Concept words and semantic attention for retrieval (CT-SAN).

Yu, Ko, Choi, Kim. "End-to-end Concept Word Detection for Video Captioning, Retrieval, and Question
Answering." CVPR 2017, arXiv:1610.02947.         Record: data/papers.yaml, yu2017ctsan

Tracers follow one thing each from frame to frame and detect the concept words of a video together.
A sentence attends to these before and after it is read.

Symbols
    F_t    grid of frame t           M_t    where in it each tracer looks, a map over its places
    h_l    state of tracer l         a_i    vector of the i-th concept that was found
    x, o   a word, the sentence      S      score of a sentence with a video

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   the video's state: an LSTM over its frames         CTSAN.video_state
    (2?)   M_t: a map from F_t and the tracer's state         Tracers.look_at
    (3?)   h: one LSTM of all tracers over what they see      Tracers.forward
    (4?)   concepts: linear in the last states together       CTSAN.concept_logits
    (5?)   cross entropy of each concept, mean over all       CTSAN.loss
    (6?)   attention to the concepts, added to x or o         SemanticAttention.forward
    (7?)   S: LSTM from the video's state, attention, linear  CTSAN.score
    (8?)   mean hinge of both directions, plus (5?)           CTSAN.loss

(1?) to (6?) match the released code. (7?) and (8?) are ours and match nothing: the paper's network
for retrieval was never released.

Departures
    D1  word vectors start at random and are learnt; the authors' start from GloVe and stay.
    D2  concepts have vectors of their own; the authors' 2,000 have those of their words.
    D3  a grid cell has the maximum of the regions in it: the cells of a network's last layer, or
        what a detector found.
    D4  tracers rest where there is no frame; the authors' move on.
    D5  the attentions have no bias, which a softmax removes.
    D6  the rate is halved every 16 epochs, which are 50,000 steps of 32 on LSMDC.

The released code: models/official/ct_san.py. Claims and reported numbers: the record.
What is tested: tests/models/test_ct_san.py
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips, Regions
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.grids import max_in_cells
from models.parts.losses import hinge_terms
from models.parts.pairs import all_pairs
from models.parts.recipe import recipe
from models.parts.temporal import glorot_lstm, last_states, lstm_end, lstm_states, take_uniform

Tensors: TypeAlias = tuple[Tensor, ...]
PLACE = 5  # numbers of a region that are no features


@dataclass(frozen=True)
class Config:
    """The authors' configuration."""

    word_dim: int = 500
    hidden: int = 500
    grid: int = 7  # cells along an edge of a frame, half as many after pooling
    steps: int = 40  # frames, evenly spread
    attributes: int = 10  # concepts that are attended to
    traced: bool = True  # else every tracer stays at its place
    concepts: bool = True  # else no detector, no attention, no loss of concepts
    concept_weight: float = 1.0
    dropout: float = 0.2
    margin: float = 1.0

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(word_dim=32, hidden=32, grid=4, steps=6, attributes=3)


class Tracers(nn.Module):
    """A tracer for each place of the pooled grid, all with the same weights."""

    resting = True  # where there is no frame

    def __init__(self, in_dim: int, config: Config) -> None:
        super().__init__()
        h, self.traced = config.hidden, config.traced
        self.embed = nn.Conv2d(in_dim, h, 3, padding=1, bias=False)
        self.lstm = glorot_lstm(h, h)
        if config.traced:
            self.conv1, self.conv2 = (nn.Conv2d(h, dim, 3, padding=1) for dim in (h, 1))
        for name, weight in self.named_parameters():
            if "lstm" not in name:
                nn.init.xavier_normal_(weight) if weight.ndim > 1 else nn.init.constant_(
                    weight, 0.1
                )

    def grids(self, x: Float[Tensor, "b t d g g"]) -> Float[Tensor, "b t h p p"]:
        """F of every frame."""
        pooled = F.max_pool2d(x.flatten(0, 1), 2, ceil_mode=True)
        return self.embed(pooled).unflatten(0, x.shape[:2])

    def look_at(
        self, grid: Float[Tensor, "b h p p"], state: Float[Tensor, "b n h"]
    ) -> Float[Tensor, "b n n"]:
        """M: a map for each tracer, (tracers, places)."""
        r = grid.flatten(2).tanh()[:, None] * state[..., None]  # (b, n, h, places)
        r = r / r.square().sum(3, keepdim=True).clamp(min=1e-12).sqrt()
        r = r.flatten(0, 1).unflatten(2, grid.shape[2:])
        scores = self.conv2(self.conv1(r).relu())
        return scores.view(*state.shape[:2], -1).softmax(2)  # Eq. (2?)

    def forward(
        self, grids: Float[Tensor, "b t h p p"], mask: Bool[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "b n h"], list[Float[Tensor, "b n n"]]]:
        """Last states of the tracers, and where they looked in each frame."""
        b, n, width = len(grids), grids.shape[3] * grids.shape[4], grids.shape[2]
        own = torch.eye(n, device=grids.device).expand(b, n, n)
        state = cell = grids.new_zeros(1, b * n, width)
        maps = []
        for t in range(grids.shape[1]):
            at = own
            if t and self.traced:
                at = self.look_at(grids[:, t], state.view(b, n, width))
                at = torch.where(mask[:, t - 1, None, None], at, own)
            seen = at @ grids[:, t].flatten(2).mT
            _, after = self.lstm(seen.reshape(b * n, 1, width), (state, cell))
            rest = self.resting & ~mask[:, t].repeat_interleave(n)[None, :, None]  # D4
            state, cell = (
                torch.where(rest, x, y) for x, y in zip((state, cell), after, strict=True)
            )
            maps.append(at)
        return state.view(b, n, width), maps  # Eq. (3?)


class SemanticAttention(nn.Module):
    """Attention of a word or a sentence to the concepts found."""

    def __init__(self, word_dim: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.xavier_normal_(torch.empty(dim, word_dim)))
        self.scale = nn.Parameter(nn.init.normal_(torch.empty(dim), std=0.1))
        self.bias: Tensor | float = 0.0  # D5

    def forward(
        self, x: Float[Tensor, "b n d"], key: Float[Tensor, "b k d"], value: Float[Tensor, "b k d"]
    ) -> tuple[Float[Tensor, "b n d"], Float[Tensor, "b n k"]]:
        """x and what it reads, and the weights it reads by."""
        weights = (x @ key.mT + self.bias).softmax(2)
        return x + self.scale * (weights @ value), weights  # Eq. (6?)


class CTSAN(RetrievalModel):
    """Concepts of a video, and sentences that attend to them."""

    Config = Config
    views = frozenset({"words", "frames"})
    recipe = recipe(
        optimiser="adam",
        learning_rate=1e-4,
        clip_norm=30.0,
        batch_size=32,
        epochs=20,
        lr_decay=0.5,
        decay_every=16,
        select="SumR",
    )  # D6
    small_recipe = recipe.but(learning_rate=1e-3, epochs=5)
    variants: ClassVar = {
        "full": {},
        "no-concepts": {"concepts": False},
        "fixed-places": {"traced": False},
    }

    @classmethod
    def needs(cls, config: Config) -> frozenset[str]:
        """Regions and targets of the concepts where there are concepts."""
        return cls.views | ({"boxes", "concepts"} if config.concepts else set())

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c, h = config, config.hidden
        self.words = nn.Embedding(data.vocabulary, c.word_dim)
        nn.init.normal_(self.words.weight, std=c.word_dim**-0.5)  # D1
        self.video_lstm, self.dropout = glorot_lstm(data.dims["frames"], h), nn.Dropout(c.dropout)
        self.sentence, self.out = glorot_lstm(c.word_dim, h), nn.Linear(h, 1, bias=False)
        if c.concepts:
            count = data.vectors["concepts"]
            self.concepts = nn.Embedding(count, c.word_dim)
            nn.init.normal_(self.concepts.weight, std=c.word_dim**-0.5)  # D2
            self.tracers = Tracers(data.dims["regions"] - PLACE, c)
            self.detector = nn.Linear(((c.grid + 1) // 2) ** 2 * h, count, bias=False)
            nn.init.trunc_normal_(self.detector.weight, std=0.1, a=-0.2, b=0.2)
            self.input = SemanticAttention(c.word_dim, c.word_dim)
            self.output = SemanticAttention(c.word_dim, h)

    def frames(self, regions: Regions) -> tuple[Float[Tensor, "v t d g g"], Bool[Tensor, "v t"]]:
        """At most `steps` grids of each video, those with anything in them first."""
        x, mask = max_in_cells(regions, self.config.grid)  # D3
        order = (~mask).int().argsort(dim=1, stable=True)
        x = x.flatten(2).gather(1, order[..., None].expand(-1, -1, x[0, 0].numel()))
        x, mask = take_uniform(x, mask.gather(1, order), self.config.steps)
        return x.unflatten(2, (-1, self.config.grid, self.config.grid)), mask

    def concept_logits(self, clips: Clips) -> Float[Tensor, "v k"]:
        """How sure the detector is of each concept."""
        assert clips.regions is not None
        x, mask = self.frames(clips.regions)
        state, _ = self.tracers(self.tracers.grids(x), mask)
        return self.detector(state.flatten(1))  # Eq. (4?)

    def find(self, logits: Float[Tensor, "v k"]) -> Float[Tensor, "v found e"]:
        """Vectors of the most likely concepts, best first."""
        return self.concepts(logits.topk(min(self.config.attributes, logits.shape[1])).indices)

    def video_state(self, clips: Clips) -> Tensors:
        """State and cell at the end of a video."""
        x, mask = clips.features["frames"], clips.mask["frames"]
        x, mask = take_uniform(x, mask, self.config.steps)
        return lstm_end(self.video_lstm, self.dropout(x), mask)  # Eq. (1?)

    def encode_video(self, clips: Clips) -> Tensors:
        """State, cell and concepts."""
        state = self.video_state(clips)
        return (*state, self.find(self.concept_logits(clips))) if self.config.concepts else state

    def encode_text(self, captions: Captions) -> Tensors:
        """Vectors of words and their mask."""
        return self.words(captions.words), captions.mask

    def score(self, text: Tensors, video: Tensors) -> Float[Tensor, " pairs"]:
        """S of captions and videos side by side."""
        (x, mask), (h, c, *found) = text, video
        for a in found:
            x, _ = self.input(x, a @ self.input.weight.mT, a)
        o = last_states(lstm_states(self.sentence, x, mask, (h[None], c[None])), mask)[:, None]
        for a in found:
            value = a.tanh() @ self.output.weight.mT
            o, _ = self.output(o, value, value)
        return self.out(o)[:, 0, 0]  # Eq. (7?)

    def similarity(self, text: Tensors, video: Tensors) -> Float[Tensor, "t v"]:
        """S of every pair."""
        return all_pairs(self.score, text, video)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Ranking, and the concepts of each caption's video."""
        text, video = self.encode_text(batch.captions), self.video_state(batch.clips)
        detected: Tensor | float = 0.0
        if self.config.concepts:
            logits = self.concept_logits(batch.clips)
            named = (batch.captions.vectors["concepts"] > 0).to(logits)
            detected = F.binary_cross_entropy_with_logits(logits, named)  # Eq. (5?)
            video = (*video, self.find(logits))
        terms = sum(hinge_terms(self.similarity(text, video), self.config.margin))
        return terms.mean() + self.config.concept_weight * detected  # Eq. (8?)


Model = CTSAN
