"""Multimodal Cues: an object-text and an activity-text space.

Mithun, Li, Metze, Roy-Chowdhury. "Learning Joint Embedding with Multimodal Cues for Cross-Modal
Video-Text Retrieval." ICMR 2018.                Record: data/papers.yaml, mithun2018multimodal

What is seen and what is done get a joint space each, with a sentence encoder of its own; their
scores are added up. In training, a pair that ranks badly in its batch weighs more.

Symbols
    v, t   a video, a sentence in one space          S    scores
    r      rank of the right item in the batch       beta weight of the rank

Equations (numbers of the ICMR text; a letter: a step that it tells without one)
    (a)    v, linear map of a space's features (§3.2)             Space.video
    (b)    t, state of a GRU over the words (§3.2)                Space.text
    (c)    cosine per space (§3.2)                                MultimodalCues.per_space
    (d)    scores, sum over the spaces (§3.4)                     MultimodalCues.similarity
    (e)    weight of a pair, 1 + beta / (B - r), r from 0 (§3.3)  rank_weight
    (3)    hardest negatives, weighted, summed                    MultimodalCues.triplet

Departures
    D1  both spaces are trained at once, by the sum of their losses. They share no weight, so each
        has the gradient it has alone; but the norm that is clipped is that of both, and the epoch
        that is kept is the best of their common scores, where the authors keep one a space.
    D2  a video that lacks a feature has zeros in its place; in the authors' data none lacks one.
    D3  where a side gives the zero vector its cosines are 0; the authors' are NaN.
    D4  from the released code, not the text: v has a bias; t is the GRU's last state itself, which
        the text maps once more; the rate is 2e-4, halved every 10 epochs (text: 2e-3, a tenth of it
        after 15).

Claims and reported numbers: the record. What is tested: tests/models/test_multimodal_cues.py
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from models.official._loading import flatten_checkpoint, load_renamed, matrix_shape
from models.parts.batch import Captions, Clips
from models.parts.contract import RetrievalModel
from models.parts.losses import hinge_terms
from models.parts.pooling import masked_mean
from models.parts.temporal import gru_states, last_states, trim_padding

CUES = {"object": ("frames",), "activity": ("motion", "audio")}  # space -> what it reads, in order


@dataclass(frozen=True)
class Config:
    """Defaults of the authors' scripts; `vocabulary` and `experts` are the data's."""

    vocabulary: int = 10_000  # word ids, the four special ones included
    experts: tuple[tuple[str, int], ...] = (  # SoundNet, ResNet-152, I3D
        ("audio", 1024),
        ("frames", 2048),
        ("motion", 1024),
    )
    spaces: tuple[str, ...] = ("object", "activity")
    word_dim: int = 300
    common: int = 1024  # of either space
    margin: float = 0.2
    beta: float = 1.0  # 0: every pair weighs the same

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(word_dim=64, common=128)


class Space(nn.Module):
    """One joint space: a layer for the video, words and a GRU for the sentence."""

    def __init__(self, in_dim: int, config: Config) -> None:
        super().__init__()
        self.visual = nn.Linear(in_dim, config.common)
        nn.init.xavier_uniform_(self.visual.weight)
        nn.init.zeros_(self.visual.bias)
        self.words = nn.Embedding(config.vocabulary, config.word_dim)
        nn.init.uniform_(self.words.weight, -0.1, 0.1)
        self.gru = nn.GRU(config.word_dim, config.common, batch_first=True)

    def video(self, x: Float[Tensor, "v in"]) -> Float[Tensor, "v c"]:
        """V."""
        return F.normalize(self.visual(x), dim=1)  # Eq. (a), D3, D4

    def text(self, captions: Captions) -> Float[Tensor, "t c"]:
        """T."""
        words, mask = trim_padding(captions.words, captions.mask)
        states = gru_states(self.gru, self.words(words), mask)
        return F.normalize(last_states(states, mask), dim=1)  # Eq. (b), D3, D4


class MultimodalCues(RetrievalModel):
    """Two spaces that meet in the sum of their scores."""

    Config = Config
    needs = frozenset({"words", "frames", "motion"})
    optional = frozenset({"audio"})
    recipe = Recipe("adam", 2e-4, 128, 30, clip_norm=2.0, decay=0.5, decay_every=10)  # D1, D4
    small_recipe = replace(recipe, learning_rate=1e-3, epochs=7, decay_every=4)
    variants: ClassVar = {
        "full": {},
        "object": {"spaces": ("object",)},
        "activity": {"spaces": ("activity",)},
        "unweighted": {"beta": 0.0},
    }

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = c = config or Config()
        self.cues = {name: [e for e in CUES[name] if e in dict(c.experts)] for name in c.spaces}
        widths = {name: sum(dict(c.experts)[e] for e in cues) for name, cues in self.cues.items()}
        self.spaces = nn.ModuleDict({name: Space(width, c) for name, width in widths.items()})

    def encode_text(self, captions: Captions) -> Float[Tensor, "t k c"]:
        """The sentences in each space."""
        return torch.stack([space.text(captions) for space in self.spaces.values()], dim=1)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v k c"]:
        """The videos in each space, from the means of their features over time."""
        pooled = {
            e: masked_mean(clips.features[e], clips.mask[e])  # D2
            for e in sorted({e for cues in self.cues.values() for e in cues})
        }
        x = [torch.cat([pooled[e] for e in cues], dim=1) for cues in self.cues.values()]
        spaces = zip(self.spaces.values(), x, strict=True)
        return torch.stack([space.video(x_i) for space, x_i in spaces], dim=1)

    def per_space(
        self, text: Float[Tensor, "t k c"], video: Float[Tensor, "v k c"]
    ) -> Float[Tensor, "k t v"]:
        """Cosines."""
        return torch.einsum("tkc,vkc->ktv", text, video)  # Eq. (c)

    def similarity(
        self, text: Float[Tensor, "t k c"], video: Float[Tensor, "v k c"]
    ) -> Float[Tensor, "t v"]:
        """S."""
        return self.per_space(text, video).sum(0)  # Eq. (d)

    def loss(self, captions: Captions, clips: Clips) -> Float[Tensor, ""]:
        """The hardest negatives are found in each space by itself."""
        scores = self.per_space(self.encode_text(captions), self.encode_video(clips))
        return torch.stack([self.triplet(s) for s in scores]).sum()  # D1

    def triplet(self, scores: Float[Tensor, "b b"]) -> Float[Tensor, ""]:
        """Loss of one space."""
        by_caption, by_video = hinge_terms(scores, self.config.margin)
        a = rank_weight(scores.mT, self.config.beta)
        b = rank_weight(scores, self.config.beta)
        return (a * by_video.amax(0)).sum() + (b * by_caption.amax(1)).sum()  # Eq. (3)

    @classmethod
    def from_official(
        cls, state: Mapping[str, Any], config: Config | None = None
    ) -> "MultimodalCues":
        """The two spaces' checkpoints, {"object": ..., "activity": ...}, or one flat state dict.

        In a flat one the names begin with `object.` and `activity.`. Without a config the sizes are
        the weights', and audio is taken for half of what the activity space reads. Raises
        ValueError, one line, where weights and model do not fit.
        """
        parts = {
            f"{name}.{key}": weight
            for name in CUES
            if isinstance(state.get(name), Mapping)
            for key, weight in flatten_checkpoint(state[name], ("img_enc.", "txt_enc.")).items()
        }
        official = parts or state
        return load_renamed(cls(config or sizes(official)), official, OFFICIAL)


def rank_weight(scores: Float[Tensor, "b b"], beta: float) -> Float[Tensor, " b"]:
    """How much each row's pair weighs, by the number of columns that beat its own."""
    rank = (scores > scores.diagonal()[:, None]).sum(1)
    return 1 + beta / (len(scores) - rank)  # Eq. (e)


OFFICIAL = {  # beginnings of the released code's names -> of ours
    f"{name}.{theirs}": f"spaces.{name}.{ours}"
    for name in CUES
    for theirs, ours in (
        ("img_enc.fc.", "visual."),
        ("txt_enc.embed.", "words."),
        ("txt_enc.rnn.", "gru."),
    )
}


def sizes(official: Mapping[str, Tensor]) -> Config:
    """The released configuration, as far as its weights tell."""
    spaces = tuple(n for n in CUES if f"{n}.img_enc.fc.weight" in official) or tuple(CUES)
    width = {name: matrix_shape(official, f"{name}.img_enc.fc.weight") for name in spaces}
    vocabulary, word_dim = matrix_shape(official, f"{spaces[0]}.txt_enc.embed.weight")
    dims = {}
    if "object" in spaces:
        dims["frames"] = width["object"][1]
    if "activity" in spaces:
        dims["audio"] = width["activity"][1] // 2
        dims["motion"] = width["activity"][1] - dims["audio"]
    common = width[spaces[0]][0]
    return Config(vocabulary, tuple(sorted(dims.items())), spaces, word_dim, common)


Model = MultimodalCues
