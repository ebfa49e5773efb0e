"""The release of MDMMT: github.com/papermsucode/mdmmt, without a licence.

Test code only. It calls `motion` VIDEO, `frames` CLIP and `audio` tf_vggish; a checkpoint holds
`vid_state_dict` and `txt_state_dict`. BERT's pooler and the video transformer's are not loaded.

Quirks
    Q1  there is no loss: that of MMT, on which the code builds, is the mean over all wrong pairs of
        both directions.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from models.mdmmt import EXPERTS, Config, Mdmmt
from models.official._loading import load_renamed, matrix_shape
from models.parts.batch import Batch
from models.parts.contract import DataSizes
from models.parts.gating import official_unit
from models.parts.transformer import bert_names, merge_qkv

THEIRS = {"motion": "VIDEO", "frames": "CLIP", "audio": "tf_vggish"}
ROOMS = {"vid_state_dict": "video.", "txt_state_dict": "text."}
UNUSED = re.compile(r".*_bert\.pooler|.*\.position_ids$")
REDUCE, BERT, VIDEO = "video.video_dim_reduce.{}.fc.", "text.txt_bert.", "video.vid_bert."
TABLE = "{}embeddings.{}_embeddings.weight"
HEAD_DIM = 64  # numbers per attention head at both published widths


@dataclass(frozen=True)
class ReleasedConfig(Config):
    """The paper's settings, and what the released code sets beside them."""

    table: int = 10  # rows of the table of experts


class Released(Mdmmt):
    """The model as released."""

    Config = ReleasedConfig

    def kinds(self) -> int:
        """More than there are experts."""
        return int(self.config.table)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """The mean of all terms."""
        return super().loss(batch) / (2 * (len(batch.captions.words) - 1))  # Q1


def config_of(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[ReleasedConfig, DataSizes]:
    """The released configuration: experts, widths and tables from the weights, heads from options.

    Without options every attention has a head per 64 numbers, or one. Raises ValueError for a table
    that is missing and for options that are not the paper's.
    """
    recorded = options or {}
    words, _ = matrix_shape(state, TABLE.format(BERT, "word"))
    text_positions, _ = matrix_shape(state, TABLE.format(BERT, "position"))
    positions, _ = matrix_shape(state, TABLE.format(VIDEO, "position"))
    table, _ = matrix_shape(state, TABLE.format(VIDEO, "token_type"))
    steps = [int(one["max_tok"]) for one in recorded.get("expert_dims", {}).values()]
    _refuse_others(recorded)
    config = ReleasedConfig(
        max_steps=max(steps, default=Config.max_steps),
        text=_stack(state, BERT, recorded.get("txt_bert", {})),
        text_positions=text_positions,
        video=_stack(state, VIDEO, recorded.get("vid_bert_params", {})),
        positions=positions,
        margin=float(recorded.get("margin", Config.margin)),
        table=table,
    )
    return config, DataSizes(words, dims=_dims(state))


def _refuse_others(options: Mapping[str, Any]) -> None:
    """Raise ValueError for experts of other numbers and for an activation that is not BERT's."""
    for name, expert in options.get("expert_dims", {}).items():
        known = [THEIRS[m] for m in EXPERTS]
        if name not in known or known.index(name) + 1 != expert["idx"]:
            raise ValueError(f"expert {name} is not number {expert['idx']} of the released code")
    for side in ("txt_bert", "vid_bert_params"):
        if options.get(side, {}).get("hidden_act", "gelu") != "gelu":
            raise ValueError(f"the activation of {side} is not BERT's")


def _dims(state: Mapping[str, Tensor]) -> dict[str, int]:
    """Width of each expert that the weights have."""
    keys = {m: f"{REDUCE.format(theirs)}weight" for m, theirs in THEIRS.items()}
    return {m: matrix_shape(state, key)[1] for m, key in keys.items() if key in state}


def _stack(
    state: Mapping[str, Tensor], tower: str, options: Mapping[str, Any]
) -> tuple[int, int, int, int]:
    """Width, heads, feed-forward width, blocks of a transformer."""
    layer = re.compile(rf"{re.escape(tower)}encoder\.layer\.(\d+)\.intermediate\.dense\.weight")
    blocks = sum(1 for key in state if layer.fullmatch(key))
    inner, width = matrix_shape(state, f"{tower}encoder.layer.0.intermediate.dense.weight")
    heads = int(options.get("num_attention_heads", max(1, width // HEAD_DIM)))
    return width, heads, inner, blocks


def prefixes(model: Released) -> dict[str, str]:
    """Beginnings of the released code's names, three matrices merged to one -> of ours."""
    names = bert_names(BERT, "text.", model.config.text[3])
    names |= bert_names(VIDEO, "video.", model.config.video[3], "layer_norm")
    for m in model.names:
        names |= {REDUCE.format(THEIRS[m]): f"project.{m}."}
        names |= {f"text.moe_fc_txt.{THEIRS[m]}.": f"text_weight.{m}."}
        names |= official_unit(f"text.text_gu.{THEIRS[m]}.", f"text_head.{m}.")
    return names


def load(state: Mapping[str, Any], config: Config | None = None) -> Released:
    """The released checkpoint, or both its parts as one."""
    every = dict(state)
    if all(isinstance(state.get(room), Mapping) for room in ROOMS):
        every = {start + key: x for room, start in ROOMS.items() for key, x in state[room].items()}
    merged = merge_qkv({key: weight for key, weight in every.items() if not UNUSED.match(key)})
    released, data = config_of(merged)
    model = Released(config or released, data)
    return load_renamed(model, merged, prefixes(model))
