"""Jointly modeling deep video and compositional text (JMDV).

Xu, Xiong, Chen, Corso. "Jointly Modeling Deep Video and Compositional Text to Bridge Vision and
Language in a Unified Framework." AAAI 2015.     Record: data/papers.yaml, xu2015jmdv

A sentence is its subject, verb and object, composed along the dependencies into one vector; a video
is a deep network over a temporal pyramid of its frames. Both are learnt together: what belongs
together comes near. Nothing pushes the rest away.

Symbols
    c1, c2   children of a node            p       the node             W, b   of every node alike
    S, V, O  word vectors of a clause      root    a sentence           x      pyramid of a video
    y        a video in the space          a       weight of reconstruction

Equations (the abstract and texts about the paper could be read: forms are ours, and so are numbers)
    (1?)   p: tanh(W [c1; c2] + b)                           Composition.forward
    (2?)   clause: S with (V with O), or what there is       Composition.clause
    (3?)   root: mean over the clauses                       JMDV.read
    (4?)   E: squared distance of [c1; c2] from their        Composition.forward
           reconstruction, linear in p
    (5?)   x: means of the video and of its halves           pyramid
    (6?)   y: W2 tanh(W1 x + b1) + b2                        JMDV.encode_video
    (7?)   loss: |y - root|^2 + a E, mean over the pairs     JMDV.loss
    (8?)   score: -|y - root|^2                              JMDV.similarity

Departures (the abstract names: a dependency tree of subject, verb and object that keeps meaning and
word order, a deep video model, a joint embedding that updates both. All below is ours)
    D1  word vectors are drawn at random and stay; the authors' come from word2vec. They hold the
        sentences apart: learnt ones could shrink to a point, where the loss is smallest.
    D2  order of composition: the verb with its object, then the subject with both.
    D3  subject, verb and object come from semantic roles, ARG0, V and ARG1, each by its head word,
        the first of a phrase whose own head lies outside.
    D4  a sentence without a verb is the mean of its word vectors.
    D5  two levels of the pyramid; the middle step of an odd number is in both halves.
    D6  the video's last layer has no tanh, so that it reaches every root.
    D7  a, sizes, optimiser and schedule; the square of all weights is weight decay.

Claims and reported numbers: the record. What is tested: tests/models/test_jmdv_compositional.py
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.parts.batch import PREDICATE, ROLES, Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.pooling import masked_mean
from models.parts.recipe import recipe

SUBJECT, OBJECT = ROLES.index("ARG0"), ROLES.index("ARG1")
ROWWISE = "donot_use_mm_for_euclid_dist"  # a distance does not depend on what else is in the batch


@dataclass(frozen=True)
class Config:
    """Ours throughout (D7)."""

    dim: int = 300  # of words, nodes and the space
    hidden: int = 1024
    text: Literal["tree", "bag"] = "tree"  # bag: the mean of S, V and O
    fixed_text: bool = False  # compose with the first, random weights
    all_words: bool = False  # phrases by the mean of their words, not by their head
    pyramid: bool = True  # else the mean of the video alone
    word_scale: float = 0.3  # deviation of the numbers of word vectors
    reconstruction: float = 3.0  # a

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(dim=128, hidden=256)


class Composition(nn.Module):
    """One pair of matrices for all nodes; buffers where they are not learnt."""

    W: Float[Tensor, "d d2"]
    b: Float[Tensor, " d"]

    def __init__(self, dim: int, *, fixed: bool, rebuilt: bool) -> None:
        super().__init__()
        first = nn.Linear(2 * dim, dim)
        for name, weight in (("W", first.weight), ("b", first.bias)):
            if fixed:
                self.register_buffer(name, weight.detach())
            else:
                self.register_parameter(name, weight)
        if rebuilt:
            self.rebuild = nn.Linear(dim, 2 * dim)
        self.rebuilt = rebuilt

    def forward(
        self, left: Float[Tensor, "... d"], right: Float[Tensor, "... d"]
    ) -> tuple[Float[Tensor, "... d"], Float[Tensor, "..."]]:
        """p, and its reconstruction error, zero where that is not learnt."""
        children = torch.cat([left, right], -1)
        p = torch.tanh(children @ self.W.T + self.b)  # Eq. (1?)
        if not self.rebuilt:
            return p, p.new_zeros(p.shape[:-1])
        return p, (children - self.rebuild(p)).square().sum(-1)  # Eq. (4?)

    def clause(
        self, words: Float[Tensor, "t n 3 d"], there: Bool[Tensor, "t n 3"]
    ) -> tuple[Float[Tensor, "t n d"], Float[Tensor, "t n"]]:
        """Root and reconstruction error of clauses: subject, verb, object, of which some are missing."""
        subject, verb, object_ = words.unbind(2)
        has_subject, _, has_object = there.unbind(2)
        low, low_error = self(verb, object_)
        predicate = torch.where(has_object[..., None], low, verb)
        high, high_error = self(subject, predicate)  # D2
        root = torch.where(has_subject[..., None], high, predicate)  # Eq. (2?)
        return root, low_error * has_object + high_error * has_subject


class JMDV(RetrievalModel):
    """A recursive network over clauses and a deep network over frames, into one space."""

    Config = Config
    views = frozenset({"words", "graph", "heads", "frames"})
    ranks_videos = False
    recipe = recipe(  # D7
        optimiser="adam", learning_rate=1e-3, weight_decay=1e-4, batch_size=128, epochs=50
    )
    small_recipe = recipe.but(epochs=20, captions_per_video=6)
    variants: ClassVar = {
        "full": {},
        "bag": {"text": "bag"},
        "all-words": {"all_words": True},
        "text-frozen": {"fixed_text": True},
        "no-reconstruction": {"reconstruction": 0.0},
        "no-pyramid": {"pyramid": False},
    }
    words: Float[Tensor, "vocabulary d"]

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c = config
        self.register_buffer("words", torch.randn(data.vocabulary, c.dim) * c.word_scale)  # D1
        if c.text == "tree":
            rebuilt = c.reconstruction > 0 and not c.fixed_text
            self.compose = Composition(c.dim, fixed=c.fixed_text, rebuilt=rebuilt)
        width = data.dims["frames"] * (3 if c.pyramid else 1)
        self.video = nn.Sequential(
            nn.Linear(width, c.hidden), nn.Tanh(), nn.Linear(c.hidden, c.dim)
        )

    def read(self, captions: Captions) -> tuple[Float[Tensor, "t d"], Float[Tensor, " t"]]:
        """Roots, and the sum of reconstruction errors of each sentence."""
        x = self.words[captions.words]
        phrases, there = clauses(captions, all_words=self.config.all_words)
        S_V_O = phrases.float() @ x[:, None] / phrases.sum(3, keepdim=True).clamp(min=1)
        if self.config.text == "bag":
            roots = (S_V_O * there[..., None]).sum(2) / there.sum(2, keepdim=True).clamp(min=1)
            errors = roots.new_zeros(roots.shape[:2])
        else:
            roots, errors = self.compose.clause(S_V_O, there)
        clause = there[:, :, 1]
        root = masked_mean(roots, clause)  # Eq. (3?)
        wordless = masked_mean(x, captions.mask)
        root = torch.where(clause.any(1, keepdim=True), root, wordless)  # D4
        return root, (errors * clause).sum(1)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t d"]:
        """Roots; zeros where a caption has no word."""
        return self.read(captions)[0]

    def encode_video(self, clips: Clips) -> Float[Tensor, "v d"]:
        """y; of a video without a frame that of the biases."""
        frames, mask = clips.features["frames"], clips.mask["frames"]
        x = pyramid(frames, mask) if self.config.pyramid else masked_mean(frames, mask)
        return self.video(x)  # Eq. (6?), D6

    def similarity(
        self, text: Float[Tensor, "t d"], video: Float[Tensor, "v d"]
    ) -> Float[Tensor, "t v"]:
        """Nearest first."""
        return -torch.cdist(text, video, compute_mode=ROWWISE).square()  # Eq. (8?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Of right pairs alone."""
        root, errors = self.read(batch.captions)
        y = self.encode_video(batch.clips)
        apart = (y - root).square().sum(1)
        return (apart + self.config.reconstruction * errors).mean()  # Eq. (7?)


def clauses(
    captions: Captions, *, all_words: bool
) -> tuple[Bool[Tensor, "t n 3 words"], Bool[Tensor, "t n 3"]]:
    """Words of subject, verb and object of each predicate, and which of the three there are.

    n: nodes; rows of nodes that are no predicate have no verb. Of several arguments of a role the
    first counts.
    """
    graph, heads = captions.graph, captions.heads
    assert graph is not None
    assert heads is not None
    members = graph.members & captions.mask[:, None]
    if not all_words:
        members = head_words(members, heads.where(captions.mask, 0))  # D3
    spoken = members.any(2)
    predicate = (graph.role == PREDICATE) & spoken
    parts = [members & predicate[..., None]]
    for role in (SUBJECT, OBJECT):
        fits = graph.argument & ((graph.role == role) & spoken)[:, None] & predicate[..., None]
        first = fits & (fits.cumsum(2) == 1)
        parts.append((first.float() @ members.float()) > 0)
    verb, subject, object_ = parts
    phrases = torch.stack([subject, verb, object_], 2)
    return phrases, phrases.any(3)


def head_words(members: Bool[Tensor, "t n words"], heads: Tensor) -> Bool[Tensor, "t n words"]:
    """The first word of each node whose own head is itself or outside the node."""
    column = torch.arange(members.shape[2], device=heads.device)
    inside = members.gather(2, heads[:, None].expand_as(members))
    outer = members & (~inside | (heads == column)[:, None])
    first = outer & (outer.cumsum(2) == 1)
    return torch.where(outer.any(2, keepdim=True), first, members & (members.cumsum(2) == 1))


def pyramid(x: Float[Tensor, "v n dim"], mask: Bool[Tensor, "v n"]) -> Float[Tensor, "v dim3"]:
    """Means of the whole video and of its two halves, side by side."""
    step, count = mask.cumsum(1) - 1, mask.sum(1, keepdim=True)
    early, late = mask & (2 * step < count), mask & (2 * step >= count - 1)  # D5
    return torch.cat([masked_mean(x, part) for part in (mask, early, late)], 1)  # Eq. (5?)


Model = JMDV
