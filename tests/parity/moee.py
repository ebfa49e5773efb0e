"""Recordings of antoine77340/Mixture-of-Embedding-Experts: the mixture, and its baseline `Net2`."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from models.moee import AUDIO
from models.official.moee import Released, config_of, load
from models.official.moee import prefixes as official_prefixes
from models.parts.batch import Batch, Captions, Clips
from tests.parity.cases import Case

LOSS = "out/loss"
THEIRS = {"frames": "visual"}


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


def prefixes(model: Released) -> Mapping[str, str]:
    """Beginnings of the official names -> of ours."""
    return official_prefixes(model.config)


def build(case: Case, *, gated: bool = True) -> tuple[Released, Batch]:
    """The recorded word rows as the table; one vector is one step; missing where `ind` is 0."""
    inputs, text = case.inputs, case.inputs["text"]
    words = torch.arange(text[..., 0].numel()).view(text.shape[:2])
    captions = Captions(words, steps_until(inputs["text_len"], text))
    state = {key: w for key, w in case.state.items() if gated or ".cg." not in key}
    config = replace(config_of(state, case.config)[0], gated=gated)
    model = load(state, config)
    model.words = nn.Embedding.from_pretrained(text.float().flatten(0, 1))
    clips = Clips()
    for name in model.data.dims:
        x = inputs[f"video/{THEIRS.get(name, name)}"].float()
        x = x if x.ndim == 3 else x[:, None]
        present = inputs.get(f"ind/{THEIRS.get(name, name)}", torch.ones(len(x))).bool()[:, None]
        length = inputs["audio_len"] if name == AUDIO else torch.ones(len(x))
        clips.features[name], clips.mask[name] = x, steps_until(length, x) & present
    return model, Batch(captions, clips)


def steps_until(length: Tensor, x: Tensor) -> Tensor:
    """(b, steps) True for the first `length` steps of each row."""
    return torch.arange(x.shape[1]) < length[:, None]


def outputs(model: Released, batch: Batch, case: Case) -> dict[str, Tensor]:
    """Pooled sequences, both sides, weights, scores and losses."""
    arrays: dict[str, Tensor] = {}
    for pool in ("text", "audio"):
        if hasattr(model, f"{pool}_pooling"):
            keep_output(arrays, f"out/{pool}_vlad", getattr(model, f"{pool}_pooling"))
    text, video = model.encode_text(batch.captions), model.encode_video(batch.clips)
    single = model.config.fusion == "single"
    endings = [""] if single else [f"/{THEIRS.get(name, name)}" for name in model.data.dims]
    for ending, t, v in zip(endings, text.embedding, video.embedding, strict=True):
        arrays |= {f"out/text_emb{ending}": t, f"out/video_emb{ending}": v}
    scores = model.similarity(text, video)
    arrays |= {"out/sims": scores, "out/pair_scores": scores.diagonal()}
    arrays |= {"out/moe_weights": text.share, "out/loss": model.loss(batch)}
    if "out/sims_nogate" in case.expected:
        plain = build(case, gated=False)[0].eval()
        arrays |= {"out/sims_nogate": plain(batch), "out/loss_nogate": plain.loss(batch)}
    return arrays


def keep_output(arrays: dict[str, Tensor], array: str, module: nn.Module) -> None:
    """Keep what a module of the model gives under an array's name."""
    module.register_forward_hook(lambda _module, _inputs, y: arrays.update({array: y}))
