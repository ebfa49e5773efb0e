"""CLIP4Clip.

Luo, Ji, Zhong, Chen, Lei, Duan, Li. "CLIP4Clip: An Empirical Study of CLIP for End to End Video
Clip Retrieval." 2021, arXiv:2104.08860.         Record: data/papers.yaml, luo2021clip4clip

CLIP's image tower reads each frame of a video by itself, its text tower the caption. Four heads
turn the frames into a score: their mean, without any new weight; an LSTM or a transformer over them,
then the mean; a transformer over caption and frames together.

Symbols
    t, f_k   vectors of a caption, of frame k     g_k   the same after the frames were read in order
    P, T     learnt positions, types of a step    s     CLIP's learnt log scale
    v        the video                            n()   unit length

Equations (numbers are ours and stand for the steps of the method)
    (1?)   f_k: class token of the image tower, frame by frame   CLIP4Clip.encode_video
    (2?)   or with patches over three frames                     CLIP4Clip.__init__
    (3?)   seqLSTM: g = LSTM(f) + f                              CLIP4Clip.temporal
    (4?)   seqTransf: g = f + blocks(f + P)                      CLIP4Clip.temporal
    (5?)   v = n(mean of n(g_k)); meanP: g = f                   CLIP4Clip.encode_video
    (6?)   score exp(s) n(t) . v                                 CLIP4Clip.similarity
    (7?)   tightTransf: two layers on blocks([t, f] + P + T)     CLIP4Clip.joint
    (8?)   mean of both cross-entropies of a batch               CLIP4Clip.loss
    (9?)   the head starts from the text tower's blocks and P    CLIP4Clip.start_from_text

Departures
    D1  on the synthetic benchmark no tower is pre-trained: small towers start from nothing, read
        words in place of byte pairs, and train at one rate with the head.
    D2  AdamW with bias correction; the authors' BertAdam has none. Its rate falls as a cosine
        after the warm-up; theirs is not shifted by it.
    D3  12 frames spread evenly over a video; the authors take one a second and spread 12 over those.
    D4  the epoch is chosen on validation data; the authors' choose it on the test data.
    D5  biases and the normalisations of the tight head decay too; the authors' do not.

The released code: models/official/clip4clip.py. Claims and reported numbers: the record.
What is tested: tests/models/test_clip4clip.py
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.parts.batch import Batch, Captions, Clips
from models.parts.clip import (
    DEPTH,
    LogitScale,
    PatchTower,
    TextTower,
    clip_layers,
    clip_pixels,
)
from models.parts.contract import DataSizes, RetrievalModel
from models.parts.losses import info_nce_terms
from models.parts.pairs import all_pairs
from models.parts.pooling import masked_mean
from models.parts.recipe import recipe
from models.parts.temporal import cut_before_end, lstm_states, sample_uniform
from models.parts.transformer import SPREAD, quick_gelu

Frames: TypeAlias = tuple[Float[Tensor, "v n c"], Bool[Tensor, "v n"]]
Video: TypeAlias = Float[Tensor, "v c"] | Frames  # the tight head reads every frame
EPSILON = 1e-12  # of the normalisations of a head; the towers' is CLIP's


@dataclass(frozen=True)
class Config:
    """Sizes of CLIP ViT-B/32 and of the authors' MSR-VTT command."""

    tokens: str = "pieces"  # words: of the data's own vocabulary
    text: tuple[int, int, int] = (512, 8, 12)  # width, heads, blocks
    positions: int = 77
    video: tuple[int, int, int] = (768, 12, 12)  # the same
    side: int = 224  # pixels of a frame
    patch: int = 32
    depth: int = 1  # frames under a patch; 3: the 3-D patches
    common: int = 512
    head: str = "meanP"  # seqLSTM, seqTransf, tightTransf
    blocks: tuple[int, int] = (8, 4)  # heads, blocks of the transformer of a head
    tight_drop: float = 0.1  # of what the tight head reads
    max_words: int = 32
    max_frames: int = 12

    @classmethod
    def small(cls) -> "Config":
        """Towers that can be trained from nothing on the synthetic benchmark."""
        towers = {"text": (64, 4, 1), "video": (64, 4, 2), "common": 64, "side": 64, "patch": 16}
        return cls("words", positions=40, blocks=(4, 1), tight_drop=0.0, max_frames=6, **towers)


class CLIP4Clip(RetrievalModel):
    """CLIP's towers, and one of four heads over the frames."""

    Config = Config
    views = frozenset({"words", "pixels"})
    recipe = recipe(
        optimiser="adamw",  # D2
        learning_rate=1e-4,
        weight_decay=0.2,  # D5
        clip_norm=1.0,
        batch_size=128,
        epochs=5,
        warmup=0.1,
        shape="cosine",
        lr_multipliers=(  # embeddings of CLIP are frozen, the rest of it trains a thousandth as fast
            *((f"text.{name}", 0.0) for name in ("words", "positions")),
            *((f"video.{name}", 0.0) for name in ("patches", "token", "positions", "norm_in")),
            *((f"{name}.", 1e-3) for name in ("text", "video", "scale")),
        ),
        select="SumR",  # D4
    )
    small_recipe = recipe.but(
        learning_rate=1e-3,
        weight_decay=0.01,
        batch_size=64,
        epochs=20,
        captions_per_video=1,
        lr_multipliers=(),  # D1
    )
    variants: ClassVar = {
        "full": {},
        "seq-lstm": {"head": "seqLSTM"},
        "seq-transf": {"head": "seqTransf"},
        "tight-transf": {"head": "tightTransf"},
        "patches-3d": {"depth": DEPTH},
    }

    @classmethod
    def needs(cls, config: Config) -> frozenset[str]:
        """Word pieces of CLIP's tokeniser, unless words are read."""
        return cls.views | ({"pieces"} if config.tokens == "pieces" else set())

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        c, width = config, config.common
        self.text = TextTower(data.vocabulary, c.positions, clip_layers(*c.text), width)  # D1
        self.video = PatchTower(
            c.side, c.patch, clip_layers(*c.video), width, depth=c.depth
        )  # Eq. (2?)
        if c.head == "tightTransf":
            self.dropout = nn.Dropout(c.tight_drop)
            self.pool = nn.LayerNorm(width, EPSILON)
            self.dense, self.score = nn.Linear(width, width), nn.Linear(width, 1, bias=False)
            self.types = nn.Parameter(torch.zeros(2, width))
            for one in (self.dense.weight, self.score.weight, self.types):
                nn.init.normal_(one, std=SPREAD)
        else:
            self.scale = LogitScale()
        if c.head == "seqLSTM":
            self.lstm = nn.LSTM(width, width, batch_first=True)
        if c.head in {"seqTransf", "tightTransf"}:
            self.blocks = clip_layers(width, *c.blocks, EPSILON)
            self.positions = nn.Parameter(torch.zeros(c.positions, width))
            self.start_from_text()

    @torch.no_grad()
    def start_from_text(self) -> None:
        """The first blocks and all positions of the head as those of the text tower."""
        self.positions.copy_(self.text.positions)  # Eq. (9?)
        for own, of_text in zip(self.blocks.layers, self.text.blocks.layers, strict=False):
            own.load_state_dict(of_text.state_dict())

    def encode_text(self, captions: Captions) -> Float[Tensor, "t c"]:
        """n(t); t itself for the tight head."""
        tokens = (captions.words, captions.mask)
        if self.config.tokens == "pieces":
            assert captions.pieces is not None
            tokens = (captions.pieces.ids, captions.pieces.mask)
        t = self.text(*cut_before_end(*tokens, self.config.max_words))
        return t if self.config.head == "tightTransf" else F.normalize(t, dim=1)

    def frames(self, clips: Clips) -> tuple[Float[Tensor, "v n 3 h w"], Bool[Tensor, "v n"]]:
        """At most `max_frames` frames of each clip, as CLIP reads them."""
        assert clips.pixels is not None
        assert clips.pixels_mask is not None
        at = sample_uniform(clips.pixels_mask, self.config.max_frames)  # D3
        pixels = clips.pixels[torch.arange(len(at))[:, None], at]
        return clip_pixels(pixels, self.config.side), clips.pixels_mask.gather(1, at)

    def encode_video(self, clips: Clips) -> Video:
        """v; every f_k for the tight head."""
        pixels, mask = self.frames(clips)
        f = self.video(pixels, mask)  # Eq. (1?)
        if self.config.head == "tightTransf":
            return f, mask
        g = F.normalize(self.temporal(f, mask), dim=2)
        return F.normalize(masked_mean(g, mask), dim=1)  # Eq. (5?)

    def temporal(
        self, f: Float[Tensor, "v n c"], mask: Bool[Tensor, "v n"]
    ) -> Float[Tensor, "v n c"]:
        """g; whatever it is at the padding."""
        if self.config.head == "seqLSTM":
            return lstm_states(self.lstm, f, mask) + f  # Eq. (3?)
        if self.config.head == "seqTransf":
            unread = ~mask & mask.any(1, keepdim=True)
            x = f + self.positions[: f.shape[1]]
            return f + self.blocks(x, src_key_padding_mask=unread)  # Eq. (4?)
        return f

    def similarity(self, text: Float[Tensor, "t c"], video: Video) -> Float[Tensor, "t v"]:
        """Scaled cosines, or what the tight head gives for each pair."""
        if isinstance(video, tuple):
            return all_pairs(self.joint, (text,), video)
        return self.scale(text @ video.mT)  # Eq. (6?)

    def joint(self, text: tuple[Float[Tensor, "p c"]], video: Frames) -> Float[Tensor, " p"]:
        """The tight head: caption and frames of a pair as one sequence."""
        x, mask = torch.cat([text[0][:, None], video[0]], 1), F.pad(video[1], (1, 0), value=True)
        x = self.dropout(x + self.positions[: x.shape[1]] + self.kinds(x.shape[1]))
        state = self.pool(self.blocks(x, src_key_padding_mask=~mask)[:, 0])
        return self.score(quick_gelu(self.dense(state)))[:, 0]  # Eq. (7?)

    def kinds(self, steps: int) -> Float[Tensor, "n c"]:
        """T: of the caption, then of every frame."""
        return torch.cat([self.types[:1], self.types[1:].expand(steps - 1, -1)])

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Symmetric over the batch."""
        by_caption, by_video = info_nce_terms(self(batch))
        return (by_caption.mean() + by_video.mean()) / 2  # Eq. (8?)

    def after_step(self) -> None:
        """The scale stays at most 100."""
        if self.config.head != "tightTransf":
            self.scale.clamp()


Model = CLIP4Clip
