"""Recordings of danieljf24/hybrid_space, as our inputs and outputs."""

from collections.abc import Mapping

from torch import Tensor

from models.official.dual_encoding_hybrid import KEYS, Released, config_of, load
from models.parts.batch import Batch, Captions, Clips
from tests.parity.cases import Case
from tests.parity.dual_encoding import keep_output, skipped
from tests.parity.triplets import triplet

__all__ = ["build", "outputs", "prefixes", "skipped"]


def prefixes(_model: Released) -> Mapping[str, str]:
    """Beginnings of the official names -> of ours."""
    return KEYS


def build(case: Case) -> tuple[Released, Batch]:
    """The concepts of the captions' videos are given."""
    config, _ = config_of(case.state, case.config)
    inputs = case.inputs
    vectors = {"concepts": inputs["concept_target"].float()} if "concept_target" in inputs else {}
    captions = Captions(
        inputs["word_ids"].long(), inputs["text_mask"] > 0, inputs["bow"].float(), vectors
    )
    clips = Clips({"frames": inputs["frames"].float()}, {"frames": inputs["video_mask"] > 0})
    return load(case.state, config), Batch(captions, clips)


def outputs(model: Released, batch: Batch, case: Case) -> dict[str, Tensor]:
    """Both sides, scores and losses of each space, and the fused scores."""
    config, captions = model.config, batch.captions
    arrays: dict[str, Tensor] = {}
    for side in ("text", "video"):
        keep_output(arrays, f"out/{side}_feat_concat", model.get_submodule(side))
    text, video = model.encode_text(captions), model.encode_video(batch.clips)
    scores = model.scores(text, video)
    for side, spaces in (("text", text), ("video", video)):
        names = {"latent": "emb", "concept": "concept"}
        arrays |= {f"out/{side}_{names[space]}": rows for space, rows in spaces.items()}
    for space, table in scores.items():
        margin = {"latent": config.margin, "concept": config.concept_margin}[space]
        arrays |= {f"out/sim_{space}_text_x_video": table, f"out/err_{space}": -table}
        arrays[f"out/err_{space}_norm"] = (table.min() - table) / (table.max() - table.min())
        arrays[f"out/loss_{space}"] = model.triplet(table, margin)
        arrays[f"out/loss_{space}_t2v"] = triplet(table, margin, "t2v")
        arrays[f"out/loss_{space}_v2t"] = triplet(table, margin, "v2t")
    if config.space == "hybrid":
        for side, spaces in (("text", text), ("video", video)):
            arrays[f"out/loss_bce_{side}"] = model.tagging(spaces["concept"], captions)
        arrays["out/err_fused"] = -model.similarity(text, video)
    else:
        arrays["out/sim_text_x_video"] = model.similarity(text, video)
    return arrays | {"out/loss_total": model.loss(batch)}
