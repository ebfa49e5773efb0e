"""The release of MMT: github.com/gabeur/mmt, Apache-2.0.

It calls `frames` rgb, `motion` s3d and `audio` vggish, and orders the experts by those names. Its
poolers and some reasoning layers take part in nothing.

Quirks
    Q1  an expert that a video lacks counts like any other, by the output of its aggregation token.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models.mmt import MMT, UNTIMED, Config
from models.official._loading import load_renamed, matrix_shape
from models.parts.contract import DataSizes
from models.parts.transformer import bert_names, init_bert_weights, merge_qkv

KINDS = {"audio": 2, "face": 3, "frames": 5, "motion": 1, "ocr": 7, "scene": 9, "speech": 6}
OURS = {m: m for m in KINDS} | {"vggish": "audio", "rgb": "frames", "s3d": "motion"}
THEIRS = {m: m for m in KINDS} | {ours: theirs for theirs, ours in OURS.items() if theirs != ours}
UNUSED = re.compile(r"\w+_bert\.pooler|f_reason_3|batch_norm_|.*\.position_ids$")
KEYS = {  # beginnings of the released code's names, {} the expert -> of ours
    "video_dim_reduce.{}.fc.": "project.{}.",
    "text_GU.{}.cg.fc.": "text_head.{}.gate.affine.",
    "text_GU.{}.cg.batch_norm.": "text_head.{}.gate.norm.",
    "moe_fc_txt.{}.": "text_weight.{}.",
    "g_reason_": "gating.g",
    "f_reason_": "gating.f",
    "video_GU.{}.cg.fc.": "gating.own.{}.",
    "video_GU.{}.cg.batch_norm.": "gating.message_norm.{}.",
    "video_GU.{}.cg.batch_norm2.": "gating.own_norm.{}.",
}
EXPERT = re.compile(r"video_dim_reduce\.(\w+)\.fc\.weight")
TABLE, TABLES = "vid_bert.embeddings.{}_embeddings.weight", ("position", "token_type")
BETWEEN = {"bert": "transformer", "coll": "gating", "none": "nothing"}
TOKENS = {"both": "all", "agg": "gathering"}
GATHER = {"mxp": "max", "mnp": "mean", "sep": "zero"}
TIME = {"tint": "seconds", "ordr": "seconds", "type": "none"}
TEXT_WEIGHTS = {"emb": "softmax", "none": "uniform"}


@dataclass(frozen=True)
class ReleasedConfig(Config):
    """The paper's settings, and what the released code sets beside them."""

    kinds: int = 10  # rows of the table of experts
    keep_missing: bool = True  # Q1
    linear_head: bool = False  # of the text, in place of the gated unit
    numbered: bool = False  # positions are numbers of steps, not seconds
    weigh_by_length: bool = False  # b_m: length of v_m before unit length; else all the same


class Released(MMT):
    """The model as released."""

    Config = ReleasedConfig

    def __init__(self, config: ReleasedConfig, data: DataSizes) -> None:
        super().__init__(config, data)
        self.kind = KINDS
        if config.between == "transformer":
            self.video.segments = nn.Embedding(config.kinds, config.video[0])
            init_bert_weights(self.video.segments)
        if config.linear_head:
            heads = {m: nn.Linear(config.text[0], config.video[0]) for m in self.names}
            self.text_head = nn.ModuleDict(heads)

    def video_weights(
        self, v: Float[Tensor, "v m c"], present: Bool[Tensor, "v m"]
    ) -> Float[Tensor, "v m"]:
        """b_m before their sum is 1."""
        b = v.norm(dim=2) if self.config.weigh_by_length else torch.ones_like(v[..., 0])
        return b if self.config.keep_missing else b * present  # Q1

    def step_positions(self, times: Float[Tensor, "v n"]) -> Int[Tensor, "v n"]:
        """The position of each step: its second, or its number."""
        if self.config.numbered:
            times = torch.full_like(times, UNTIMED).cumsum(1)
        return super().step_positions(times)


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[ReleasedConfig, DataSizes]:
    """The released configuration: tables and experts from the weights, the rest from the options.

    Without options it is the published one, at the widths of the weights, which do not tell the
    number of heads: the published one, or one head per 64 at other widths. Raises ValueError for a
    table that is missing or an option that is not the paper's.
    """
    if options is None:
        positions, kinds = (matrix_shape(state, TABLE.format(t))[0] for t in TABLES)
        text = _measured(state, "txt_bert.", Config.text)
        video = _measured(state, "vid_bert.", Config.video)
        config = ReleasedConfig(text=text, video=video, positions=positions, kinds=kinds)
        return config, _sizes(state)
    _refuse_others(options)
    text, video = options["txt_bert"], options["vid_bert_params"]
    config = ReleasedConfig(
        max_words=int(options["max_text_words"]),
        max_steps=int(options["max_expert_tokens"]),
        text=_stack(text),
        text_positions=int(text["max_position_embeddings"]),
        video=_stack(video),
        positions=int(video["max_position_embeddings"]),
        margin=float(options["margin"]),
        between=BETWEEN[options["vid_cont"]],
        tokens=TOKENS[options["vid_inp"]],
        gather=GATHER[options["out_tok"]],
        time=TIME[options["pos_enc"]],
        text_weights=TEXT_WEIGHTS[options["txt_wgh"]],
        kinds=int(video["type_vocab_size"]),
        keep_missing=bool(options["keep_missing_modalities"]),
        linear_head=options["txt_pro"] == "lin",
        numbered=options["pos_enc"] == "ordr",
        weigh_by_length=options["vid_wgh"] == "nrm",
    )
    return config, _sizes(state)


def _sizes(state: Mapping[str, Tensor]) -> DataSizes:
    """Words and experts of the weights, experts in the order of their official names."""
    experts = ((m[1], key) for key in sorted(state) if (m := EXPERT.match(key)))
    dims = {OURS.get(name, name): matrix_shape(state, key)[1] for name, key in experts}
    return DataSizes(len(state.get("txt_bert.embeddings.word_embeddings.weight", ())), dims=dims)


def _refuse_others(options: Mapping[str, Any]) -> None:
    """Raise ValueError for what the paper's model has no place for."""
    for name, expert in options["expert_dims"].items():
        if KINDS.get(OURS.get(name, name)) != expert["idx"]:
            raise ValueError(f"expert {name} is not number {expert['idx']} of the released code")
    for bert in (options["txt_bert"], options["vid_bert_params"]):
        if bert["hidden_act"] != "gelu" or float(bert["layer_norm_eps"]) != 1e-12:  # noqa: PLR2004
            raise ValueError("activation and epsilon are not BERT's")
    if options["l2renorm"] or {options["txt_agg"], options["txt_inp"]} != {"bertftn"}:
        raise ValueError("the text is not BERT's, or scores are normalised once more")


def _stack(bert: Mapping[str, Any]) -> tuple[int, ...]:
    """Width, heads, feed-forward width, blocks."""
    names = ("hidden_size", "num_attention_heads", "intermediate_size", "num_hidden_layers")
    return tuple(int(bert[name]) for name in names)


def _measured(
    state: Mapping[str, Tensor], tower: str, published: tuple[int, ...]
) -> tuple[int, ...]:
    """The same of a tower whose options are not known, from its weights."""
    layer = re.compile(rf"{re.escape(tower)}encoder\.layer\.(\d+)\.intermediate\.dense\.weight")
    blocks = {int(m[1]): state[key].shape for key in state if (m := layer.fullmatch(key))}
    if not blocks:
        return published
    inner, width = blocks[0]
    heads = published[1] if width == published[0] else max(1, width // 64)
    return width, heads, inner, len(blocks)


def prefixes(model: Released) -> dict[str, str]:
    """Beginnings of the released code's names, three matrices merged to one -> of ours."""
    config = model.config
    names = bert_names("txt_bert.", "text.", config.text[3])
    names |= bert_names("vid_bert.", "video.", config.video[3], "layer_norm")
    keys = KEYS | {"text_GU.{}.fc.": f"text_head.{{}}.{'' if config.linear_head else 'embed.'}"}
    for m in model.names:
        names |= {theirs.format(THEIRS[m]): ours.format(m) for theirs, ours in keys.items()}
    return names


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The released checkpoint, or the state dict in it."""
    inner = state.get("state_dict")
    every = inner if isinstance(inner, Mapping) else state
    merged = merge_qkv({key: weight for key, weight in every.items() if not UNUSED.match(key)})
    model = Released(config or config_of(merged)[0], _sizes(merged))
    return load_renamed(model, merged, prefixes(model))
