"""Multi-level Alignment Network (MAN).

Dong, Long, Mao, Lin, He, Ji. "Multi-level Alignment Network for Domain Adaptive Cross-modal
Retrieval." Neurocomputing 440, 2021.            Record: data/papers.yaml, dong2021man

Pairs of a source domain train a dual encoder for a target domain, of which there are videos and
captions but no pairs. Discriminators tell the domains apart, and videos from captions; the encoders
learn to mislead them. The encoders are Dual Encoding's, shared by all domains.

Symbols
    D      discriminator, of two classes           v, t   videos, captions of one domain
    A, B   source and target domain                S      scores, captions x videos
    alpha  scale of the reversed gradient          w_d, w_m   weights of the losses

Equations (the PDF was not at hand: numbers are ours and stand for the steps of the method; after a
part its own)
    (1?)   the three levels of a side, side by side           parts.multilevel.MultiLevel.encode (6)
    (2?)   affine map to the common space, batch norm         MAN.common_space
    (3?)   D: affine map, ReLU, affine map to two classes     MAN.discriminator
    (4?)   reversed gradient in front of D, times alpha       MAN.logits
    (5?)   cross entropy of D, a mean for either class        MAN.confusion
    (6?)   D of domains: A against B, v and t apart           comparisons
    (7?)   D of modalities: v against t, within a domain      comparisons
    (8?)   triplet loss of A with the hardest negatives       MAN.ranking
    (9?)   ranking + w_d of the domains + w_m of the          MAN.loss
           modalities

Departures
    D1  items of B, and of a second source, are drawn at random beside each batch; the authors join
        rows of equal numbers of their caption files.
    D2  word vectors start at random; as in Dual Encoding the authors start them from word2vec.
    D3  without w_d and w_m no item of B is read, as in the authors' baseline; theirs leaves out
        level 1 too, which would be a second change.

The released code: models/official/man_domain_adaptive.py. Claims and reported numbers: the record.
What is tested: tests/models/test_man_domain_adaptive.py
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.gradients import reverse_gradient
from models.parts.losses import hinge_terms
from models.parts.multilevel import LevelSizes, TextLevels, VideoLevels
from models.parts.recipe import recipe
from models.parts.spaces import affine_space

Ints: TypeAlias = tuple[int, ...]
Side: TypeAlias = tuple[str, str]  # (domain, video or text)
SOURCES, TARGET = ("source", "source2"), "target"
MODALITIES = ("video", "text")


@dataclass(frozen=True)
class Config:
    """The authors' training script."""

    word_dim: int = 500
    word_init: float = 1.0  # word vectors start in U(-word_init, word_init)
    text_rnn: int = 512  # states of one direction
    video_rnn: int = 1024
    text_kernels: Ints = (2, 3, 4)  # words per window
    video_kernels: Ints = (2, 3, 4, 5)  # frames per window
    text_filters: int = 512  # of each length
    video_filters: int = 512
    levels: Ints = (1, 2, 3)  # of both sides
    common: int = 2048
    dropout: float = 0.2
    max_frames: int = 64
    margin: float = 0.2
    sources: int = 1  # labelled domains: 1 or 2
    domain_weight: float = 0.01
    modality_weight: float = 0.01
    reversal: float = 0.5  # alpha

    @classmethod
    def small(cls) -> "Config":
        """Hidden sizes for the synthetic benchmark."""
        return cls(
            word_dim=64,
            word_init=0.1,
            text_rnn=64,
            video_rnn=64,
            text_kernels=(2, 3),
            video_kernels=(2, 3),
            text_filters=64,
            video_filters=64,
            common=256,
        )


def comparisons(config: Config) -> dict[str, dict[str, tuple[Side, Side]]]:
    """Kind of discriminator -> its name -> (side of class 1, side of class 0)."""
    domains = [*SOURCES[: config.sources], TARGET]
    kinds: dict[str, dict[str, tuple[Side, Side]]] = {"domain": {}, "modality": {}}
    if config.domain_weight:
        kinds["domain"] = {
            f"{source}_{side}": ((source, side), (TARGET, side))
            for source in domains[:-1]
            for side in MODALITIES
        }  # Eq. (6?)
    if config.modality_weight:
        kinds["modality"] = {
            f"{domain}_modality": ((domain, "video"), (domain, "text")) for domain in domains
        }  # Eq. (7?)
    return kinds


class MAN(RetrievalModel):
    """Dual encoding whose encoders mislead discriminators of domains and of modalities."""

    Config = Config
    views = frozenset({"words", "bow", "frames"})
    recipe = recipe(
        optimiser="adam",
        learning_rate=1e-4,
        batch_size=128,
        epochs=50,
        clip_norm=2.0,
        lr_decay=0.99,
        lr_patience=3,
        lr_rule="since-change",
        early_stopping_patience=10,
        source_domains=("vatex",),
    )
    small_recipe = recipe.but(learning_rate=3e-4, epochs=8, early_stopping_patience=3)
    # Where the data are the source themselves.
    recipe_by_dataset: ClassVar = {"diorama-vatex": {"source_domains": ("msrvtt",)}}
    variants: ClassVar = {
        "full": {},
        "source-only": {"domain_weight": 0.0, "modality_weight": 0.0},
        "domain-only": {"modality_weight": 0.0},
        "modality-only": {"domain_weight": 0.0},
        "two-sources": {"sources": 2},
    }
    recipe_by_variant: ClassVar = {"two-sources": {"source_domains": ("vatex", "tgif")}}

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c, frame = config, data.dims["frames"]
        text = LevelSizes(data.bow, c.word_dim, c.text_rnn, c.text_filters, c.text_kernels)
        video = LevelSizes(frame, frame, c.video_rnn, c.video_filters, c.video_kernels)
        self.text = TextLevels(
            data.vocabulary, text, c.levels, word_init=c.word_init, dropout=c.dropout
        )  # D2
        self.video = VideoLevels(video, c.levels, max_frames=c.max_frames, dropout=c.dropout)
        self.text_space = self.common_space(self.text.out)
        self.video_space = self.common_space(self.video.out)
        names = [name for kind in comparisons(c).values() for name in kind]
        self.discriminators = nn.ModuleDict({name: self.discriminator() for name in names})

    def common_space(self, width: int) -> nn.Sequential:
        """W u + b and batch norm; unit length follows in the encoders."""
        c = self.config
        norm, dropout = nn.BatchNorm1d(c.common), nn.Dropout(c.dropout)
        return affine_space(width, c.common, norm, dropout)  # Eq. (2?)

    def discriminator(self) -> nn.Sequential:
        """D."""
        c = self.config.common
        return nn.Sequential(nn.Linear(c, c), nn.ReLU(), nn.Linear(c, 2))  # Eq. (3?)

    def encode_text(self, captions: Captions) -> Float[Tensor, "t c"]:
        """Captions in the common space."""
        u = self.text(captions.bow, captions.words, captions.mask)
        return F.normalize(self.text_space(u), dim=1)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v c"]:
        """Videos in the common space."""
        u = self.video(clips.features["frames"], clips.mask["frames"])
        return F.normalize(self.video_space(u), dim=1)

    def similarity(
        self, text: Float[Tensor, "t c"], video: Float[Tensor, "v c"]
    ) -> Float[Tensor, "t v"]:
        """S, cosines."""
        return text @ video.mT

    def sides(self, batch: Batch) -> dict[Side, Float[Tensor, "b c"]]:
        """Both sides of every domain, one after the other: batch norms see a domain at a time."""
        domains = {"source": batch}
        if any(comparisons(self.config).values()):  # D3
            domains[TARGET] = batch.unpaired
        if self.config.sources > 1:
            domains["source2"] = batch.second_source  # D1
        sides: dict[Side, Tensor] = {}
        for domain, items in domains.items():
            sides[domain, "text"], sides[domain, "video"] = self.encode_domain(domain, items)
        return sides

    def encode_domain(
        self, _domain: str, items: Batch
    ) -> tuple[Float[Tensor, "b c"], Float[Tensor, "b c"]]:
        """Captions and videos."""
        return self.encode_text(items.captions), self.encode_video(items.clips)

    def logits(self, name: str, x: Float[Tensor, "b c"]) -> Float[Tensor, "b 2"]:
        """Classes 0 and 1 of one discriminator, which learns; the encoders learn against it."""
        return self.discriminators[name](reverse_gradient(x, self.config.reversal))  # Eq. (4?)

    def confusion(
        self, name: str, first: Float[Tensor, "b c"], second: Float[Tensor, "b c"]
    ) -> Float[Tensor, ""]:
        """Cross entropy of one discriminator; the first side is class 1, the second class 0."""
        total = first.new_zeros(())
        for label, x in ((1, first), (0, second)):
            logits = self.logits(name, x)
            target = torch.full((len(x),), label, device=x.device)
            total = total + F.cross_entropy(logits, target)  # Eq. (5?)
        return total

    def ranking(self, text: Float[Tensor, "b c"], video: Float[Tensor, "b c"]) -> Float[Tensor, ""]:
        """Of one source; another caption of the same video counts as a negative."""
        by_caption, by_video = hinge_terms(self.similarity(text, video), self.config.margin)
        return by_caption.amax(1).sum() + by_video.amax(0).sum()  # Eq. (8?)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """The pairs of the sources are ranked, those of the target are not used."""
        c, sides = self.config, self.sides(batch)
        total = torch.stack(
            [self.ranking(sides[s, "text"], sides[s, "video"]) for s in SOURCES[: c.sources]]
        ).sum()
        weights = {"domain": c.domain_weight, "modality": c.modality_weight}
        for kind, pairs in comparisons(c).items():
            for name, (first, second) in pairs.items():
                total = total + weights[kind] * self.confusion(name, sides[first], sides[second])
        return total  # Eq. (9?)


Model = MAN
