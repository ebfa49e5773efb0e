"""The release of CE: github.com/albanie/collaborative-experts, Apache-2.0.

It numbers the experts by name. Its word vectors are not among the weights: load a table into
`words`. Its mixture layer is among the weights of every configuration, used or not.

Quirks
    Q1  padded steps are pooled by NetVLAD as steps of zeros; a missing expert is all of them.
    Q2  experts are gated one after another: the later ones see the earlier ones gated already.
    Q3  the baseline without spaces scores 0 where the sentence is longer than the video's features.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from models.collaborative_experts import CE, Config, Side
from models.official._loading import load_renamed, matrix_shape
from models.official._pooling import PaddingNetVLAD
from models.parts.batch import Captions
from models.parts.contract import DataSizes
from models.parts.gating import official_unit
from models.parts.netvlad import netvlad_names
from models.parts.normalisation import CallwiseBatchNorm

NINE = {"audio": 128, "face": 512, "i3d": 1024, "imagenet.resnext101": 2048}
NINE |= {"imagenet.senet154": 2048, "ocr": 300, "r2p1d": 512, "scene": 2208, "speech": 300}
VOCABULARY = 10_000  # rows of `words`, random


@dataclass(frozen=True)
class ReleasedConfig(Config):
    """The paper's settings, and what the released code sets beside them."""

    widths: tuple[int, ...] = ()  # of the spaces without gating; (): as the features
    normed: bool = True  # whether g and h have batch normalisation
    relu: bool = False  # in g and h, in place of Mish


class Released(CE):
    """The model as released."""

    Config = ReleasedConfig

    def __init__(self, config: ReleasedConfig, data: DataSizes) -> None:
        super().__init__(config, data)
        for pool in (self.text_pooling, *self.pooling.values()):
            pool.__class__ = PaddingNetVLAD  # Q1
        if config.gating == "collaborative":
            for name in ("g", "h"):
                layers = [
                    nn.ReLU() if config.relu and isinstance(layer, nn.Mish) else layer
                    for layer in getattr(self.collaboration, name)
                    if config.normed or not isinstance(layer, CallwiseBatchNorm)
                ]
                setattr(self.collaboration, name, nn.Sequential(*layers))

    def space_widths(self) -> tuple[int, ...]:
        """Of the space of each expert."""
        own = self.config.gating == "none" and self.config.widths
        return own or super().space_widths()

    def contextual(self, e: list[Tensor], present: Float[Tensor, "v m"]) -> list[Tensor]:
        """v_i of every expert, first to last."""
        current = list(e)
        for i in range(len(e)):
            (T_i,) = self.messages(current, present, [i])
            current[i] = self.gated(i, e[i], T_i)  # Q2
        return current

    def encode_text(self, captions: Captions) -> Side:
        """t_i and w."""
        side = super().encode_text(captions)
        longer = self.config.word_dim * self.config.text_clusters > self.concat_dim
        if self.config.gating == "concat" and longer:
            return Side((side.embedding[0] * 0.0,), side.share)  # Q3
        return side


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[ReleasedConfig, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    Without options it is the one for MSR-VTT with its nine experts. Raises ValueError for weights
    that are missing or an option that is not the paper's.
    """
    recorded = options or {}
    if recorded.get("l2renorm") or recorded.get("test_caption_mode", "indep") != "indep":
        raise ValueError("l2renorm and test_caption_mode are not the paper's")
    word_dim, assigned = matrix_shape(state, "text_pooling.clusters")
    names = tuple(recorded.get("expert_order", NINE))
    own = {name: f"pooling.{name}.clusters" for name in names}
    clusters = {name: matrix_shape(state, key)[1] for name, key in own.items() if key in state}
    ghosts = int(recorded.get("ghost_clusters_text", Config.ghosts))
    widths = recorded.get("expert_dims") or {
        name: matrix_shape(state, f"ce.video_dim_reduce.{i}.fc.weight")[::-1]
        for i, name in enumerate(names)
    }
    config = ReleasedConfig(
        word_dim=word_dim,
        text_clusters=assigned - ghosts,
        ghosts=ghosts,
        clusters=tuple(clusters.items()),
        gating=_gating(recorded),
        shared=int(recorded.get("same_dim", widths[names[0]][1])),
        g_layers=int(recorded.get("num_g_layers", Config.g_layers)),
        h_layers=int(recorded.get("num_h_layers", Config.h_layers)),
        include_self=bool(recorded.get("include_self", Config.include_self)),
        mixture="uniform" if recorded.get("freeze_weights") else "learned",
        margin=float(recorded.get("margin", Config.margin)),
        widths=tuple(int(widths[name][1]) for name in names),
        normed=bool(recorded.get("use_bn_reason", True)),
        relu=not recorded.get("use_mish", True),
    )
    dims = {name: int(widths[name][0]) // clusters.get(name, 1) for name in names}
    return config, DataSizes(VOCABULARY, dims=dims)


def _gating(options: Mapping[str, Any]) -> str:
    """Which row of the paper's ablation the options are."""
    if options.get("concat_experts"):
        return "concat"
    if options.get("mimic_ce_dims") and not options.get("use_ce"):
        return "own"
    by_name = {"pairwise": "collaborative", "": "none"}
    return by_name[str(options.get("use_ce", "pairwise"))]


def prefixes(model: Released) -> dict[str, str]:
    """Beginnings of the released code's names -> of ours."""
    config = model.config
    names = {"ce.moe_fc.": "mixture.", "ce.g_reason_1.": "collaboration.pair."}
    names |= {"ce.g_reason_shared.": "collaboration.g.", "ce.h_reason.": "collaboration.h."}
    for pool in ("text_pooling.", *(f"pooling.{name}." for name, _ in config.clusters)):
        names |= netvlad_names(pool, pool)
    for i in range(len(model.data.dims)):
        names |= official_unit(f"ce.text_GU.{i}.", f"text_unit.{i}.")
        if config.gating == "none":
            names |= official_unit(f"ce.video_GU.{i}.", f"video_unit.{i}.")
            continue
        gate, own = f"ce.video_GU.{i}.cg.", config.gating == "own"
        names[f"ce.video_dim_reduce.{i}.fc."] = f"video_unit.{i}."
        names[f"{gate}fc."] = f"gate.{i}.affine."
        names[f"{gate}batch_norm." if own else f"{gate}batch_norm2."] = f"gate.{i}.norm."
        if not own:
            names[f"{gate}batch_norm."] = f"collaboration.norm.{i}."
    return names


def load(
    state: Mapping[str, Tensor], config: Config | None = None, data: DataSizes | None = None
) -> Released:
    """The released checkpoint; `data` where the experts are not the nine of MSR-VTT."""
    if config is None or data is None:
        released, nine = config_of(state)
        config, data = config or released, data or nine
    model = Released(config, data)
    unused = "\n" if hasattr(model, "mixture") else "ce.moe_fc."
    weights = {key: weight for key, weight in state.items() if not key.startswith(unused)}
    return load_renamed(model, weights, prefixes(model))
