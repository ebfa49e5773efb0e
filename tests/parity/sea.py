"""Recordings of li-xirong/sea: the assembly of encoders, and its one-space baseline."""

from dataclasses import replace

import numpy as np

from models.sea import Config, Model, official_prefixes
from tests.parity.cases import Case
from tests.parity.w2vvpp import DIRECTION, batch_of, skipped

__all__ = ["run", "skipped"]

LOSSES = {  # array -> what differs from the recorded configuration; the names mean what they say
    "out/loss_t2v": {"direction": "t2v", "as_released": False},
    "out/loss_v2t": {"direction": "v2t", "as_released": False},
    "out/loss_bidir": {"direction": "both"},
    "out/loss_single_similarity_t2v": {
        "direction": "t2v",
        "losses": "summed",
        "as_released": False,
    },
}


def config_of(case: Case) -> Config:
    """The recorded options."""
    c, given = case.config, case.inputs
    if c["activation"] != "tanh" or c["batch_norm"] or c["pooling"] != "mean":
        raise ValueError("activation, batch_norm and pooling are not the paper's")
    return Config(
        vocabulary=int(c["rnn_vocab_size"]),
        bow_size=given["bow"].shape[1],
        frame_dim=given["video"].shape[1],
        encoders=tuple(c["encoders"]),
        spaces="concat" if c["model"] == "naive" else "multi",
        word_dim=int(c["we_dim"]),
        w2v_dim=given["w2v"].shape[1],
        bert_dim=given["bert"].shape[1],
        text_rnn=int(c["rnn_size"]),
        common=int(c["common_dim"]),
        margin=float(c["margin"]),
        direction=DIRECTION[c["direction"]],
        as_released=True,
    )


def run(case: Case) -> dict[str, np.ndarray]:
    """Every array of the recording that concerns the model, computed by it in float32."""
    config, batch = config_of(case), batch_of(case)
    model = Model.from_official(case.state, config).eval()
    text, video = model.encode_text(batch[0]), model.encode_video(batch[1])
    scores = model.per_space(text, video)
    found = {"out/sim_text_x_video": model.similarity(text, video)}
    model.config = replace(config, direction="t2v", as_released=False)
    for i, s in enumerate(scores):
        found |= {f"out/text_emb_{i}": text[:, i], f"out/video_emb_{i}": video[:, i]}
        found |= {f"out/sim_{i}_text_x_video": s, f"out/loss_t2v_{i}": model.triplet(s)}
    for array, change in LOSSES.items():
        model.config = replace(config, **change)
        found[array] = model.loss(*batch)
    model.config = config
    found["out/loss_total"] = model.loss(*batch)
    found["out/loss_total"].backward()
    found |= case.gradients(model, official_prefixes(config))
    return {array: value.detach().numpy() for array, value in found.items()}
