"""Recordings of danieljf24/dual_encoding, as our inputs and outputs."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from models.official.dual_encoding import KEYS, Released, config_of, load
from models.parts.batch import Batch, Captions, Clips
from tests.parity.cases import Case
from tests.parity.triplets import DIRECTION, triplet


def skipped(array: str) -> str | None:
    """Why an array is no concern of the model; None where it is."""
    if array.startswith("out/eval_"):
        return "the evaluator's arithmetic on given embeddings: kb.retrieval's, not the model's"
    return None


def prefixes(_model: Released) -> Mapping[str, str]:
    """Beginnings of the official names -> of ours."""
    return KEYS


def build(case: Case) -> tuple[Released, Batch]:
    """The unclipped frames: clipping is the model's business."""
    config, _ = config_of(case.state, case.config)
    inputs = case.inputs
    frames, counts = inputs["raw_frames"].float(), inputs["raw_frame_counts"]
    present = torch.arange(frames.shape[1]) < counts[:, None]
    captions = Captions(inputs["word_ids"].long(), inputs["text_mask"] > 0, inputs["bow"].float())
    return load(case.state, config), Batch(captions, Clips({"frames": frames}, {"frames": present}))


def outputs(model: Released, batch: Batch, case: Case) -> dict[str, Tensor]:
    """Embeddings, scores and the loss in every form the released code has."""
    arrays: dict[str, Tensor] = {}
    for side in ("text", "video"):
        keep_output(arrays, f"out/{side}_feat_concat", model.get_submodule(side))
    text, video = model.encode_text(batch.captions), model.encode_video(batch.clips)
    scores, margin = model.similarity(text, video), model.config.margin
    arrays |= {"out/text_emb": text, "out/video_emb": video, "out/sim_text_x_video": scores}
    direction = DIRECTION[case.config.get("direction", "all")]
    reduction = str(case.config.get("cost_style", "sum"))
    hardest, total = model.config.hardest, model.loss(batch)
    if (direction, reduction) != ("both", "sum"):  # not the paper's
        total = triplet(scores, margin, direction, hardest=hardest, reduction=reduction)
    return arrays | {
        "out/loss_total": total,
        "out/loss_t2v": triplet(scores, margin, "t2v"),
        "out/loss_v2t": triplet(scores, margin, "v2t"),
        "out/loss_total_mean": triplet(scores, margin, reduction="mean"),
        "out/loss_total_allneg_sum": triplet(scores, margin, hardest=False),
    }


def keep_output(arrays: dict[str, Tensor], array: str, module: nn.Module) -> None:
    """Keep what a module of the model gives under an array's name."""
    module.register_forward_hook(lambda _module, _inputs, y: arrays.update({array: y}))


def keep_input(arrays: dict[str, Tensor], array: str, module: nn.Module) -> None:
    """Keep what a module of the model reads under an array's name."""
    module.register_forward_pre_hook(lambda _module, inputs: arrays.update({array: inputs[0]}))
