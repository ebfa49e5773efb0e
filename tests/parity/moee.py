"""Recordings of antoine77340/Mixture-of-Embedding-Experts: the mixture, and its baseline of one space."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from models.moee import AUDIO, Config, Model, official_prefixes
from models.parts.batch import Captions, Clips
from tests.parity.cases import Case

SINGLE = ("visual", "motion", AUDIO)  # side by side in the baseline


def skipped(_: str) -> str | None:
    """Every array is the model's concern."""
    return None


def config_of(case: Case) -> Config:
    """The recorded options; the baseline's file has a width for its one space."""
    c, given = case.config, case.inputs
    single = "embd_dim" in c
    names = SINGLE if single else tuple(c["mixture_weight_order"])
    text, (_, text_clusters) = given["text"], case.state["text_pooling.clusters"].shape
    config = Config(
        vocabulary=text.shape[0] * text.shape[1],  # a word id for each recorded row
        experts=tuple((name, given[f"video/{name}"].shape[-1]) for name in names),
        word_dim=int(c["text_dim"]),
        text_clusters=text_clusters,
        audio_clusters=case.state["audio_pooling.clusters"].shape[1],
        margin=float(c["margin"]),
        as_released=True,
    )
    if single:
        return replace(config, fusion="single", single=int(c["embd_dim"]))
    return replace(config, shared=tuple(int(c["video_modality_dim"][name][1]) for name in names))


def batch_of(case: Case, names: list[str]) -> tuple[Captions, Clips]:
    """Words by their row's number; what is one vector is one step; absent where `ind` says so."""
    given, text = case.inputs, case.inputs["text"]
    words = torch.arange(text.shape[0] * text.shape[1]).view(text.shape[:2])
    captions = Captions(words, _until(given["text_len"], text))
    features, mask = {}, {}
    for name in names:
        x = given[f"video/{name}"].float()
        x = x if x.ndim == 3 else x[:, None]
        there = given.get(f"ind/{name}", torch.ones(len(x))).bool()[:, None]
        length = given["audio_len"] if name == AUDIO else torch.ones(len(x))
        features[name], mask[name] = x, _until(length, x) & there
    return captions, Clips(features, mask)


def _until(length: Tensor, x: Tensor) -> Tensor:
    """(b, steps) True for the first so many of each row."""
    return torch.arange(x.shape[1]) < length[:, None]


def model_of(case: Case, config: Config) -> Model:
    """The recorded weights, and the recorded word rows as its table."""
    order = case.config.get("video_modality_order", SINGLE)
    state = {key: w for key, w in case.state.items() if config.gated or ".cg." not in key}
    model = Model.from_official(state, config, order).eval()
    model.words.weight.data = case.inputs["text"].float().flatten(0, 1)
    return model


def run(case: Case) -> dict[str, np.ndarray]:
    """Every array of the recording, computed by the model in float32."""
    config = config_of(case)
    names = [name for name, _ in config.experts]
    model, batch = model_of(case, config), batch_of(case, names)
    found: dict[str, Tensor] = {}
    model.text_pooling.register_forward_hook(lambda *a: found.update({"out/text_vlad": a[-1]}))
    if config.fusion == "experts":
        model.audio_pooling.register_forward_hook(
            lambda *a: found.update({"out/audio_vlad": a[-1]})
        )
    text, video = model.encode_text(batch[0]), model.encode_video(batch[1])
    endings = [""] if config.fusion == "single" else [f"/{name}" for name in names]
    for ending, t, v in zip(endings, text.embedding, video.embedding, strict=True):
        found |= {f"out/text_emb{ending}": t, f"out/video_emb{ending}": v}
    scores = model.similarity(text, video)
    found |= {"out/sims": scores, "out/pair_scores": scores.diagonal()}
    found |= {"out/moe_weights": text.share, "out/loss": model.loss(*batch)}
    if "out/sims_nogate" in case.expected:
        plain = model_of(case, replace(config, gated=False))
        found |= {"out/sims_nogate": plain(*batch), "out/loss_nogate": plain.loss(*batch)}
    found["out/loss"].backward()
    order = case.config.get("video_modality_order", SINGLE)
    found |= case.gradients(model, official_prefixes(config, order))
    return {array: value.detach().numpy() for array, value in found.items()}
