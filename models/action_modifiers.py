"""Action Modifiers.

Doughty, Laptev, Mayol-Cuevas, Damen. "Action Modifiers: Learning from Adverbs in Instructional
Videos." CVPR 2020, arXiv:1912.06617.            Record: data/papers.yaml, doughty2020action

An adverb is a transformation of the action it modifies. A video is searched for the action by
attention over its seconds; what is found lies nearer to the action as it was done than to another
action done that way, and than to the action done the opposite way.

Symbols
    e_a    vector of action a, fixed        W_m    matrix of adverb m
    O      modified action                  f      video, as action a attends to it
    d      Euclidean distance

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   O_m(a) = relu(W_m e_a)                              ActionModifiers.modified
    (2?)   f: attention of e_a over the seconds, four heads    ActionAttention.forward
    (3?)   scores: -d(f, O)                                    ActionModifiers.similarity
    (4?)   hinge against other actions with the same adverb    ActionModifiers.loss
    (5?)   hinge against the antonym of the adverb             ActionModifiers.loss
    (6?)   actions first: W_m stay the identity till then      ActionModifiers.on_epoch

Departures
    D1  action vectors are random; the authors' are GloVe's. Both are fixed.
    D2  other actions are those of the batch, all of them; the authors draw one of all.
    D3  all steps of a clip are read, each frame beside the motion that covers it; the authors read
        the 20 seconds around the narration, appearance and flow side by side.
    D4  the authors' rate falls to a tenth when adverbs join, once; here at that epoch and again as
        many epochs later, which is why the published recipe ends there.
    D5  a caption without an adverb is its action alone, one without a verb trains nothing.
    D6  the attention has its own maps for each head, and keys without a bias, which moves no
        weight; in the release heads share their maps.

The released code: models/official/action_modifiers.py. Claims and reported numbers: the record.
What is tested: tests/models/test_action_modifiers.py
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.pooling import masked_mean, masked_softmax
from models.parts.recipe import recipe

EPSILON = 1e-6  # added to each component of a difference before its length is taken
GLOVE_SCALE = 0.4  # standard deviation of the numbers of GloVe's vectors, about
Video: TypeAlias = tuple[Float[Tensor, "v n in"], Bool[Tensor, "v n"]]  # seconds and their mask


@dataclass(frozen=True)
class Config:
    """Defaults of the authors' options."""

    dim: int = 300
    temporal: str = "attention"  # average; single: the second in the middle
    modifier: str = "matrix"  # vector: W_m e_a becomes e_a + w_m
    heads: int = 4
    dropout: float = 0.1  # of the attention's weights
    action_epochs: int = 200  # before adverbs are learnt
    margin: float = 0.5

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(dim=64, action_epochs=10)


@dataclass
class Text:
    """Captions."""

    action: Int[Tensor, " t"]
    modified: Float[Tensor, "t d"]  # O


class ActionAttention(nn.Module):
    """Every action attends to every video."""

    def __init__(self, dim: int, in_dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.out = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.key, self.value = nn.Linear(in_dim, dim, bias=False), nn.Linear(in_dim, dim)
        self.dropout = nn.Dropout(dropout)

    def by_head(self, layer: nn.Module, x: Float[Tensor, "*n in"]) -> Float[Tensor, "*n heads d"]:
        """A map of x, cut into heads."""
        return layer(x).unflatten(-1, (self.heads, -1))  # D6

    def merge(self, y: Float[Tensor, "*n heads d"]) -> Float[Tensor, "*n dim"]:
        """Heads side by side."""
        return y.flatten(-2)

    def weights(
        self, e: Float[Tensor, "a dim"], x: Float[Tensor, "v n in"], mask: Bool[Tensor, "v n"]
    ) -> Float[Tensor, "a v heads n"]:
        """Of the seconds; 0 at the padding."""
        q, k = self.by_head(self.query, e), self.by_head(self.key, x)
        scores = torch.einsum("ahd,vnhd->avhn", q, k) / q.shape[-1] ** 0.5
        return masked_softmax(scores, mask[:, None])

    def forward(
        self, e: Float[Tensor, "a dim"], x: Float[Tensor, "v n in"], mask: Bool[Tensor, "v n"]
    ) -> Float[Tensor, "a v dim"]:
        """f of each action and video, not of unit length."""
        weights = self.dropout(self.weights(e, x, mask))
        y = torch.einsum("avhn,vnhd->avhd", weights, self.by_head(self.value, x))
        return self.out(self.merge(y))  # Eq. (2?)


class Pooled(nn.Module):
    """The mean or the middle of the seconds, the same for every action."""

    def __init__(self, dim: int, in_dim: int, pool: str) -> None:
        super().__init__()
        self.pool = pool
        self.layers = nn.Sequential(nn.Linear(in_dim, dim), nn.ReLU())

    def forward(
        self, e: Float[Tensor, "a dim"], x: Float[Tensor, "v n in"], mask: Bool[Tensor, "v n"]
    ) -> Float[Tensor, "a v dim"]:
        """f."""
        if self.pool == "single":
            middle = torch.arange(x.shape[1], device=x.device) == mask.sum(1, keepdim=True) // 2
            mask = mask & middle
        return self.layers(masked_mean(x, mask)).expand(len(e), -1, -1)


class ActionModifiers(RetrievalModel):
    """Actions, changed by adverbs, and videos that actions attend to."""

    actions: Tensor
    Config = Config
    views = frozenset({"words", "verb", "adverb", "antonym", "frames"})
    optional = frozenset({"motion"})
    ranks_videos = False  # it ranks texts of one video
    recipe = recipe(
        optimiser="adam",
        learning_rate=1e-4,
        weight_decay=5e-5,
        batch_size=512,
        epochs=400,
        lr_decay=0.1,
        decay_every=200,  # D4
        select="last",
    )
    small_recipe = recipe.but(learning_rate=1e-3, batch_size=128, epochs=20, decay_every=10)
    variants: ClassVar = {
        "full": {},
        "vector": {"modifier": "vector"},
        "average": {"temporal": "average"},
        "single": {"temporal": "single"},
        "one-stage": {"action_epochs": 0},
    }
    recipe_by_variant: ClassVar = {"one-stage": {"lr_decay": 1.0}}

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        vectors = GLOVE_SCALE * torch.randn(data.classes["verb"], config.dim)
        self.register_buffer("actions", vectors)  # D1
        start = torch.eye(config.dim) if config.modifier == "matrix" else torch.zeros(config.dim)
        self.modifiers = nn.ParameterList(start.clone() for _ in range(data.classes["adverb"]))
        self.learns_adverbs = True
        self.video = self.video_encoder(sum(data.dims.values()))

    def video_encoder(self, in_dim: int) -> nn.Module:
        """f."""
        c = self.config
        if c.temporal == "attention":
            return ActionAttention(c.dim, in_dim, c.heads, c.dropout)
        return Pooled(c.dim, in_dim, c.temporal)

    def on_epoch(self, epoch: int) -> None:
        """Adverbs are learnt from `action_epochs` on."""
        self.learns_adverbs = epoch >= self.config.action_epochs  # Eq. (6?)

    def vectors(self, action: Int[Tensor, " n"]) -> Float[Tensor, "n d"]:
        """The e_a; zeros for none."""
        return self.actions[action.clamp(min=0)] * (action >= 0)[:, None]  # D5

    def modified(self, e: Float[Tensor, "n d"]) -> Float[Tensor, "m n d"]:
        """O of every adverb, after that of none."""
        rows = [e]
        for modifier in self.modifiers:
            w = modifier if self.learns_adverbs else modifier.detach()
            rows.append(e @ w.mT if w.ndim > 1 else e + w)
        return torch.stack(rows).relu()  # Eq. (1?), D5

    def encode_text(self, captions: Captions) -> Text:
        """Actions, modified by their adverbs."""
        action, place = captions.classes["verb"].unique(return_inverse=True)
        modified = self.modified(self.vectors(action))
        return Text(action[place], modified[captions.classes["adverb"] + 1, place])

    def encode_video(self, clips: Clips) -> Video:
        """The seconds, every expert beside the frames."""
        x, mask = clips.features["frames"], clips.mask["frames"]
        parts, count = [x], mask.sum(1, keepdim=True)
        for name in sorted(clips.features.keys() & self.optional):
            other, has = clips.features[name], clips.mask[name]
            other, own = other.masked_fill(~has[..., None], 0.0), has.sum(1, keepdim=True)
            step = torch.arange(x.shape[1], device=x.device)
            at = torch.minimum(step * own // count.clamp(min=1), (own - 1).clamp(min=0))
            parts.append(other.gather(1, at[..., None].expand(-1, -1, other.shape[2])))  # D3
        return torch.cat(parts, dim=2), mask

    def similarity(self, text: Text, video: Video) -> Float[Tensor, "t v"]:
        """Each caption's action attends to each video."""
        action, place = text.action.unique(return_inverse=True)
        f = self.video(self.vectors(action), *video)
        return -distance(f[place], text.modified[:, None])  # Eq. (3?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Mean of the captions with a verb, and of those whose adverb has an antonym."""
        classes = batch.captions.classes
        adverb, antonym = classes["adverb"] + 1, classes["antonym"] + 1
        action, place = classes["verb"].unique(return_inverse=True)
        e, row = self.vectors(action), torch.arange(len(place), device=place.device)
        f = self.video(e, *self.encode_video(batch.clips))[place, row]
        modified = self.modified(e)
        d = distance(f[:, None], modified[adverb])  # (captions, actions)
        right, known = d[row, place], classes["verb"] >= 0
        other = (place[:, None] != torch.arange(len(action), device=d.device)) & (action >= 0)
        hinge = (right[:, None] - d + self.config.margin).clamp(min=0) * other
        by_action = hinge.sum(1) / other.sum(1).clamp(min=1)  # Eq. (4?), D2
        against = distance(f, modified[antonym, place])
        by_adverb = (right - against + self.config.margin).clamp(min=0)  # Eq. (5?)
        return mean_of(by_action, known) + mean_of(by_adverb, known & (antonym > 0))


def distance(x: Float[Tensor, "... d"], y: Float[Tensor, "... d"]) -> Float[Tensor, "..."]:
    """Euclidean, never zero."""
    return torch.linalg.vector_norm(x - y + EPSILON, dim=-1)


def mean_of(terms: Float[Tensor, " n"], mask: Bool[Tensor, " n"]) -> Float[Tensor, ""]:
    """Mean of the terms that the mask has; 0 of none."""
    return (terms * mask).sum() / mask.sum().clamp(min=1)


Model = ActionModifiers
