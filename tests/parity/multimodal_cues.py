"""Recordings of niluthpol/multimodal_vtt: both spaces, and its evaluation of their common scores."""

from dataclasses import replace

import numpy as np
import torch

from kb.retrieval import evaluate
from models.multimodal_cues import CUES, OFFICIAL, Config, Model
from models.parts.batch import Captions, Clips
from tests.parity.cases import Case

EXPERT = {"object": "frames", "activity": "motion"}  # a recorded space's vector is given whole


def skipped(_array: str) -> str | None:
    """Nothing is: what the code evaluates are the model's own scores."""
    return None


def config_of(case: Case) -> Config:
    """The recorded options."""
    c = case.config
    if c["num_layers"] != 1:
        raise ValueError("num_layers is not the paper's")
    dims = {EXPERT[name]: int(c[f"{name}_dim"]) for name in CUES}
    return Config(
        vocabulary=int(c["vocab"]),
        experts=tuple(sorted(dims.items())),
        word_dim=int(c["word_dim"]),
        common=int(c["embed_size"]),
        margin=float(c["margin"]),
        beta=float(c["beta"]),
    )


def batch_of(case: Case, prefix: str) -> tuple[Captions, Clips]:
    """A video is one vector a space: one step."""
    given = case.inputs
    words = given[f"{prefix}words"].long()
    mask = torch.arange(words.shape[1]) < given[f"{prefix}lengths"][:, None]
    features = {EXPERT[n]: given[f"{prefix}video_{n}"].float()[:, None] for n in CUES}
    masks = {e: torch.ones(x.shape[:2], dtype=torch.bool) for e, x in features.items()}
    return Captions(words, mask), Clips(features, masks)


def measured(scores: torch.Tensor, per_video: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Direction -> its 0-based ranks, and R@1, R@5, R@10, MedR as the code floors it, MnR."""
    owner = np.repeat(np.arange(scores.shape[1]), per_video)
    found = evaluate(
        similarity=scores.detach(), relevance=np.stack([np.arange(len(owner)), owner], 1)
    )
    told = {}
    for name, direction in (("t2v", found.t2v), ("v2t", found.v2t)):
        ranks = np.round(direction.rank - 1).astype(np.int64)
        recalls = [100 * np.mean(ranks < k) for k in (1, 5, 10)]
        told[name] = (ranks, np.array([*recalls, np.floor(np.median(ranks)) + 1, ranks.mean() + 1]))
    return told


def run(case: Case) -> dict[str, np.ndarray]:
    """Every array of the recording, computed by the model in float32."""
    config = config_of(case)
    model = Model.from_official(case.state, config).eval()
    batch, shown = batch_of(case, ""), batch_of(case, "eval_")
    text, video = model.encode_text(batch[0]), model.encode_video(batch[1])
    eval_text, eval_video = model.encode_text(shown[0]), model.encode_video(shown[1])
    per_space = model.per_space(text, video)
    found = {"out/loss_total": model.loss(*batch)}
    for i, name in enumerate(config.spaces):
        found |= {f"out/text_embed_{name}": text[:, i], f"out/video_embed_{name}": video[:, i]}
        found |= {f"out/eval_text_embed_{name}": eval_text[:, i]}
        found |= {f"out/eval_video_embed_{name}": eval_video[:, i]}
        found |= {f"out/sim_vt_{name}": per_space[i].mT}
        found[f"out/loss_{name}"] = model.triplet(per_space[i])
        model.config = replace(config, beta=0.0)
        found[f"out/alt_loss_beta0_{name}"] = model.triplet(per_space[i])
        model.config = config
    found["out/loss_total"].backward()
    found |= case.gradients(model, OFFICIAL)
    scores = model.similarity(eval_text, eval_video)
    found["out/eval_sim_vt"] = scores.mT
    arrays = {array: value.detach().numpy() for array, value in found.items()}
    each, per_video = model.per_space(eval_text, eval_video), int(case.config["captions_per_video"])
    parts = {f"{name}_text": s for name, s in zip(config.spaces, each, strict=True)}
    for name, part in ({"both": scores} | parts).items():
        for direction, (ranks, metrics) in measured(part, per_video).items():
            arrays[f"out/{direction}_metrics_{name}"] = metrics
            if name == "both":
                arrays[f"out/{direction}_ranks"] = ranks
    return arrays
