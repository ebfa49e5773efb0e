"""CLIP as the Hub stores it: its names and sizes, in CLIP's own terms.

Radford et al. "Learning Transferable Visual Models From Natural Language Supervision." ICML 2021,
arXiv:2103.00020. The names are those of `transformers.CLIPModel`.
"""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from models.parts.clip import EPSILON

PLAIN = {  # of the Hub -> of CLIP
    "logit_scale": "logit_scale",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "vision_model.pre_layrnorm.weight": "visual.ln_pre.weight",
    "vision_model.pre_layrnorm.bias": "visual.ln_pre.bias",
    "vision_model.post_layernorm.weight": "visual.ln_post.weight",
    "vision_model.post_layernorm.bias": "visual.ln_post.bias",
}
TURNED = {"text_projection.weight": "text_projection", "visual_projection.weight": "visual.proj"}
STACKS = {"text_model": "", "vision_model": "visual."}
IN_BLOCK = {"self_attn.out_proj": "attn.out_proj", "layer_norm1": "ln_1", "layer_norm2": "ln_2"}
IN_BLOCK |= {"mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}
BLOCK = re.compile(r"(text_model|vision_model)\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)")
INPUTS = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")


def clip_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The Hub's weights under CLIP's own names. ValueError where one of them is missing."""
    if missing := [name for name in (*PLAIN, *TURNED) if name not in state]:
        raise ValueError(f"{missing[0]} is missing")
    weights = {own: state[name] for name, own in PLAIN.items()}
    weights |= {own: state[name].mT for name, own in TURNED.items()}
    for name, tensor in state.items():
        if (parts := BLOCK.fullmatch(name)) is None:
            continue
        stack, number, layer, kind = parts.groups()
        block = f"{STACKS[stack]}transformer.resblocks.{number}."
        if layer in IN_BLOCK:
            weights[f"{block}{IN_BLOCK[layer]}.{kind}"] = tensor
        elif layer == INPUTS[0]:  # queries, keys and values are one matrix in CLIP
            each = [state[name.replace(INPUTS[0], one)] for one in INPUTS]
            weights[f"{block}attn.in_proj_{kind}"] = torch.cat(each)
    return weights


def clip_sizes(config: Mapping[str, Any]) -> dict[str, Any]:
    """Sizes of both towers by config.json. ValueError for towers that are not built as CLIP's.

    text, video: width, heads, blocks; positions: pieces a caption has at most; side, patch: pixels;
    common: width of the shared space.
    """
    text, video = dict(config["text_config"]), dict(config["vision_config"])
    for one in (text, video):
        width, inner = int(one["hidden_size"]), int(one["intermediate_size"])
        if one.get("hidden_act", "quick_gelu") != "quick_gelu":
            raise ValueError(f"its blocks use {one['hidden_act']}, CLIP's QuickGELU")
        if inner != 4 * width:
            raise ValueError(f"its blocks are {inner} wide inside, CLIP's {4 * width}")
        if float(one.get("layer_norm_eps", EPSILON)) != EPSILON:
            raise ValueError(f"its norms add {one['layer_norm_eps']}, CLIP's {EPSILON}")
    return {
        "text": _stack(text),
        "positions": int(text["max_position_embeddings"]),
        "video": _stack(video),
        "side": int(video["image_size"]),
        "patch": int(video["patch_size"]),
        "common": int(config["projection_dim"]),
    }


def _stack(config: Mapping[str, Any]) -> tuple[int, int, int]:
    names = ("hidden_size", "num_attention_heads", "num_hidden_layers")
    width, heads, blocks = (int(config[name]) for name in names)
    return width, heads, blocks
