"""Recordings of danieljf24/dual_encoding, as our inputs and outputs."""

from dataclasses import replace

import numpy as np
import torch

from models.dual_encoding import OFFICIAL, Config, Model, sizes
from models.parts.batch import Captions, Clips
from tests.parity.cases import Case

DIRECTION = {"all": "both", "t2i": "t2v", "i2t": "v2t"}
LOSSES = {  # array -> what differs from the recorded configuration
    "out/loss_total": {},
    "out/loss_t2v": {"direction": "t2v"},
    "out/loss_v2t": {"direction": "v2t"},
    "out/loss_total_mean": {"reduction": "mean"},
    "out/loss_total_allneg_sum": {"hardest": False, "reduction": "sum"},
}


def skipped(array: str) -> str | None:
    """Why an array is no concern of the model; None where it is."""
    if array.startswith("out/eval_"):
        return "the evaluator's arithmetic on given embeddings: kb.retrieval's, not the model's"
    return None


def config_of(case: Case) -> Config:
    """Sizes from the weights; what weights do not tell from the recorded options."""
    official = case.config
    if official.get("measure", "cosine") != "cosine":
        raise ValueError(f"measure {official['measure']!r} is not the paper's cosine")
    return replace(
        sizes(case.state),
        margin=float(official.get("margin", 0.2)),
        max_frames=int(official.get("video_max_len", 64)),
        hardest=bool(official.get("max_violation", True)),
        direction=DIRECTION[official.get("direction", "all")],
        reduction=str(official.get("cost_style", "sum")),
    )


def batch_of(case: Case) -> tuple[Captions, Clips]:
    """The unclipped frames: clipping is the model's business."""
    given = case.inputs
    frames, counts = given["raw_frames"].float(), given["raw_frame_counts"]
    present = torch.arange(frames.shape[1]) < counts[:, None]
    captions = Captions(given["word_ids"].long(), given["text_mask"] > 0, given["bow"].float())
    return captions, Clips({"frames": frames}, {"frames": present})


def run(case: Case) -> dict[str, np.ndarray]:
    """Every array of the recording that concerns the model, computed by it in float32."""
    config, batch = config_of(case), batch_of(case)
    model = Model.from_official(case.state, config).eval()
    found: dict[str, torch.Tensor] = {}
    for side in ("text", "video"):  # what enters the fully connected layer
        space = model.get_submodule(f"{side}_space")
        space.register_forward_pre_hook(_keep(found, f"out/{side}_feat_concat"))
    text, video = model.encode_text(batch[0]), model.encode_video(batch[1])
    found |= {"out/text_emb": text, "out/video_emb": video}
    found["out/sim_text_x_video"] = model.similarity(text, video)
    for array, change in LOSSES.items():
        model.config = replace(config, **change)
        found[array] = model.loss(*batch)
    found["out/loss_total"].backward()
    found |= case.gradients(model, OFFICIAL)
    return {array: value.detach().numpy() for array, value in found.items()}


def _keep(found: dict[str, torch.Tensor], array: str):
    def hook(_module: torch.nn.Module, given: tuple[torch.Tensor]) -> None:
        found[array] = given[0]

    return hook
