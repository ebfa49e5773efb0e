"""Recordings of yalesong/pvse, from pooled frame features on."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from models.official.pvse import KEYS, config_of, load
from models.parts.batch import Batch, Captions, Clips
from models.pvse import PVSE, PolysemousEncoder, diversity
from tests.parity.cases import Case
from tests.parity.ranking import evaluated
from tests.parity.triplets import triplet


def skipped(_array: str) -> str | None:
    """Every array is compared, the evaluator's too."""
    return None


def prefixes(_model: PVSE) -> Mapping[str, str]:
    """Beginnings of the official names -> of ours."""
    return KEYS


def build(case: Case) -> tuple[PVSE, Batch]:
    """The loader repeats the last frame of a short clip: every frame is there."""
    config, _ = config_of(case.state, case.config)
    words, frames = case.inputs["words"].long(), case.inputs["frames"].float()
    mask = torch.arange(words.shape[1]) < case.inputs["lengths"][:, None]
    present = torch.ones(frames.shape[:2], dtype=torch.bool)
    batch = Batch(Captions(words, mask), Clips({"frames": frames}, {"frames": present}))
    return load(case.state, config), batch


def outputs(model: PVSE, batch: Batch, case: Case) -> dict[str, Any]:
    """Attention, residuals, vectors, scores, every loss, and the evaluation of the scores."""
    config, arrays = model.config, {}
    if config.attention:
        for side, steps in (
            ("text", batch.captions.words.shape[1]),
            ("video", batch.clips.features["frames"].shape[1]),
        ):
            keep_attention(getattr(model, side), arrays, f"out/{side}_attn", steps)
    text, r_text = model.read_text(batch.captions)
    video, r_video = model.read_video(batch.clips)
    arrays |= {"out/text_embed": text, "out/video_embed": video}
    if r_text is not None:
        arrays |= {"out/text_residual": r_text, "out/video_residual": r_video}
        arrays["out/loss_diversity"] = diversity(r_text) + diversity(r_video)
        arrays["out/loss_mmd"] = model.discrepancy(text.flatten(0, 1), video.flatten(0, 1))
    scores, total = model.similarity(text, video), model.loss(batch)
    ranking = model.ranking(scores)
    every = triplet(scores, config.margin, hardest=False, reduction="mean")
    arrays |= {
        "out/sim_vt": scores.mT,
        "out/loss_ranking": ranking,
        "out/loss_total": total,
        "out/alt_loss_ranking_allneg": every,
        "out/alt_loss_total_allneg": total - ranking + every,
        "out/alt_loss_ranking_sum": triplet(scores, config.margin),
    }
    squeezed = {name: without_heads(name, x, config.heads) for name, x in arrays.items()}
    return squeezed | evaluated(case.expected, scores)


def without_heads(array: str, x: Tensor, heads: int) -> Tensor:
    """One vector per side has no axis of heads in the released code."""
    return x.squeeze(1) if heads == 1 and array.endswith(("_embed", "_residual")) else x


def keep_attention(
    side: PolysemousEncoder, arrays: dict[str, Tensor], array: str, steps: int
) -> None:
    """Columns that are padding in every row, which the model does not read, get their zeros."""
    attention = side.attention

    def padded(x: Tensor, mask: Tensor) -> Tensor:
        weights = attention(x, mask)
        arrays[array] = torch.nn.functional.pad(weights, (0, 0, 0, steps - weights.shape[1]))
        return weights

    side.attention = padded
