"""ActBERT in PaddleVideo: github.com/PaddlePaddle/PaddleVideo, Apache-2.0.

The authors released no code. This is Baidu's toolbox, as is the paper, and calls its settings for
reference only. Its matrices lie the other way round than torch's. In its tests each stream is as
wide as it may be and absent actions count as there; here a batch's own width and mask are read.

Quirks
    Q1  values of words move by the map of the regions' values; the one of their own has no use.
    Q2  the share at which a step takes an action counts padding, of steps and of actions.
    Q3  scores are probabilities, which rounding may make equal.
    Q4  beside the match three things are guessed: masked words, regions and actions. `region_loss`
        and `token_loss` are the terms; no data here have what they need but recordings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.actbert import PLACE, ActBert, Config, Flat, Tangle
from models.official._loading import load_renamed, matrix_shape, official_names
from models.parts.contract import DataSizes
from models.parts.masked import TiedHead
from models.parts.transformer import EPSILON, bert_names, block_names, merge_qkv, split_qkv

TABLES = ("word_embeddings.weight", "position_embeddings.weight", "token_type_embeddings.weight")
QKV, SHIFT = (".query.", ".key.", ".value."), (".shift.k.", ".shift.v.")
SPELT = {  # the code's names within a tangled layer -> names that merge_qkv understands
    **{f".{part}{n}.": f".{n}.{part}." for part in ("query", "key", "value") for n in (1, 2, 3)},
    **{
        f".{part}_{seen}.": f".{seen}.shift.{part[0]}."
        for part in ("key", "value")
        for seen in ("at", "av")
    },
}
STREAMS = (("2", "t"), ("1", "v"), ("3", "a"))  # how words, regions and actions are spelt there
KEYS = {
    "bert.v_embeddings.image_embeddings.": "region.",
    "bert.v_embeddings.image_location_embeddings.": "place.",
    "bert.v_embeddings.LayerNorm.": "norms.0.",
    "bert.a_embeddings.action_embeddings.": "action.",
    "bert.a_embeddings.LayerNorm.": "norms.1.",
    "cls.seq_relationship.": "match.",
    "cls.predictions.transform.dense.": "word_head.hidden.",
    "cls.predictions.transform.LayerNorm.": "word_head.norm.",
    "cls.predictions.decoder_bias": "word_head.bias",
}
WIDTHS = (64, 128, 64, 128)  # of a head of words, regions, actions, tangled layers


@dataclass(frozen=True)
class ReleasedConfig(Config):
    """The settings, and what only the other three terms need."""

    region_classes: int = 1601
    action_classes: int = 700


class ReleasedTangle(Tangle):
    """The tangled layer as released."""

    def places(self, mask: Bool[Tensor, "p n"], actions: Bool[Tensor, "p a"]) -> Int[Tensor, "p n"]:
        """Of all steps and actions."""
        return super().places(torch.ones_like(mask), torch.ones_like(actions))  # Q2

    def shifts(
        self, c_r: Float[Tensor, "p a width"], c_t: Float[Tensor, "p a width"]
    ) -> list[tuple[Tensor, Tensor]]:
        """One map for the values of both."""
        (key, _), regions = super().shifts(c_r, c_t)
        return [(key, self.shift[1](c_r).chunk(2, dim=2)[1]), regions]  # Q1


class Released(ActBert):
    """The model as released."""

    Config = ReleasedConfig
    tangle: ClassVar[type[Tangle]] = ReleasedTangle

    def __init__(self, config: ReleasedConfig, data: DataSizes) -> None:
        super().__init__(config, data)
        c = config
        self.word_head = TiedHead(c.text[0], data.vocabulary)
        self.region_head = token_head(c.regions[0], c.region_classes)
        self.action_head = token_head(c.actions[0], c.action_classes)

    def similarity(self, text: Flat, video: Flat) -> Float[Tensor, "t v"]:
        """Probabilities of a match."""
        return super().similarity(text, video).sigmoid()  # Q3

    def region_loss(
        self,
        logits: Float[Tensor, "p r classes"],
        masked: Bool[Tensor, "p r"],
        target: Float[Tensor, "p r classes"],
    ) -> Float[Tensor, ""]:
        """Divergence from the detector's distribution, mean over masked regions."""
        apart = F.kl_div(logits.log_softmax(2), target, reduction="none").sum(2)
        return (apart * masked).sum() / masked.sum().clamp(min=1)  # Q4

    def token_loss(
        self, logits: Float[Tensor, "p n classes"], target: Int[Tensor, "p n"]
    ) -> Float[Tensor, ""]:
        """Cross-entropy of masked words or actions; the target is -1 elsewhere."""
        return F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-1)  # Q4


def token_head(width: int, classes: int) -> nn.Sequential:
    """Classes from a state."""
    norm = nn.LayerNorm(width, EPSILON)
    return nn.Sequential(nn.Linear(width, width), nn.GELU(), norm, nn.Linear(width, classes))


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[ReleasedConfig, DataSizes]:
    """The released configuration: sizes from the weights, the rest from the recorded options.

    Without options the tangled layers stand before the last of words and after the first of the
    others, as in the reference configuration. Raises ValueError where a weight is missing.
    """
    recorded, streams, home = options or {}, [], "bert.encoder."
    for n, prefix in enumerate(("", "v_", "a_")):
        inner = f"{home}{prefix}layer.0.intermediate.dense.weight"
        width, hidden = matrix_shape(state, inner)
        heads = int(recorded.get(f"{prefix}num_attention_heads", max(1, width // WIDTHS[n])))
        streams.append((width, heads, hidden, count(state, f"{home}{prefix}layer.")))
    words, _ = matrix_shape(state, "bert.embeddings.word_embeddings.weight")
    positions, _ = matrix_shape(state, "bert.embeddings.position_embeddings.weight")
    tangled, width = (
        count(state, f"{home}c_layer."),
        matrix_shape(state, "bert.t_pooler.dense.weight")[1],
    )
    first = (streams[0][3] - tangled, 0, 0)
    ids = [
        recorded.get(f"{stream}_ent_attention_id", [begin + k for k in range(tangled)])
        for stream, begin in zip("tva", first, strict=True)
    ]
    config = ReleasedConfig(
        text=streams[0],
        regions=streams[1],
        actions=streams[2],
        tangled=(width, int(recorded.get("bi_num_attention_heads", max(1, width // WIDTHS[3])))),
        tangles=tuple(zip(*(map(int, one) for one in ids), strict=True)),
        positions=positions,
        fusion=str(recorded.get("fusion_method", Config.fusion)),
        region_classes=matrix_shape(state, "cls.imagePredictions.decoder.weight")[1],
        action_classes=matrix_shape(state, "cls.actionPredictions.decoder.weight")[1],
    )
    regions, _ = matrix_shape(state, "bert.v_embeddings.image_embeddings.weight")
    actions, _ = matrix_shape(state, "bert.a_embeddings.action_embeddings.weight")
    return config, DataSizes(words, dims={"regions": regions + PLACE, "motion": actions})


def count(state: Mapping[str, Tensor], prefix: str) -> int:
    """How many layers there are."""
    return len({key.removeprefix(prefix).split(".")[0] for key in state if key.startswith(prefix)})


def prefixes(model: Released) -> dict[str, str]:
    """Beginnings of the released code's names, three matrices merged to one -> of ours."""
    c, home = model.config, "bert.encoder."
    names = bert_names("bert.", "text.", c.text[3]) | KEYS
    names |= block_names(f"{home}v_", "layers.0.", c.regions[3])
    names |= block_names(f"{home}a_", "layers.1.", c.actions[3])
    for k in range(len(c.tangles)):
        theirs, ours = f"{home}c_layer.{k}.", f"tangles.{k}."
        names[f"{theirs}ent_attention.av.shift.in_proj_"] = f"{ours}shift.0."
        names[f"{theirs}ent_attention.at.shift.in_proj_"] = f"{ours}shift.1."
        for n, (number, letter) in enumerate(STREAMS):
            names |= {
                f"{theirs}ent_attention.{number}.in_proj_": f"{ours}qkv.{n}.",
                f"{theirs}ent_output.dense{number}.": f"{ours}out.{n}.",
                f"{theirs}ent_output.LayerNorm{number}.": f"{ours}norm.{n}.",
                f"{theirs}{letter}_intermediate.dense.": f"{ours}inner.{n}.linear1.",
                f"{theirs}{letter}_output.dense.": f"{ours}inner.{n}.linear2.",
                f"{theirs}{letter}_output.LayerNorm.": f"{ours}inner.{n}.norm.",
            }
    names |= {
        f"bert.{letter}_pooler.dense.": f"poolers.{n}." for n, (_, letter) in enumerate(STREAMS)
    }
    for theirs, ours in (("image", "region_head"), ("action", "action_head")):
        head = f"cls.{theirs}Predictions."
        names |= {
            f"{head}transform.dense.": f"{ours}.0.",
            f"{head}transform.LayerNorm.": f"{ours}.2.",
            f"{head}decoder.": f"{ours}.3.",
        }
    return names


def turned(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Matrices of linear maps the other way round, tables as they are."""
    return {
        key: weight.mT if weight.ndim == 2 and not key.endswith(TABLES) else weight  # noqa: PLR2004
        for key, weight in state.items()
    }


def respelt(name: str, spelling: Mapping[str, str]) -> str:
    """A name in which one spelling takes the place of another."""
    for old, new in spelling.items():
        name = name.replace(old, new)
    return name


def as_released(model: Released, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights or gradients by our names -> under the released ones and in the released layout."""
    names = official_names(model, prefixes(model))
    own = {key: tensors[name] for key, name in names.items() if name in tensors}
    back = {new: old for old, new in SPELT.items()}
    split = split_qkv(split_qkv(own, SHIFT), QKV)
    return turned({respelt(key, back): weight for key, weight in split.items()})


def official_state(model: Released) -> dict[str, Tensor]:
    """What a checkpoint of the released code would hold."""
    return as_released(model, model.state_dict())


def load(state: Mapping[str, Tensor], config: Config | None = None) -> Released:
    """The released checkpoint."""
    released, data = config_of(state)
    spelt = {respelt(key, SPELT): weight for key, weight in turned(state).items()}
    merged = merge_qkv(merge_qkv(spelt, SHIFT), QKV)
    if config is not None:
        own = {"region_classes": released.region_classes, "action_classes": released.action_classes}
        released = ReleasedConfig(**vars(config) | own)
    model = Released(released, data)
    return load_renamed(model, merged, prefixes(model))
