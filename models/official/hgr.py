"""The release of HGR: github.com/cshizhe/hgr_v2t, MIT. Its global baseline is read too.

Quirks
    Q1  an option that the paper does not have, `share_enc`: one space for the frames of all levels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from models.hgr import HGR, Config
from models.official._loading import flatten_checkpoint, load_renamed, matrix_shape
from models.parts.contract import DataSizes

PARTS = ("video_encoder.", "text_encoder.")
CANCELLED = ("ft_attn.bias", "edge_attn_key.bias")  # D4 of the model: softmax leaves them no effect
GRAPH, ROLES = "text_encoder.gcn.layers.", "text_encoder.role_embedding.weight"
LAYER = {"ctx_layer": "context", "layernorm": "norm", "edge_attn_query": "query"}
LAYER |= {"edge_attn_key": "key"}
LIMITS = {  # option of the released code -> field of Config
    "simattn_sigma": "sharpness",
    "max_words": "max_words",
    "max_frames": "max_frames",
    "num_verbs": "actions",
    "num_nouns": "entities",
    "margin": "margin",
}


@dataclass(frozen=True)
class ReleasedConfig(Config):
    """The paper's settings and an option of the release."""

    shared: bool = False  # Q1


class Released(HGR):
    """The model as released."""

    def __init__(self, config: Config, data: DataSizes) -> None:
        super().__init__(config, data)
        if isinstance(config, ReleasedConfig) and config.shared:
            self.frames = nn.ModuleDict({"event": self.frames["event"]})

    def project(self, frames: Float[Tensor, "v n dim"]) -> dict[str, Float[Tensor, "v n c"]]:
        """e of each level, or the event's for all."""
        e = super().project(frames)
        return {level: e.get(level, e["event"]) for level in self.config.levels}  # Q1


def keys(config: Config) -> dict[str, str]:
    """Prefixes of the released code's names -> of ours."""
    prefixes = {
        "text_encoder.embedding.we.": "words.",
        "text_encoder.rnn.": "gru.",
        "text_encoder.ft_attn.": "word_attention.",
        "text_encoder.role_embedding.": "roles.",
        "video_encoder.ft_attn.": "frame_attention.",
    }
    for i, level in enumerate(config.levels):
        space = "ft_embed" if len(config.levels) == 1 else f"level_embeds.{i}"
        prefixes[f"video_encoder.{space}."] = f"frames.{level}."
    for i in range(config.graph_layers):
        prefixes |= {f"{GRAPH}{i}.{name}.": f"graph.{i}.{ours}." for name, ours in LAYER.items()}
    return prefixes


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[ReleasedConfig, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    `options` are the official code's own names; role vectors may be missing where they say so
    (`num_roles` 0). Raises ValueError for weights that are missing or an option that is not the
    paper's.
    """
    recorded = options or {}
    if not recorded.get("max_violation", True) or recorded.get("hard_topk", 1) != 1:
        raise ValueError("the paper's loss counts the hardest negative alone")
    baseline = "video_encoder.ft_embed.weight" in state
    space = "ft_embed" if baseline else "level_embeds.0"
    vocabulary, word_dim = matrix_shape(state, "text_encoder.embedding.we.weight")
    common, frames = matrix_shape(state, f"video_encoder.{space}.weight")
    config: dict[str, Any] = {"levels": ("event",), "pooling": "mean"} if baseline else {}
    for option, name in LIMITS.items():
        default = getattr(Config, name)
        config[name] = type(default)(recorded.get(option, default))
    if recorded.get("loss_weights") is not None:
        config["weights"] = tuple(map(float, recorded["loss_weights"]))
    if not baseline:
        config["shared"] = "video_encoder.level_embeds.1.weight" not in state
    layers = {key.removeprefix(GRAPH).split(".")[0] for key in state if key.startswith(GRAPH)}
    config |= {
        "word_dim": word_dim,
        "common": common,
        "roles": len(state.get(ROLES, range(int(recorded.get("num_roles", Config.roles))))),
        "graph_layers": len(layers),
        "graph_attention": f"{GRAPH}0.edge_attn_query.weight" in state,
        "fusion": str(recorded.get("attn_fusion", Config.fusion)),
    }
    return ReleasedConfig(**config), DataSizes(vocabulary, dims={"frames": frames})


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The checkpoint, one dictionary per side, or one state dict under their prefixes."""
    flat = flatten_checkpoint(state, PARTS)
    weights = {key: weight for key, weight in flat.items() if not key.endswith(CANCELLED)}
    sized, data = config_of(weights)
    config = config or sized
    return load_renamed(Released(config, data), weights, keys(config))
