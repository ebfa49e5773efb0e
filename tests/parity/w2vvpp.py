"""Recordings of li-xirong/w2vvpp, its branches for the ablation included."""

from collections.abc import Mapping

import torch
from torch import Tensor

from models.official._loading import load_renamed
from models.official.w2vvpp import KEYS, Released, config_of
from models.parts.batch import Batch, Captions, Clips
from tests.parity.cases import Case
from tests.parity.dual_encoding import keep_input, skipped
from tests.parity.triplets import DIRECTION, triplet

__all__ = ["build", "outputs", "prefixes", "skipped"]

ENCODERS = {  # by the variant's name
    "bow": ("bow",),
    "bow_w2v": ("w2v", "bow"),
    "bow_w2v_gru": ("gru", "w2v", "bow"),
}


def prefixes(_model: Released) -> Mapping[str, str]:
    """Beginnings of the official names -> of ours."""
    return KEYS


def build(case: Case) -> tuple[Released, Batch]:
    """Which encoders there are is the variant's name."""
    encoders = ENCODERS[case.name.split(".")[0]]
    config, data = config_of(case.state, {**case.config, "encoders": encoders})
    return load_renamed(Released(config, data), case.state, KEYS), batch_of(case)


def batch_of(case: Case) -> Batch:
    """A video is one vector: one frame."""
    inputs = case.inputs
    words = inputs["word_ids"].long()
    mask = torch.arange(words.shape[1]) < inputs["text_lengths"][:, None]
    vectors = {name: inputs[name].float() for name in ("w2v", "bert") if name in inputs}
    frames = inputs["video"].float()[:, None]
    clips = Clips({"frames": frames}, {"frames": torch.ones(frames.shape[:2], dtype=torch.bool)})
    return Batch(Captions(words, mask, inputs["bow"].float(), vectors), clips)


def outputs(model: Released, batch: Batch, case: Case) -> dict[str, Tensor]:
    """Embeddings, scores and the loss in every form the released code has."""
    arrays: dict[str, Tensor] = {}
    keep_input(arrays, "out/text_feat_concat", model.text_space)
    text, video = model.encode_text(batch.captions), model.encode_video(batch.clips)
    scores, margin = model.similarity(text, video), model.config.margin
    direction, reduction = DIRECTION[case.config["direction"]], str(case.config["cost_style"])
    total = model.loss(batch)
    if (direction, reduction) != ("t2v", "sum"):  # not the paper's
        hardest = model.config.hardest
        total = triplet(scores, margin, direction, hardest=hardest, reduction=reduction)
    return arrays | {
        "out/text_emb": text,
        "out/video_emb": video,
        "out/sim_text_x_video": scores,
        "out/loss_total": total,
        "out/loss_t2v": triplet(scores, margin, "t2v"),
        "out/loss_v2t": triplet(scores, margin, "v2t"),
        "out/loss_bidir": triplet(scores, margin),
        "out/loss_t2v_mean": triplet(scores, margin, "t2v", reduction="mean"),
        "out/loss_t2v_allneg_sum": triplet(scores, margin, "t2v", hardest=False),
    }
