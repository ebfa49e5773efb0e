"""Recordings of mayu-ot/vsum_dsf: the video's branch, the only one with public code."""

from collections.abc import Mapping

import torch
from torch import Tensor

from models.official.otani_web_image import KEYS, Released, config_of, load
from models.parts.batch import Batch, Captions, Clips
from tests.parity.cases import Case


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


def prefixes(_model: Released) -> Mapping[str, str]:
    """Official names -> ours."""
    return KEYS


def build(case: Case) -> tuple[Released, Batch]:
    """Videos of equally many frames; there are no sentences."""
    config, _ = config_of(case.state, case.config)
    frames = case.inputs["frames"].float()
    words = torch.ones(len(frames), 1, dtype=torch.long)
    clips = Clips({"frames": frames}, {"frames": torch.ones(frames.shape[:2], dtype=torch.bool)})
    return load(case.state, config), Batch(Captions(words, words > 0), clips)


def outputs(model: Released, batch: Batch, case: Case) -> dict[str, Tensor]:
    """The embedding, and what the recorder sent back in place of a loss."""
    x = model.encode_video(batch.clips)
    return {"out/video_embed": x, "out/loss_total": (x * case.inputs["cotangent"]).sum()}
