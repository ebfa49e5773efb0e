"""Recordings of li-xirong/sea: the assembly of encoders, and its one-space baseline."""

from collections.abc import Mapping

from torch import Tensor

from models.official.sea import Released, config_of, keys, load
from models.parts.batch import Batch
from tests.parity.cases import Case
from tests.parity.triplets import triplet
from tests.parity.w2vvpp import batch_of, skipped

__all__ = ["build", "outputs", "prefixes", "skipped"]


def prefixes(model: Released) -> Mapping[str, str]:
    """Beginnings of the official names -> of ours."""
    return keys(model.config)


def build(case: Case) -> tuple[Released, Batch]:
    """The recorded encoders."""
    config, _ = config_of(case.state, case.config)
    return load(case.state, config), batch_of(case)


def outputs(model: Released, batch: Batch, _case: Case) -> dict[str, Tensor]:
    """Each space, the sum of scores, and the loss in every form the released code has."""
    text, video = model.encode_text(batch.captions), model.encode_video(batch.clips)
    scores, margin = model.per_space(text, video), model.config.margin
    arrays: dict[str, Tensor] = {}
    for i, s in enumerate(scores):
        arrays |= {f"out/text_emb_{i}": text[:, i], f"out/video_emb_{i}": video[:, i]}
        arrays |= {f"out/sim_{i}_text_x_video": s, f"out/loss_{i}": triplet(s, margin, "t2v")}
        arrays[f"out/loss_t2v_{i}"] = arrays[f"out/loss_{i}"]
    total = model.similarity(text, video)
    return arrays | {
        "out/sim_text_x_video": total,
        "out/loss_total": model.loss(batch),
        "out/loss_t2v": sum(triplet(s, margin, "t2v") for s in scores),
        "out/loss_v2t": sum(triplet(s, margin, "v2t") for s in scores),
        "out/loss_bidir": sum(triplet(s, margin) for s in scores),
        "out/loss_single_similarity_t2v": triplet(total, margin, "t2v"),
    }
