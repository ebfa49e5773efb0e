"""MIL-NCE.

Miech, Alayrac, Smaira, Laptev, Sivic, Zisserman. "End-to-End Learning of Visual Representations
from Uncurated Instructional Videos." CVPR 2020, arXiv:1912.06430.
                                                 Record: data/papers.yaml, miech2020milnce

Narration is often early or late. A clip's positives are therefore several captions near it in time,
and the loss asks for their sum. Pixels are read by S3D-G, words by one layer and a maximum.

Symbols
    f      vector of a clip                     P_i    candidate captions of clip i
    g_p    vector of caption p                  N_i    its negatives: other clips' captions with
    e_w    vector of word w                            it, its own captions with other clips

Equations (the text was not at hand: numbers are ours and stand for the steps of the method)
    (1?)   f: affine map of S3D-G's averaged maps              MilNce.encode_video
    (2?)   g: affine map of max over words of relu(F e_w + b)  MilNce.encode_text
    (3?)   score: f . g, neither of unit length                MilNce.similarity
    (4?)   -log of P_i's share in sum of exp over P_i and N_i  parts.losses.mil_nce_terms (1)
    (5?)   mean over the clips of a batch                      MilNce.loss

Departures
    D1  word vectors start at random and are learnt; the authors' are word2vec's, fixed. Words outside
        the vocabulary are dropped.
    D2  no tower is pre-trained. The benchmark's narrated videos stand for HowTo100M, and a narrow
        tower is then fine-tuned on the target, where a clip has its own caption alone; the paper
        tests without fine-tuning.
    D3  frames are spread evenly over a clip, not 16 at 5 a second, and neither cropped nor mirrored
        at random; a test video is one window.
    D4  a clip is as long as its caption, not 5 seconds at least; a video with fewer captions than
        candidates has those it has.

The released code: models/official/mil_nce.py. Claims and reported numbers: the record.
What is tested: tests/models/test_mil_nce.py
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import mil_nce_terms
from models.parts.pixels import square_pixels
from models.parts.pooling import masked_max
from models.parts.recipe import PretrainingStage, recipe
from models.parts.s3d import S3DG
from models.parts.temporal import sample_uniform
from models.parts.words import SPECIAL


@dataclass(frozen=True)
class Config:
    """Sizes of the paper, in the authors' own re-implementation."""

    word_dim: int = 300
    hidden: int = 2048
    common: int = 512
    max_words: int = 20  # the first of a caption
    candidates: int = 4  # captions of a clip, its own among them
    frames: int = 16
    side: int = 224  # pixels of a frame
    narrow: int = 1  # what the widths of S3D-G are divided by

    @classmethod
    def small(cls) -> "Config":
        """A tower that can be trained from nothing on the synthetic benchmark."""
        return cls(64, 256, 64, candidates=3, frames=6, side=96, narrow=8)


class MilNce(RetrievalModel):
    """S3D-G over pixels, a maximum over words, several positives of a clip."""

    Config = Config
    views = frozenset({"words", "pixels"})
    recipe = recipe(
        optimiser="adam",
        learning_rate=1e-3,
        batch_size=1024,
        epochs=300,
        warmup=0.0275,
        shape="cosine",
        captions_per_video=1,
        select="last",
    )
    narration = PretrainingStage("diorama-howto100m", epochs=4)  # D2
    small_recipe = recipe.but(batch_size=64, epochs=16, warmup=0.1, stages=(narration,))
    variants: ClassVar = {
        "full": {},
        "single-candidate": {"candidates": 1},
        "five-candidates": {"candidates": 5},
        "scratch": {},
    }
    recipe_by_variant: ClassVar = {"scratch": {"stages": ()}}

    @classmethod
    def needs(cls, config: Config) -> frozenset[str]:
        """Captions near a clip in time, where more than its own are positives."""
        return cls.views | ({"candidates"} if config.candidates > 1 else set())

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c = config
        self.words = nn.Embedding(data.vocabulary, c.word_dim)  # D1
        self.word, self.text = nn.Linear(c.word_dim, c.hidden), nn.Linear(c.hidden, c.common)
        self.tower = self.visual_tower()
        self.video = nn.Linear(self.tower.out, c.common)

    def visual_tower(self) -> S3DG:
        """S3D-G, over pixels."""
        return S3DG(self.config.narrow)

    def known_words(self, captions: Captions) -> Bool[Tensor, "t words"]:
        """The first `max_words` words of each caption, without the special ids."""
        known = captions.mask & (captions.words >= SPECIAL)
        return known & (known.cumsum(1) <= self.config.max_words)

    def pooled(self, captions: Captions) -> Float[Tensor, "t h"]:
        """Maximum over the words; zeros for a caption without a known one."""
        each = self.word(self.words(captions.words))
        return masked_max(each, self.known_words(captions)).relu()

    def encode_text(self, captions: Captions) -> Float[Tensor, "t c"]:
        """g."""
        return self.text(self.pooled(captions))  # Eq. (2?)

    def clip_pixels(self, clips: Clips) -> Float[Tensor, "v 3 frames side side"]:
        """`frames` frames of each clip, black behind the last of a shorter one."""
        c, mask = self.config, clips.pixels_mask
        assert clips.pixels is not None
        assert mask is not None
        at = sample_uniform(mask, c.frames)  # D3
        x = square_pixels(clips.pixels[torch.arange(len(at))[:, None], at], c.side)
        x = x * mask.gather(1, at)[..., None, None, None]
        black = x.new_zeros(len(x), c.frames - x.shape[1], *x.shape[2:])
        return torch.cat([x, black], 1).transpose(1, 2)

    def encode_video(self, clips: Clips) -> Float[Tensor, "v c"]:
        """f."""
        return self.video(self.tower(self.clip_pixels(clips)))  # Eq. (1?)

    def similarity(
        self, text: Float[Tensor, "t c"], video: Float[Tensor, "v c"]
    ) -> Float[Tensor, "t v"]:
        """Inner products."""
        return text @ video.mT  # Eq. (3?)

    def bags(self, batch: Batch) -> tuple[Captions, Int[Tensor, " t"]]:
        """The candidates of all clips, and the clip of each."""
        near = batch.captions.candidates
        if near is None or self.config.candidates == 1:
            return batch.captions, batch.owners
        place = torch.arange(len(near.owner), device=near.owner.device)
        first = torch.searchsorted(near.owner, near.owner)
        chosen = place - first < self.config.candidates  # D4
        words, mask = near.items.words[chosen], near.items.mask[chosen]
        return Captions(words, mask), batch.owners[near.owner[chosen]]

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Over the clips that have a candidate."""
        captions, owner = self.bags(batch)
        video = self.encode_video(batch.clips)
        scores = self.similarity(self.encode_text(captions), video)
        positive = owner[:, None] == torch.arange(len(video), device=owner.device)
        return self.terms(scores, positive).mean()  # Eq. (5?)

    def terms(
        self, scores: Float[Tensor, "t v"], positive: Bool[Tensor, "t v"]
    ) -> Float[Tensor, " v"]:
        """One term per clip."""
        return mil_nce_terms(scores, positive)


Model = MilNce
