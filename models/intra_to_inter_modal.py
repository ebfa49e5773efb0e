"""From intra-modal to inter-modal space.

Choi, Larson, Friedland, Hanjalic. "From Intra-Modal to Inter-Modal Space: Multi-Task Learning of
Shared Representations for Cross-Modal Retrieval." BigMM 2019, doi:10.1109/BigMM.2019.00014.
                                                 Record: data/papers.yaml, choi2019intra

With few pairs it is easier to order a space within one modality than across two. So the space is
learnt from captions and their concepts first; then videos learn to take the places that it has for
them.

Symbols
    f, g   vectors of captions and of videos        T      temperature
    z      concepts that the captions of a video    p(x,y) softmax over j of x_i y_j / T: how item i
           name, at unit length                            sees the others of a batch
    w      weight of the transfer

Equations (read: the abstract; the paper was not at hand: numbers are ours and stand for the steps of
the method)
    (1?)   f: mean state of a GRU, affine map, unit length        IntraToInter.encode_text
    (2?)   g: mean of the frames, two layers, unit length         IntraToInter.encode_video
    (3?)   structure: KL(p(z,z) || p(f,f)), i itself left out     IntraToInter.intra
    (4?)   task: cross-entropy of each concept, linear in f or g  IntraToInter.task
    (5?)   first stage: (3?) and (4?) of f                        IntraToInter.intra
    (6?)   transfer: KL(p(f,f) || p(g,f))                         IntraToInter.transfer
    (7?)   match: minus log of the pair's share, both directions  IntraToInter.transfer
    (8?)   second stage: (7?) + w (6?), f held still, and (4?)    IntraToInter.transfer
           of g

The abstract states two stages, intra-modal optimisation and cross-modal transfer of semantic
structure, and multi-task learning in each. All equations are ours.

Departures
    D1  that the space is learnt from text, both encoders, what structure and what transfer is: ours.
    D2  the first epochs are the first stage. In the second, f goes on with (5?), which pairs do not
        touch: no gradient of (6?) and (7?) reaches it. The abstract has one stage after the other.
    D3  the tasks of the abstract are those of several datasets with different concepts; a run here
        has one dataset, and so one task beside the structure.
    D4  word vectors start at random; widths, T, w and the recipe are ours.

No public code was found. Claims: the record.
What is tested: tests/models/test_intra_to_inter_modal.py
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import info_nce_terms
from models.parts.pooling import masked_mean, masked_softmax
from models.parts.recipe import recipe
from models.parts.sentences import SentenceGRU
from models.parts.spaces import affine_space


@dataclass(frozen=True)
class Config:
    """Ours, D1 and D4: nothing could be read."""

    word_dim: int = 300
    hidden: int = 1024  # of the GRU, and of the perceptron over frames
    common: int = 512
    temperature: float = 0.1
    intra_epochs: int = 4  # of the first stage alone
    intra: bool = True  # else f has no loss of its own
    held: bool = True  # f in the second stage; else pairs change it too
    concept_weight: float = 1.0  # of the task
    transfer_weight: float = 1.0  # w

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(word_dim=64, hidden=128, common=128)


class IntraToInter(RetrievalModel):
    """A space of captions, and videos that learn their places in it."""

    Config = Config
    views = frozenset({"words", "frames"})
    recipe = recipe(
        optimiser="adam", learning_rate=1e-4, batch_size=128, epochs=50, clip_norm=2.0
    )  # D4
    small_recipe = recipe.but(learning_rate=1e-3, epochs=14)
    variants: ClassVar = {
        "full": {},
        "joint": {
            "intra_epochs": 0,
            "intra": False,
            "held": False,
            "concept_weight": 0.0,
            "transfer_weight": 0.0,
        },
        "one-stage": {"intra_epochs": 0, "held": False},
        "no-transfer": {"transfer_weight": 0.0},
        "single-task": {"concept_weight": 0.0},
    }

    @classmethod
    def needs(cls, config: Config) -> frozenset[str]:
        """Concepts where there is a structure or a task."""
        return cls.views | ({"concepts"} if config.intra or config.concept_weight else set())

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c = config
        self.sentence = SentenceGRU(data.vocabulary, c.word_dim, c.hidden, pool="mean")  # D4
        self.text_space = affine_space(self.sentence.out, c.common)
        self.video_hidden = affine_space(data.dims["frames"], c.hidden, nn.ReLU())
        self.video_space = affine_space(c.hidden, c.common)
        if c.concept_weight:
            count = data.vectors["concepts"]
            self.video_concepts = nn.Linear(c.common, count)
            if c.intra:
                self.text_concepts = nn.Linear(c.common, count)
        self.first_stage = False

    def on_epoch(self, epoch: int) -> None:
        """The first epochs are the first stage."""
        self.first_stage = epoch < self.config.intra_epochs

    def encode_text(self, captions: Captions) -> Float[Tensor, "t d"]:
        """f."""
        x = self.sentence(captions.words, captions.mask)
        return F.normalize(self.text_space(x), dim=1)  # Eq. (1?), D1

    def encode_video(self, clips: Clips) -> Float[Tensor, "v d"]:
        """g."""
        x = masked_mean(clips.features["frames"], clips.mask["frames"])
        return F.normalize(self.video_space(self.video_hidden(x)), dim=1)  # Eq. (2?)

    def similarity(
        self, text: Float[Tensor, "t d"], video: Float[Tensor, "v d"]
    ) -> Float[Tensor, "t v"]:
        """Cosines."""
        return text @ video.mT

    def task(
        self, head: nn.Module, x: Float[Tensor, "b d"], captions: Captions
    ) -> Float[Tensor, ""]:
        """The concepts that the captions of each item's video name; D3."""
        named = (captions.vectors["concepts"] > 0).to(x.dtype)
        return F.binary_cross_entropy_with_logits(head(x), named)  # Eq. (4?), D3

    def intra(self, f: Float[Tensor, "b d"], captions: Captions) -> Float[Tensor, ""]:
        """The loss of the first stage."""
        z = F.normalize(captions.vectors["concepts"], dim=1)
        others = ~torch.eye(len(f), dtype=torch.bool, device=f.device)
        loss = structure_loss(z @ z.mT, f @ f.mT, others, self.config.temperature)  # Eq. (3?)
        if self.config.concept_weight:
            loss = loss + self.config.concept_weight * self.task(self.text_concepts, f, captions)
        return loss  # Eq. (5?)

    def transfer(
        self, f: Float[Tensor, "b d"], g: Float[Tensor, "b d"], captions: Captions
    ) -> Float[Tensor, ""]:
        """What the second stage adds; row i of f belongs to row i of g."""
        c = self.config
        f = f.detach() if c.held else f  # D2
        by_caption, by_video = info_nce_terms(f @ g.mT, c.temperature)
        loss = by_caption.mean() + by_video.mean()  # Eq. (7?)
        if c.transfer_weight:
            everyone = torch.ones(len(f), len(f), dtype=torch.bool, device=f.device)
            kl = structure_loss(f @ f.mT, g @ f.mT, everyone, c.temperature)  # Eq. (6?)
            loss = loss + c.transfer_weight * kl
        if c.concept_weight:
            loss = loss + c.concept_weight * self.task(self.video_concepts, g, captions)
        return loss  # Eq. (8?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Of the stage that the training is in."""
        f = self.encode_text(batch.captions)
        loss = self.intra(f, batch.captions) if self.config.intra else f.new_zeros(())
        if self.first_stage:
            return loss
        return loss + self.transfer(f, self.encode_video(batch.clips), batch.captions)


def structure_loss(
    target: Float[Tensor, "b b"],
    scores: Float[Tensor, "b b"],
    mask: Bool[Tensor, "b b"],
    temperature: float,
) -> Float[Tensor, ""]:
    """Divergence of how each row's scores see what the mask keeps from how its target does, a mean.

    Both are softmaxes; no gradient flows into the target.
    """
    p = masked_softmax(target.detach() / temperature, mask)
    least = torch.finfo(scores.dtype).min
    log_q = (scores / temperature).masked_fill(~mask, least).log_softmax(1)
    return F.kl_div(log_q, p, reduction="batchmean")


Model = IntraToInter
