"""Recordings of gabeur/mmt: the transformer, and what it is held against."""

from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from models.mmt import KINDS, THEIRS, Config, Model, Seen, official_prefixes
from models.official._loading import official_names
from models.parts.batch import Captions, Clips
from models.parts.transformer import split_qkv
from tests.parity.cases import Case

OURS = {theirs: ours for ours, theirs in THEIRS.items()}
BETWEEN = {"bert": "transformer", "coll": "gating", "none": "nothing"}
TOKENS = {"both": "all", "agg": "gathering"}
GATHER = {"mxp": "max", "mnp": "mean", "sep": "zero"}
TIME = {"tint": "seconds", "ordr": "index", "type": "none"}
HEAD = {"gbn": "gated", "lin": "linear"}
TEXT_WEIGHTS = {"emb": "softmax", "none": "uniform"}
VIDEO_WEIGHTS = {"none": "uniform", "nrm": "norm"}


def skipped(_array: str) -> str | None:
    """Every array concerns the model."""
    return None


def config_of(case: Case) -> Config:
    """The recorded options; experts in the official order."""
    c = case.config
    text, video, dims = c["txt_bert"], c["vid_bert_params"], c["expert_dims"]
    for name, expert in dims.items():
        if KINDS.get(OURS.get(name, name)) != expert["idx"]:
            raise ValueError(f"expert {name} is not number {expert['idx']} of the released code")
    for bert in (text, video):
        if bert["hidden_act"] != "gelu" or float(bert["layer_norm_eps"]) != 1e-12:
            raise ValueError("activation and epsilon are not BERT's")
    if c["l2renorm"] or c["txt_agg"] != "bertftn" or c["txt_inp"] != "bertftn":
        raise ValueError("the text is not BERT's, or scores are normalised once more")
    return Config(
        vocabulary=int(text["vocab_size"]),
        experts=tuple((OURS.get(m, m), int(dims[m]["dim"])) for m in c["expert_order"]),
        max_words=int(c["max_text_words"]),
        max_steps=int(c["max_expert_tokens"]),
        text=shape_of(text),
        text_positions=int(text["max_position_embeddings"]),
        video=shape_of(video),
        positions=int(video["max_position_embeddings"]),
        kinds=int(video["type_vocab_size"]),
        margin=float(c["margin"]),
        between=BETWEEN[c["vid_cont"]],
        tokens=TOKENS[c["vid_inp"]],
        gather=GATHER[c["out_tok"]],
        time=TIME[c["pos_enc"]],
        text_head=HEAD[c["txt_pro"]],
        text_weights=TEXT_WEIGHTS[c["txt_wgh"]],
        video_weights=VIDEO_WEIGHTS[c["vid_wgh"]],
        as_released=bool(c["keep_missing_modalities"]),
    )


def shape_of(bert: dict[str, Any]) -> tuple[int, int, int, int]:
    """Width, heads, feed-forward width, blocks."""
    names = ("hidden_size", "num_attention_heads", "intermediate_size", "num_hidden_layers")
    width, heads, inner, layers = (int(bert[name]) for name in names)
    return width, heads, inner, layers


def captions_of(ids: torch.Tensor) -> Captions:
    """(videos, captions, words, 2) ids and validity, as captions one after the other."""
    words, mask = ids.flatten(0, 1).long().unbind(-1)
    return Captions(words, mask > 0)


def seen_by(name: str, case: Case, config: Config) -> Seen:
    """What an expert saw: steps were drawn, and all of them pooled, before the recording."""
    given = {
        part: case.inputs[f"features{part}/{name}"]
        for part in ("", "_t", "_ind", "_avgpool", "_maxpool")
    }
    whole = given["_avgpool" if config.gather == "mean" else "_maxpool"]
    return Seen(whole.float(), given[""].float(), given["_t"].float(), given["_ind"] > 0)


def run(case: Case) -> dict[str, np.ndarray]:
    """Every array of the recording, computed by the model in float32."""
    config = config_of(case)
    model = Model.from_official(case.state, config).eval()
    seen = {OURS.get(m, m): seen_by(m, case, config) for m in case.config["expert_order"]}
    model.look = lambda name, _clips: seen[name]
    found: dict[str, torch.Tensor] = {}
    _tap(model, found)
    multi = model.encode_text(captions_of(case.inputs["token_ids_multi"]))
    captions = captions_of(case.inputs["token_ids"])
    text, video = model.encode_text(captions), model.encode_video(Clips())
    scores, videos = model.similarity(multi, video), len(video[0])
    found |= {"out/sims_multi": scores, "out/sims": model.similarity(text, video)}
    found["out/sims_multi_avg"] = scores.reshape(videos, -1, videos).mean(1)
    found |= {"out/vid_embds": video[0], "out/vid_weights": video[1]}
    found |= {"out/text_embds": text[0][:, :, None], "out/text_weights": text[1][:, None]}
    found |= losses(model, captions, found["out/sims"])
    found["out/loss"].backward()
    names, ours = official_names(model, official_prefixes(config)), dict(model.named_parameters())
    grads = split_qkv({key: ours[name].grad for key, name in names.items() if name in ours})
    found |= {f"grad/{key}": grads[key] for key in case.grads}
    return {array: value.detach().numpy() for array, value in found.items()}


def losses(model: Model, captions: Captions, scores: torch.Tensor) -> dict[str, torch.Tensor]:
    """The model's loss, and the two that the released code has and no configuration uses."""
    n, margin, right = len(scores), model.config.margin, torch.arange(len(scores))
    hinge = model.loss(captions, Clips())
    both = cross_entropy(scores, right) + cross_entropy(scores.mT, right)
    diagonal = (hinge * (n - 1) + margin) / n  # a pair against itself is a margin too near
    return {"out/loss": hinge, "out/loss_nofixnorm": diagonal, "out/loss_infonce": both}


def _tap(model: Model, found: dict[str, torch.Tensor]) -> None:
    """What enters the video transformer and what leaves both."""

    def video(
        _module: torch.nn.Module, given: tuple[torch.Tensor, ...], last: torch.Tensor
    ) -> None:
        x, mask, kind, position = given
        mask = mask.long().index_fill(1, torch.tensor([0]), 1)  # the first token is always read
        found.update({"out/vid_tokens": x, "out/vid_attention_mask": mask, "out/vid_last": last})
        found.update({"out/vid_token_type_ids": kind, "out/vid_position_ids": position})

    def text(_module: torch.nn.Module, _given: object, last: torch.Tensor) -> None:
        found["out/txt_last"] = last  # of the latest captions

    model.text.register_forward_hook(text)
    if model.config.between == "transformer":
        model.video.register_forward_hook(video)
