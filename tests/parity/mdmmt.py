"""Recordings of papermsucode/mdmmt: three experts, all there or not."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from models.official._loading import official_names
from models.official.mdmmt import THEIRS, Released, config_of, load, prefixes
from models.parts.batch import Batch, Captions, Clips
from models.parts.transformer import split_qkv
from tests.parity.cases import Case

LOSS = "out/loss"


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


def build(case: Case) -> tuple[Released, Batch]:
    """Steps are as recorded, with their times."""
    model = load(case.state, config_of(case.state, case.config)[0])
    if [THEIRS[m] for m in model.names] != case.config["expert_order"]:
        raise ValueError(f"the experts are {case.config['expert_order']}")
    steps = {m: steps_of(THEIRS[m], case) for m in model.names}
    model.gather_steps = lambda name, _clips: steps[name]
    ids, mask = case.inputs["input_ids"].long(), case.inputs["attention_mask"] > 0
    return model, Batch(Captions(ids, mask), Clips())


def steps_of(name: str, case: Case) -> tuple[Tensor, Tensor, Tensor]:
    """Features, times and mask of an expert."""
    x, times, there = (case.inputs[f"features{part}/{name}"] for part in ("", "_t", "_ind"))
    return x.float(), times.float(), there > 0


def official(model: Released, case: Case, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the official names, queries, keys and values apart."""
    names = official_names(model, prefixes(model))
    split = split_qkv({key: tensors[name] for key, name in names.items() if name in tensors})
    return {key: tensor for key, tensor in split.items() if key in case.state}


def outputs(model: Released, batch: Batch, case: Case) -> dict[str, Tensor]:
    """Both sides, what enters and leaves the transformers, scores and loss."""
    arrays: dict[str, Tensor] = {}
    keep_states(model, arrays)
    text, video = model.encode_text(batch.captions), model.encode_video(batch.clips)
    t, w = model.text_parts(batch.captions)
    for place, name in enumerate(model.names):
        arrays[f"out/text_emb_unweighted/{THEIRS[name]}"] = t[:, place]
    arrays |= {"out/text_weights": w, "out/text_emb": text, "out/video_emb": video}
    arrays["out/sims"] = model.similarity(text, video)
    return {n: x for n, x in arrays.items() if n in case.expected} | {LOSS: model.loss(batch)}


def keep_states(model: Released, arrays: dict[str, Tensor]) -> None:
    """Keep what enters the video transformer and what leaves both."""

    def video(_module: nn.Module, inputs: tuple[Tensor, ...], last: Tensor) -> None:
        x, mask, kind, position = inputs
        mask = mask.long().index_fill(1, torch.tensor([0]), 1)  # the first token is always read
        arrays.update({"out/vid_tokens": x, "out/vid_attention_mask": mask, "out/vid_last": last})
        arrays.update({"out/vid_token_type_ids": kind, "out/vid_position_ids": position})

    def text(_module: nn.Module, _inputs: object, last: Tensor) -> None:
        arrays["out/txt_last"] = last

    model.text.register_forward_hook(text)
    model.video.register_forward_hook(video)
