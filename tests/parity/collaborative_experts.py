"""Recordings of albanie/collaborative-experts: its gating, and what the paper holds it against."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from models.collaborative_experts import Config, Model, official_prefixes
from models.parts.batch import Captions, Clips
from tests.parity.cases import Case

GATING = {"pairwise": "collaborative", "": "none"}  # use_ce; two switches of others override it


def skipped(_: str) -> str | None:
    """Every array is the model's concern."""
    return None


def gating_of(c: dict[str, object]) -> str:
    """Which of the ablation's rows this is."""
    if c["concat_experts"]:
        return "concat"
    return "own" if c["mimic_ce_dims"] and not c["use_ce"] else GATING[str(c["use_ce"])]


def config_of(case: Case) -> Config:
    """The recorded options."""
    c, given = case.config, case.inputs
    if c["l2renorm"] or c["test_caption_mode"] != "indep":
        raise ValueError("l2renorm and test_caption_mode are not the paper's")
    clusters = {name: int(k) for name, k in c["vlad_clusters"].items()}
    names = c["expert_order"]
    return Config(
        vocabulary=sum(given[t][..., 0].numel() for t in ("text", "text_multi")),
        experts=tuple((name, given[f"experts/{name}"].shape[-1]) for name in names),
        word_dim=int(c["text_dim"]),
        text_clusters=clusters.pop("text"),
        ghosts=int(c["ghost_clusters_text"]),
        clusters=tuple(clusters.items()),
        gating=gating_of(c),
        shared=int(c["same_dim"]),
        widths=tuple(int(c["expert_dims"][name][1]) for name in names),
        g_layers=int(c["num_g_layers"]),
        h_layers=int(c["num_h_layers"]),
        include_self=bool(c["include_self"]),
        normed=bool(c["use_bn_reason"]),
        nonlinearity="mish" if c["use_mish"] else "relu",
        mixture="uniform" if c["freeze_weights"] else "learned",
        missing="kept" if c["keep_missing_modalities"] else "left out",
        margin=float(c["margin"]),
        as_released=True,
    )


def captions_of(case: Case, which: str, first: int) -> Captions:
    """Captions one after another, words by the number of their row in the table."""
    text, length = case.inputs[which], case.inputs[f"{which}_len"].flatten()
    words = first + torch.arange(text[..., 0].numel()).view(-1, text.shape[2])
    return Captions(words, _until(length, words))


def clips_of(case: Case) -> Clips:
    """What is one vector is one step; absent where `ind` says so."""
    given, features, mask = case.inputs, {}, {}
    for name in case.config["expert_order"]:
        x = given[f"experts/{name}"].float()
        x = x.view(len(x), -1, x.shape[-1])  # one vector: one step
        length = given.get(f"expert_len/{name}", torch.ones(len(x)))
        features[name] = x
        mask[name] = _until(length, x) & given[f"ind/{name}"].bool()[:, None]
    return Clips(features, mask)


def _until(length: Tensor, x: Tensor) -> Tensor:
    """(b, steps) True for the first so many of each row."""
    return torch.arange(x.shape[1]) < length[:, None]


def encodings(model: Model, captions: Captions, clips: Clips) -> dict[str, Tensor]:
    """Both sides, under the recording's names, with what is pooled and projected on the way."""
    config, found = model.config, {}
    names = [name for name, _ in config.experts]
    x = [model.pooled(name, clips) for name in names]
    found |= {f"out/pooled/{name}": one for name, one in zip(names, x, strict=True)}
    if config.gating in {"collaborative", "own"}:
        projected = zip(names, model.projected(x), strict=True)
        found |= {f"out/projected/{name}": e for name, e in projected}
    text, video = model.encode_text(captions), model.encode_video(clips)
    found["out/moe_weights"] = text.share
    if config.gating == "concat":  # both sides as they are before the longer one is cut
        found |= {f"out/video_emb/{name}": one for name, one in zip(names, x, strict=True)}
        return found | {f"out/text_emb/{names[0]}": vlad_of(model, captions)[:, None]}
    found |= {f"out/text_emb/{n}": t[:, None] for n, t in zip(names, text.embedding, strict=True)}
    return found | {f"out/video_emb/{n}": v for n, v in zip(names, video.embedding, strict=True)}


def vlad_of(model: Model, captions: Captions) -> Tensor:
    """The pooled sentences."""
    x = model.words(captions.words)
    return model.text_pooling(*model.steps(x, captions.mask))


def run(case: Case) -> dict[str, np.ndarray]:
    """Every array of the recording, computed by the model in float32."""
    config, clips = config_of(case), clips_of(case)
    model = Model.from_official(case.state, config).eval()
    rows = [case.inputs[t].float().flatten(0, 2) for t in ("text", "text_multi")]
    model.words.weight.data = torch.cat(rows)
    captions = captions_of(case, "text", 0)
    found = encodings(model, captions, clips)
    found["out/text_vlad"] = vlad_of(model, captions)
    found["out/sims"] = model(captions, clips)
    several = model(captions_of(case, "text_multi", len(rows[0])), clips)
    found["out/sims_multi"] = several
    found["out/sims_multi_avg"] = several.view(len(several.T), -1, len(several.T)).mean(1)
    found["out/loss"] = model.loss(captions, clips)
    for array, change in (
        ("loss_nofixnorm", {"terms": "all pairs"}),
        ("sims_keep_missing", {"missing": "kept"}),
    ):
        model.config = replace(config, **change)
        call = model.loss if array.startswith("loss") else model
        found[f"out/{array}"] = call(captions, clips)
    model.config = config
    found["out/loss"].backward()
    found |= case.gradients(model, official_prefixes(config))
    return {array: value.detach().numpy() for array, value in found.items()}
