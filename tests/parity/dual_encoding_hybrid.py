"""Recordings of danieljf24/hybrid_space, as our inputs and outputs."""

from dataclasses import replace

import numpy as np
import torch

from models.dual_encoding_hybrid import OFFICIAL, Config, Model, sizes
from models.parts.batch import Captions, Clips
from tests.parity.cases import Case
from tests.parity.w2vvpp import skipped

__all__ = ["run", "skipped"]

DIRECTION = {"all": "both", "t2v": "t2v", "v2t": "v2t"}


def config_of(case: Case) -> Config:
    """Sizes from the weights; what weights do not tell from the recorded options."""
    c = case.config
    if c["measure"] != "cosine" or c.get("measure_2", "jaccard") != "jaccard":
        raise ValueError("the measures are not the paper's")
    if not c["max_violation"] or c["cost_style"] != "sum":
        raise ValueError("the loss is not the paper's")
    return replace(
        sizes(case.state),
        margin=float(c["margin"]),
        concept_margin=float(c.get("margin_2", 0.2)),
        direction=DIRECTION[c["direction"]],
        gru_pool=str(c["gru_pool"]),
        bow_size=case.inputs["bow"].shape[1],
    )


def batch_of(case: Case) -> tuple[Captions, Clips]:
    """The concepts of the captions' videos are given."""
    given = case.inputs
    vectors = {"concepts": given["concept_target"].float()} if "concept_target" in given else {}
    captions = Captions(
        given["word_ids"].long(), given["text_mask"] > 0, given["bow"].float(), vectors
    )
    frames = {"frames": given["frames"].float()}
    return captions, Clips(frames, {"frames": given["video_mask"] > 0})


def run(case: Case) -> dict[str, np.ndarray]:
    """Every array of the recording that concerns the model, computed by it in float32."""
    config, batch = config_of(case), batch_of(case)
    model = Model.from_official(case.state, config).eval()
    found: dict[str, torch.Tensor] = {}
    for side in ("text", "video"):  # what enters the mappings
        model.get_submodule(side).register_forward_hook(
            lambda _module, _given, u, side=side: found.update({f"out/{side}_feat_concat": u})
        )
    text, video = model.encode_text(batch[0]), model.encode_video(batch[1])
    scores = model.scores(text, video)
    for side, spaces in (("text", text), ("video", video)):
        names = {"latent": "emb", "concept": "concept"}
        found |= {f"out/{side}_{names[space]}": table for space, table in spaces.items()}
    for space, table in scores.items():
        margin = {"latent": config.margin, "concept": config.concept_margin}[space]
        found |= {f"out/sim_{space}_text_x_video": table, f"out/err_{space}": -table}
        found[f"out/err_{space}_norm"] = (table.min() - table) / (table.max() - table.min())
        for suffix, direction in (("", config.direction), ("_t2v", "t2v"), ("_v2t", "v2t")):
            model.config = replace(config, direction=direction)
            found[f"out/loss_{space}{suffix}"] = model.triplet(table, margin)
    model.config = config
    if config.space == "hybrid":
        found |= {
            f"out/loss_bce_{s}": model.named(e["concept"], batch[0])
            for s, e in (("text", text), ("video", video))
        }
        found["out/err_fused"] = -model.similarity(text, video)
    found["out/loss_total"] = model.loss(*batch)
    found["out/loss_total"].backward()
    found |= case.gradients(model, OFFICIAL)
    return {array: value.detach().numpy() for array, value in found.items()}
