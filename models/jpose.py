"""Joint Part-of-Speech Embeddings (JPoSE).

Wray, Larlus, Csurka, Damen. "Fine-Grained Action Retrieval through Multiple Parts-of-Speech
Embeddings." ICCV 2019, arXiv:1908.03477.        Record: data/papers.yaml, wray2019jpose

Verbs and nouns are embedded in spaces of their own, in which a video is near every text with its
verb, or with its noun. The spaces together are mapped to the space of actions, which is searched.

Symbols
    x_p    mean vector of the words of part p     f_p, g_p   encoders of video and text, part p
    a, p, n  anchor, positive, negative           d          squared distance of unit vectors

Equations (numbers are ours and stand for the steps of the method)
    (1?)   f_p, g_p: perceptron of two layers, unit length     JPoSE.parts
    (2?)   action: both parts side by side, one shared layer   JPoSE.spaces
    (3?)   scores: cosines in the space of actions             JPoSE.similarity
    (4?)   hinge of triplets, m + d(a, p) - d(a, n)            parts.losses.expected_triplets (1)
    (5?)   p has the anchor's class in a space, n another      JPoSE.terms
    (6?)   sum over spaces and pairs of sides, weighted        JPoSE.loss

Departures
    D1  word vectors start at random and are learnt; the authors' are word2vec's, fixed.
    D2  100 triplets per anchor are drawn from the training set by the authors; here an anchor has
        the mean over all triplets of its batch, each wrong class counting once, as when drawn.
    D3  the shared layer starts as a random projection; the authors' starts from a PCA.
    D4  a class is the first verb or noun as it is spelt; EPIC-KITCHENS has classes of synonyms.
    D5  the hidden layers are as wide as their space: their width could not be read.

The released code: models/official/jpose.py. Claims and reported numbers: the record.
What is tested: tests/models/test_jpose.py
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.parts.batch import TAGS, WORD_CLASSES, Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import expected_triplets
from models.parts.pooling import masked_mean
from models.parts.recipe import recipe
from models.parts.words import SPECIAL

Spaces: TypeAlias = dict[str, Float[Tensor, "b _"]]  # of one side: verb, noun, action
Classes: TypeAlias = dict[str, Bool[Tensor, "b b"]]  # whether two pairs have one class, by space
CAPTION, ACTION = "caption", "action"
PAIRS = ("tt", "tv", "vt", "vv")  # sides of anchor and of positive and negative


@dataclass(frozen=True)
class Config:
    """The paper's settings."""

    word_dim: int = 100
    parts: tuple[str, ...] = ("verb", "noun")  # ("caption",): all words in one space, MMEN
    size: int = 256  # of every space
    combination: str = "learned"  # concat: side by side alone
    part_weight: float = 1.0  # of the losses in the spaces of the parts
    intra_weight: float = 0.1  # of the pairs within one side; across sides: 1
    margin: float = 0.1

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(word_dim=64, size=128)


class JPoSE(RetrievalModel):
    """A space per part of speech, and one of actions."""

    Config = Config
    views = frozenset({"words", "verb", "noun", "frames"})
    recipe = recipe(
        optimiser="adam", learning_rate=1e-5, batch_size=256, epochs=4000, select="last"
    )
    small_recipe = recipe.but(learning_rate=1e-3, batch_size=128, epochs=12)
    variants: ClassVar = {
        "full": {},
        "concat": {"combination": "concat"},
        "caption": {"parts": (CAPTION,)},
        "action-loss": {"part_weight": 0.0},
        "cross-modal": {"intra_weight": 0.0},
    }

    @classmethod
    def needs(cls, config: Config) -> frozenset[str]:
        """Parts of speech of the words where they are read apart."""
        return cls.views | ({"tags"} if config.parts != (CAPTION,) else set())

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c = config
        self.words = nn.Embedding(data.vocabulary, c.word_dim)
        nn.init.normal_(self.words.weight, std=c.word_dim**-0.5)  # D1
        self.text = nn.ModuleDict({part: self.encoder(c.word_dim) for part in c.parts})
        self.video = nn.ModuleDict({part: self.encoder(data.dims["frames"]) for part in c.parts})
        if len(c.parts) > 1 and c.combination == "learned":
            self.combine = self.combination(len(c.parts) * c.size)

    def encoder(self, in_dim: int) -> nn.Module:
        """f_p or g_p, before its unit length."""
        size = self.config.size
        return nn.Sequential(nn.Linear(in_dim, size), nn.ReLU(), nn.Linear(size, size))  # D5

    def combination(self, in_dim: int) -> nn.Module:
        """The layer that both sides share."""
        layer = nn.Linear(in_dim, self.config.size)
        nn.init.orthogonal_(layer.weight)  # D3
        nn.init.zeros_(layer.bias)
        return layer

    def chosen(self, part: str, captions: Captions) -> Bool[Tensor, "t words"]:
        """The words of a part of speech, or all of them."""
        if part == CAPTION:
            return captions.mask & (captions.words >= SPECIAL)
        assert captions.tags is not None
        tags = torch.tensor([TAGS.index(tag) for tag in WORD_CLASSES[part]])
        return captions.mask & torch.isin(captions.tags, tags.to(captions.tags.device))

    def text_parts(self, captions: Captions) -> Spaces:
        """Every part of the captions."""
        words = self.words(captions.words)
        x = {part: masked_mean(words, self.chosen(part, captions)) for part in self.text}
        return self.parts(self.text, x)

    def video_parts(self, clips: Clips) -> Spaces:
        """Every part of the clips, all from the mean of their frames."""
        x = masked_mean(clips.features["frames"], clips.mask["frames"])
        return self.parts(self.video, dict.fromkeys(self.video, x))

    def parts(self, encoders: nn.ModuleDict, x: Mapping[str, Float[Tensor, "b _"]]) -> Spaces:
        """Each part in its space."""
        return {part: F.normalize(encoders[part](x[part]), dim=1) for part in x}  # Eq. (1?)

    def spaces(self, parts: Spaces) -> Spaces:
        """The parts and the action, of unit length. A single part is the action."""
        if len(parts) == 1:
            return {ACTION: next(iter(parts.values()))}
        action = torch.cat(list(parts.values()), dim=1)
        if self.config.combination == "learned":
            action = self.combine(action)
        return parts | {ACTION: F.normalize(action, dim=1)}  # Eq. (2?)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t d"]:
        """The actions of the captions."""
        return self.spaces(self.text_parts(captions))[ACTION]

    def encode_video(self, clips: Clips) -> Float[Tensor, "v d"]:
        """The actions of the clips."""
        return self.spaces(self.video_parts(clips))[ACTION]

    def similarity(
        self, text: Float[Tensor, "t d"], video: Float[Tensor, "v d"]
    ) -> Float[Tensor, "t v"]:
        """Cosines."""
        return text @ video.mT  # Eq. (3?)

    def weight(self, space: str, pair: str) -> float:
        """Of the loss of one space and one pair of sides."""
        c = self.config
        of_space = 1.0 if space == ACTION else c.part_weight
        return of_space * (c.intra_weight if pair in {"tt", "vv"} else 1.0)

    def terms(self, text: Spaces, video: Spaces, same: Classes) -> dict[tuple[str, str], Tensor]:
        """(space, pair of sides) -> weighted mean over the anchors."""
        side, terms = {"t": text, "v": video}, {}
        for space in text:
            positive = same[space].float()
            negative = (1 - positive) / positive.sum(0)  # D2
            for pair in PAIRS:
                distance = 2 - 2 * side[pair[0]][space] @ side[pair[1]][space].mT
                means = expected_triplets(distance, positive, negative, self.config.margin)
                terms[space, pair] = self.weight(space, pair) * means.mean()  # Eq. (5?)
        return terms

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """All terms. The class of a clip is that of its caption."""
        text = self.spaces(self.text_parts(batch.captions))
        video = self.spaces(self.video_parts(batch.clips))
        return sum(self.terms(text, video, same_class(batch.captions)).values())  # Eq. (6?)


def same_class(captions: Captions) -> Classes:
    """Whether two captions have one verb, one noun, both; one without has a class of its own."""
    same = {}
    for name in ("verb", "noun"):
        classes = captions.classes[name]
        own = torch.eye(len(classes), dtype=torch.bool, device=classes.device)
        same[name] = (classes[:, None] == classes) & (classes >= 0) | own  # D4
    return same | {ACTION: same["verb"] & same["noun"]}


Model = JPoSE
