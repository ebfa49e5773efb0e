"""Recordings of yj-yu/lsmdc, TensorFlow's weights and gradients turned into ours."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from models.jsfusion import STRIDES, shrink
from models.official.jsfusion import LEVELS, Released, config_of, load, theirs
from models.parts.batch import Batch, Captions, Clips
from tests.parity.cases import Case
from tests.parity.ranking import intervals, nearest
from tests.parity.training import without_dropout

LOSS = "out/loss"


def skipped(_array: str) -> str | None:
    """Every array is compared, the evaluator's ranks too."""
    return None


def official(_model: Released, case: Case, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Gradients by our names under TensorFlow's, in its layouts."""
    return {k: x for k, x in theirs(tensors, gradients=True).items() if k in case.state}


def build(case: Case) -> tuple[Released, Batch]:
    """Captions by their recorded ids; frames, recorded at the end of a row, at its beginning."""
    i = case.inputs
    model = load(case.state, config_of(case.state, case.config)[0])
    present = i["video_mask"] > 0
    order = (~present).int().argsort(stable=True, dim=1)
    x = i["video"].float().gather(1, order[..., None].expand_as(i["video"]))
    captions = Captions(i["caption"].long(), i["caption_mask"] > 0)
    return model, Batch(captions, Clips({"frames": x}, {"frames": present.gather(1, order)}))


def outputs(model: Released, batch: Batch, case: Case) -> dict[str, Any]:
    """One pass in evaluation and, where it was recorded, one with the statistics of the batch."""
    arrays, scores = one_pass(model, batch, "out/")
    ends = intervals(scores)["v2t"]
    arrays["out/rank_row"] = nearest(case.expected["out/rank_row"], *ends)
    if "out/train_loss" in case.expected:
        arrays |= trained(deepcopy(model), batch, case)
    return {name: array for name, array in arrays.items() if name in case.expected}


def one_pass(model: Released, batch: Batch, room: str) -> tuple[dict[str, Any], Tensor]:
    """Embeddings, masks, f, scores (which are recorded videos x captions) and loss."""
    text, video = model.encode_text(batch.captions), model.encode_video(batch.clips)
    arrays: dict[str, Any] = {f"{room}video_emb": video[0], f"{room}text_emb": text[0]}
    words, frames = text[1], video[1]
    for level, stride in zip(LEVELS, STRIDES, strict=True):
        words, frames = shrink(words, stride), model.decoder.shrink_frames(frames, stride)
        arrays[f"{room}text_mask_{level}"] = words.float()
        arrays[f"{room}video_mask_{level}"] = frames.float()
    fused: list[Tensor] = []
    hook = model.decoder.register_forward_hook(lambda _module, _inputs, f: fused.append(f))
    scores = model.similarity(text, video)
    hook.remove()
    arrays[f"{room}fused"], arrays[f"{room}scores"] = torch.stack(fused), scores.mT
    arrays[f"{room}loss"] = model.loss(batch)
    return arrays, scores


def trained(model: Released, batch: Batch, case: Case) -> dict[str, Any]:
    """The same in train mode, and the gradients there."""
    without_dropout(model.train())
    arrays, _ = one_pass(model, batch, "out/train_")
    arrays["out/train_loss"].backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    renamed = official(model, case, gradients)
    return arrays | {f"grad/{key}@train": x for key, x in renamed.items()}
