"""Recordings of jayleicn/ClipBERT: both losses, every pooling over clips."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from models.official._loading import official_names
from models.official.clipbert import OBJECTIVES, Released, config_of, load, prefixes
from models.parts.batch import Batch, Captions, Clips
from models.parts.transformer import split_qkv
from tests.parity.cases import Case

LOSS = "out/loss"
POOLINGS = {"match": ("lse", "mean", "max"), "rank": ("mean", "max")}
HIDDEN = "match.0.weight"


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


class Recorded(Released):
    """The recorded maps in place of pixels, the recorded wrong captions in place of random ones."""

    recorded: Tensor  # (v, clips, frames, c, h, w)
    captions: int

    def maps(self, _clips: Clips) -> Tensor:
        """Of every clip."""
        return self.recorded

    def candidates(self, videos: int, device: torch.device) -> Tensor:
        """The captions of each video stand side by side, the right one first."""
        return torch.arange(self.captions, device=device).view(videos, -1)


def build(case: Case) -> tuple[Recorded, Batch]:
    """Pixels are not read."""
    config, _ = config_of(case.state, case.config)
    if config.objective != OBJECTIVES[case.config["loss_type"]]:
        raise ValueError(f"loss_type is {case.config['loss_type']}")
    model = load(case.state, config)
    model.__class__ = Recorded
    maps = case.inputs["visual_inputs"].float()
    model.recorded = maps.unflatten(1, (config.clips, config.frames))
    words, mask = case.inputs["text_input_ids"], case.inputs["text_input_mask"] > 0
    model.captions = len(words)
    return model, Batch(Captions(words, mask), Clips())


def official(model: Recorded, case: Case, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the official names, queries, keys and values apart."""
    names = official_names(model, prefixes(model))
    split = split_qkv({key: tensors[name] for key, name in names.items() if name in tensors})
    return {key: tensor for key, tensor in split.items() if key in case.state}


def outputs(model: Recorded, batch: Batch, case: Case) -> dict[str, Any]:
    """The first clip from grid to loss, logits of all, scores and losses of every pooling."""
    words, mask = model.encode_text(batch.captions)
    visual = model.encode_video(batch.clips)
    each = visual.repeat_interleave(model.captions // len(visual), 0)
    states = model.states(words, mask, each[:, 0])
    z = model.clip_logits(words, mask, each)
    first = z[:, 0].unflatten(0, (len(visual), -1))
    arrays = {
        "out/grid_feat_clip0": model.grid(model.recorded[:, 0].flatten(0, 1)),
        "out/sequence_clip0": states,
        "out/pooled_clip0": model.pooler(states[:, 0]).tanh(),
        "out/clip_logits": z.movedim(1, 0),
        "out/loss_clip0_per_example": model.terms(first),
        "out/sim": model.probabilities((words, mask), visual),
        "out/loss": model.loss(batch),
    }
    arrays["out/grid_feat_clip0"] = arrays["out/grid_feat_clip0"].unflatten(0, (len(visual), -1))
    if model.config.objective == "match":
        arrays["out/loss_clip0_per_example"] = arrays["out/loss_clip0_per_example"].flatten()
    default = model.config
    for pooling in POOLINGS[default.objective]:
        model.config = replace(default, pooling=pooling)
        loss = model.loss(batch)
        (gradient,) = torch.autograd.grad(loss, model.get_parameter(HIDDEN), retain_graph=True)
        arrays[f"grad/transformer.classifier.0.weight@{pooling}"] = gradient
        arrays |= {f"out/loss_{pooling}": loss}
        arrays[f"out/score_{pooling}"] = model.odds(model.pooled(z)).sigmoid()
    model.config = default
    return {name: value for name, value in arrays.items() if name in case.expected | {LOSS: None}}
