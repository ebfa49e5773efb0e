"""Recordings of li-xirong/w2vvpp, its branches for the ablation included."""

from dataclasses import replace

import numpy as np
import torch

from models.parts.batch import Captions, Clips
from models.w2vvpp import OFFICIAL, Config, Model
from tests.parity.cases import Case

ENCODERS = {
    "bow": ("bow",),
    "bow_w2v": ("w2v", "bow"),
    "bow_w2v_gru": ("gru", "w2v", "bow"),
}
LOSSES = {  # array -> what differs from the recorded configuration
    "out/loss_total": {},
    "out/loss_t2v": {"direction": "t2v"},
    "out/loss_v2t": {"direction": "v2t"},
    "out/loss_bidir": {"direction": "both"},
    "out/loss_t2v_mean": {"direction": "t2v", "reduction": "mean"},
    "out/loss_t2v_allneg_sum": {"direction": "t2v", "hardest": False},
}
DIRECTION = {"all": "both", "t2i": "t2v", "i2t": "v2t"}


def skipped(array: str) -> str | None:
    """Why an array is no concern of the model; None where it is."""
    if array.startswith("out/eval_"):
        return "the evaluator's arithmetic on given embeddings: kb.retrieval's, not the model's"
    return None


def config_of(case: Case) -> Config:
    """The recorded options; which encoders there are is the variant's name."""
    c, given = case.config, case.inputs
    if c["activation"] != "tanh" or c["batch_norm"] or c["pooling"] != "mean":
        raise ValueError("activation, batch_norm and pooling are not the paper's")
    return Config(
        vocabulary=int(c["rnn_vocab_size"]),
        bow_size=given["bow"].shape[1],
        frame_dim=given["video"].shape[1],
        encoders=ENCODERS[case.name.split(".")[0]],
        word_dim=int(c["we_dim"]),
        w2v_dim=given["w2v"].shape[1],
        text_rnn=int(c["rnn_size"]),
        common=int(c["common_dim"]),
        margin=float(c["margin"]),
        hardest=bool(c["max_violation"]),
        direction=DIRECTION[c["direction"]],
        reduction=str(c["cost_style"]),
    )


def batch_of(case: Case) -> tuple[Captions, Clips]:
    """A video is one vector: one frame."""
    given = case.inputs
    words = given["word_ids"].long()
    mask = torch.arange(words.shape[1]) < given["text_lengths"][:, None]
    vectors = {name: given[name].float() for name in ("w2v", "bert") if name in given}
    frames = given["video"].float()[:, None]
    return (
        Captions(words, mask, given["bow"].float(), vectors),
        Clips({"frames": frames}, {"frames": torch.ones(frames.shape[:2], dtype=torch.bool)}),
    )


def run(case: Case) -> dict[str, np.ndarray]:
    """Every array of the recording that concerns the model, computed by it in float32."""
    config, batch = config_of(case), batch_of(case)
    model = Model.from_official(case.state, config).eval()
    found: dict[str, torch.Tensor] = {}
    model.text_space.register_forward_pre_hook(
        lambda _, given: found.update({"out/text_feat_concat": given[0]})
    )
    text, video = model.encode_text(batch[0]), model.encode_video(batch[1])
    found |= {"out/text_emb": text, "out/video_emb": video}
    found["out/sim_text_x_video"] = model.similarity(text, video)
    for array, change in LOSSES.items():
        model.config = replace(config, **change)
        found[array] = model.loss(*batch)
    found["out/loss_total"].backward()
    found |= case.gradients(model, OFFICIAL)
    return {array: value.detach().numpy() for array, value in found.items()}
