"""The release of UniVL: github.com/microsoft/UniVL, MIT.

Its poolers of words and of frames take part in nothing; tables that it ties are one of ours.

Quirks
    Q1  the loss counts each caption with its own clip: a constant 2m on the diagonal.
    Q2  the decoder learns to write word 0 after the last word of a narration.
    Q3  with MIL-NCE scores are inner products when it is tested, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from models.official._loading import load_renamed, matrix_shape
from models.parts.contract import DataSizes
from models.parts.transformer import bert_names, merge_qkv
from models.univl import Both, Config, Text, UniVL, Video, pair_weights

UNUSED = ("bert.pooler.", "visual.pooler.")
TIED = {  # tables of words, positions and frames under other names
    "decoder.embeddings.word_embeddings.weight",
    "decoder.embeddings.position_embeddings.weight",
    "decoder.classifier.cls.predictions.decoder.weight",
    "cls.predictions.decoder.weight",
    "cls_visual.predictions.weight",
}
GUESSES = {"cls": "word_head", "cls_visual": "frame_head", "decoder.classifier.cls": "decoder.head"}
BERT, DECODER = (
    tuple(f"{home}.{name}." for name in ("query", "key", "value")) for home in (".self", ".att")
)
BLOCK = {  # names within a block of the decoder, three matrices merged to one
    "slf_attn.att.in_proj_": "self_attn.in_proj_",
    "slf_attn.output.dense.": "self_attn.out_proj.",
    "slf_attn.output.LayerNorm.": "norm1.",
    "enc_attn.att.in_proj_": "multihead_attn.in_proj_",
    "enc_attn.output.dense.": "multihead_attn.out_proj.",
    "enc_attn.output.LayerNorm.": "norm2.",
    "intermediate.dense.": "linear1.",
    "output.dense.": "linear2.",
    "output.LayerNorm.": "norm3.",
}
HEAD = 64  # width of a head where the options do not tell their number


@dataclass(frozen=True)
class ReleasedConfig(Config):
    """The paper's settings, and how the release is tested."""

    inner_products: bool = False  # Q3


class Released(UniVL):
    """The model as released."""

    Config = ReleasedConfig

    def similarity(self, text: Text, video: Video) -> Float[Tensor, "t v"]:
        """Inner products where the model is trained by them."""
        if self.config.inner_products:
            return self.joint(text, video, unit=False)  # Q3
        return super().similarity(text, video)

    def margin_loss(
        self, s: Float[Tensor, "b b"], video: Int[Tensor, " b"] | None = None
    ) -> Float[Tensor, ""]:
        """The mean with its diagonal."""
        own = torch.ones_like(s[0])
        if video is not None:
            own = pair_weights(video, self.config.hard_negative_rate).diagonal()
        return super().margin_loss(s, video) + 2 * self.config.margin * own.sum() / s.numel()  # Q1

    def narration(
        self, words: Int[Tensor, "b n"], mask: Bool[Tensor, "b n"]
    ) -> tuple[Int[Tensor, "b w"], Bool[Tensor, "b w"], Int[Tensor, "b w"]]:
        """What the decoder reads, which of it is true, and what it should write; as wide as allowed."""
        more = (0, self.config.max_words + 1 - words.shape[1])
        filled, true = F.pad(words * mask, more), F.pad(mask, more)
        return filled[:, :-1] * true[:, 1:], true[:, 1:], filled[:, 1:]

    def caption(
        self, words: Int[Tensor, "b n"], mask: Bool[Tensor, "b n"], both: Both
    ) -> Float[Tensor, ""]:
        """Cross-entropy of every step, be there a word or not."""
        read, true, target = self.narration(words, mask)
        logits = self.decoder(self.text, read, true, *both)
        return F.cross_entropy(logits.flatten(0, 1), target.flatten())  # Q2


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[ReleasedConfig, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    Raises ValueError where a weight is missing.
    """
    recorded = options or {}
    words, width = matrix_shape(state, "bert.embeddings.word_embeddings.weight")
    positions, _ = matrix_shape(state, "bert.embeddings.position_embeddings.weight")
    inner, _ = matrix_shape(state, "bert.encoder.layer.0.intermediate.dense.weight")
    _, features = matrix_shape(state, "visual.embeddings.word_embeddings.weight")
    count = {
        stack: sum(
            key.startswith(f"{stack}.") and key.endswith(".intermediate.dense.weight")
            for key in state
        )
        for stack in ("bert", "visual", "cross", "decoder")
    }
    both = count["cross"] > 0
    tables = "cross.embeddings.position_embeddings.weight"
    mil = bool(recorded.get("use_mil", False))
    shallow = "mil-nce" if mil else "margin"
    config = ReleasedConfig(
        max_words=int(recorded.get("max_words", Config.max_words)),
        max_frames=int(recorded.get("max_frames", Config.max_frames)),
        text=(width, int(recorded.get("heads", max(1, width // HEAD))), inner, count["bert"]),
        video_blocks=count["visual"],
        cross_blocks=count["cross"] if both else Config.cross_blocks,
        decoder_blocks=count["decoder"] or Config.decoder_blocks,
        positions=positions,
        cross_positions=matrix_shape(state, tables)[0] if both else Config.cross_positions,
        head="align" if recorded.get("after_cross") else "joint",
        pretraining="all" if count["decoder"] else shallow,
        margin=float(recorded.get("margin", Config.margin)),
        hard_negative_rate=float(recorded.get("hnr", Config.hard_negative_rate)),
        inner_products=mil,
    )
    return config, DataSizes(words, dims={"frames": features})


def prefixes(model: Released) -> dict[str, str]:
    """Beginnings of the released code's names, three matrices merged to one -> of ours."""
    c = model.config
    names = bert_names("bert.", "text.", c.text[3])
    names |= bert_names("visual.", "video.", c.video_blocks)
    names |= bert_names("cross.", "cross.", c.cross_blocks)
    names |= {
        "normalize_video.visual_norm2d.": "feature_norm.",
        "cross.pooler.dense.": "pooler.",
        "similarity_dense.": "score.",
        "decoder.embeddings.LayerNorm.": "decoder.norm.",
    }
    for theirs, ours in GUESSES.items():
        names[f"{theirs}.predictions.transform.dense."] = f"{ours}.hidden."
        names[f"{theirs}.predictions.transform.LayerNorm."] = f"{ours}.norm."
        names[f"{theirs}.predictions.bias"] = f"{ours}.bias"
    for n in range(c.decoder_blocks):
        home = f"decoder.decoder.layer.{n}."
        names |= {f"{home}{a}": f"decoder.blocks.layers.{n}.{b}" for a, b in BLOCK.items()}
    return names


def load(state: Mapping[str, Tensor], config: Config | None = None) -> Released:
    """The released checkpoint, without what takes part in nothing."""
    used = {k: w for k, w in state.items() if k not in TIED and not k.startswith(UNUSED)}
    merged = merge_qkv(merge_qkv(used, BERT), DECODER)
    released, data = config_of(merged)
    model = Released(config or released, data)
    return load_renamed(model, merged, prefixes(model))
