"""The release of HERO: github.com/linjieli222/HERO, MIT.

The heads of pre-training (words, frames, order of frames) and the poolers are left out; those of
moments are here, which retrieval of whole videos has no use for.

Quirks
    Q1  a padded frame has a score of -10000, and so has a video without a frame.
    Q2  the heads of moments read padded frames beside the last true one; their scores are inner
        products, where those of videos are cosines.
    Q3  the loss may be log(1 + exp(wrong - right)), without a margin.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from models.hero import HERO, Config, Video
from models.official._loading import load_renamed, matrix_shape
from models.parts.contract import DataSizes
from models.parts.transformer import bert_names, merge_qkv

UNUSED = (
    *("v_encoder.pad", "v_encoder.f_encoder.pad", "v_encoder.f_encoder.pooler."),
    *("v_encoder.f_encoder.lm_head.", "v_encoder.f_encoder.img_embeddings.mask_embedding."),
    *("v_encoder.c_encoder.pooler.", "v_encoder.feat_regress.", "v_encoder.mask_embedding."),
    "v_encoder.fom_output.",
)
HEAD = 64  # width of a head where the options do not tell their number
PADDED = -1e4  # score of a padded frame


@dataclass(frozen=True)
class ReleasedConfig(Config):
    """The paper's settings, and what the released code sets beside them."""

    ranking: str = "hinge"  # lse, Q3
    moment_weight: float = 0.01


class Released(HERO):
    """The model as released."""

    Config = ReleasedConfig

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        width = config.text[0]
        self.moment_query = nn.Linear(width, width)
        self.start, self.end = (nn.Conv1d(1, 1, 5, padding=2, bias=False) for _ in range(2))

    def similarity(self, text: Float[Tensor, "t width"], video: Video) -> Float[Tensor, "t v"]:
        """Cosine of the nearest frame, whatever is padding."""
        return super().similarity(text, video).masked_fill(~video[1].any(1), PADDED)  # Q1

    def term(self, wrong: Tensor, right: Tensor) -> Tensor:
        """The hinge, or its smooth form."""
        if getattr(self.config, "ranking", "hinge") == "lse":
            return F.softplus(wrong - right)  # Q3
        return super().term(wrong, right)

    def moments(
        self, text: Float[Tensor, "t width"], video: Video
    ) -> tuple[Float[Tensor, "t v n"], Float[Tensor, "t v n"]]:
        """Scores of every frame as the first and as the last of what a caption describes."""
        f, mask = video
        s = torch.einsum("td,vnd->tvn", self.moment_query(text), f)  # Q2
        rows = s.flatten(0, 1)[:, None]
        start, end = (
            head(rows).view_as(s).masked_fill(~mask, PADDED) for head in (self.start, self.end)
        )
        return start, end

    def moment_loss(
        self,
        text: Float[Tensor, "t width"],
        video: Video,
        owner: Int[Tensor, " t"],
        targets: Int[Tensor, "t 2"],
    ) -> Float[Tensor, ""]:
        """Cross-entropy of the first and the last frame in a caption's own video; -1: not known."""
        each = torch.arange(len(owner), device=owner.device)
        terms = [
            F.cross_entropy(scores[each, owner], target, ignore_index=-1)
            for scores, target in zip(self.moments(text, video), targets.unbind(1), strict=True)
        ]
        return getattr(self.config, "moment_weight", ReleasedConfig.moment_weight) * sum(terms)


def prefixes(model: Released) -> dict[str, str]:
    """Beginnings of the released code's names, three matrices merged to one -> of ours."""
    c, text = model.config, "v_encoder.f_encoder."
    frame, query = f"{text}img_embeddings.", "q_feat_attn."
    attention = f"{query}query_self_attention."
    names = bert_names(text, "text.", c.text[3])
    names |= bert_names("v_encoder.c_encoder.", "temporal.", c.temporal_blocks)
    return names | {
        f"{frame}img_LayerNorm.": "frame.0.",
        f"{frame}img_linear.": "frame.1.",
        f"{frame}position_embeddings.": "frame_places.positions.",
        f"{frame}LayerNorm.": "frame_places.norm.",
        "v_encoder.frame_transform.LayerNorm.": "own.0.",
        "v_encoder.frame_transform.net.1.": "own.2.",
        f"{query}query_input_proj.LayerNorm.": "query.0.",
        f"{query}query_input_proj.net.1.": "query.2.",
        f"{query}query_pos_embed.position_embeddings.": "query_places.positions.",
        f"{query}query_pos_embed.LayerNorm.": "query_places.norm.",
        f"{attention}self.in_proj_": "attention.in_proj_",
        f"{attention}output.dense.": "attention.out_proj.",
        f"{attention}output.LayerNorm.": "attention_norm.",
        f"{query}modular_vector_mapping.": "importance.",
        "video_query_linear.": "moment_query.",
        "video_st_predictor.": "start.",
        "video_ed_predictor.": "end.",
    }


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[ReleasedConfig, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    Raises ValueError where a weight is missing.
    """
    recorded, text = options or {}, "v_encoder.f_encoder."
    words, width = matrix_shape(state, f"{text}embeddings.word_embeddings.weight")
    positions, _ = matrix_shape(state, f"{text}embeddings.position_embeddings.weight")
    frames, _ = matrix_shape(state, f"{text}img_embeddings.position_embeddings.weight")
    _, features = matrix_shape(state, f"{text}img_embeddings.img_linear.weight")
    inner, _ = matrix_shape(state, f"{text}encoder.layer.0.intermediate.dense.weight")
    blocks, temporal = (
        sum(
            key.startswith(f"v_encoder.{side}_encoder.encoder.layer.")
            and key.endswith(".intermediate.dense.weight")
            for key in state
        )
        for side in ("f", "c")
    )
    weight = float(recorded.get("hw", Config.hard_weights[0]))
    config = ReleasedConfig(
        max_words=min(Config.max_words, positions),
        max_frames=frames,
        text=(width, int(recorded.get("heads", max(1, width // HEAD))), inner, blocks),
        temporal_blocks=temporal,
        positions=positions,
        subtitles=not recorded.get("video_only", False),
        margin=float(recorded.get("margin", Config.margin)),
        loss_weight=float(recorded.get("lw", Config.loss_weight)),
        hard_pool=int(recorded.get("pool", Config.hard_pool)),
        hard_weights=(weight, Config.hard_weights[1]),
        ranking=str(recorded.get("ranking", ReleasedConfig.ranking)),
        moment_weight=float(recorded.get("lw_st_ed", ReleasedConfig.moment_weight)),
    )
    return config, DataSizes(words, dims={"frames": features})


def load(state: Mapping[str, Tensor], config: Config | None = None) -> Released:
    """The released checkpoint, without what takes part in nothing."""
    merged = merge_qkv({k: w for k, w in state.items() if not k.startswith(UNUSED)})
    released, data = config_of(merged)
    return load_renamed(model := Released(config or released, data), merged, prefixes(model))
