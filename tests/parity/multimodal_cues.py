"""Recordings of niluthpol/multimodal_vtt: both spaces, and its evaluation of their common scores."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.multimodal_cues import CUES, MultimodalCues
from models.official.multimodal_cues import KEYS, config_of, load
from models.parts.batch import Batch, Captions, Clips
from tests.parity.cases import Case
from tests.parity.ranking import evaluated
from tests.parity.triplets import triplet


def skipped(_array: str) -> str | None:
    """Nothing: the code evaluates the model's own scores."""
    return None


def prefixes(_model: MultimodalCues) -> Mapping[str, str]:
    """Beginnings of the official names -> of ours."""
    return KEYS


def build(case: Case) -> tuple[MultimodalCues, Batch]:
    """The two spaces and the training batch."""
    config, _ = config_of(case.state, case.config)
    return load(case.state, config), batch_of(case, "")


def batch_of(case: Case, prefix: str) -> Batch:
    """A video is one vector per space, the activity's motion before audio: one step."""
    inputs = case.inputs
    words = inputs[f"{prefix}words"].long()
    mask = torch.arange(words.shape[1]) < inputs[f"{prefix}lengths"][:, None]
    _, data = config_of(case.state, case.config)
    features = {}
    for space, cues in CUES.items():
        parts = inputs[f"{prefix}video_{space}"].float().split([data.dims[e] for e in cues], dim=1)
        features |= {cue: part[:, None] for cue, part in zip(cues, parts, strict=True)}
    masks = {cue: torch.ones(x.shape[:2], dtype=torch.bool) for cue, x in features.items()}
    return Batch(Captions(words, mask), Clips(features, masks))


def outputs(model: MultimodalCues, batch: Batch, case: Case) -> dict[str, Any]:
    """Embeddings, scores and losses per space, and the evaluation of other videos."""
    arrays: dict[str, Any] = {"out/loss_total": model.loss(batch)}
    scores = encoded(model, batch, arrays, "")
    for name, space_scores in zip(model.config.spaces, scores, strict=True):
        arrays[f"out/sim_vt_{name}"] = space_scores.mT
        arrays[f"out/loss_{name}"] = model.triplet(space_scores)
        arrays[f"out/alt_loss_beta0_{name}"] = triplet(space_scores, model.config.margin)
    shown = batch_of(case, "eval_")
    scores = encoded(model, shown, arrays, "eval_")
    both = scores.sum(0)
    arrays["out/eval_sim_vt"] = both.mT
    owner = np.repeat(np.arange(both.shape[1]), int(case.config["captions_per_video"]))
    for suffix, table in (("", both), ("_both", both)):
        arrays |= evaluated(case.expected, table, owner, suffix=suffix)
    for name, table in zip(model.config.spaces, scores, strict=True):
        arrays |= evaluated(case.expected, table, owner, suffix=f"_{name}_text")
    return arrays


def encoded(model: MultimodalCues, batch: Batch, arrays: dict[str, Any], prefix: str) -> Tensor:
    """Scores (spaces, captions, videos); the embeddings go into the arrays."""
    text, video = model.encode_text(batch.captions), model.encode_video(batch.clips)
    for i, name in enumerate(model.config.spaces):
        arrays[f"out/{prefix}text_embed_{name}"] = text[:, i]
        arrays[f"out/{prefix}video_embed_{name}"] = video[:, i]
    return model.per_space(text, video)
