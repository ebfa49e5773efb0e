"""Recordings of MCG-NJU/CPD-Video: both stages of training."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from models.official._loading import official_names
from models.official.cpd import QKV, Released, config_of, load, prefixes
from models.parts.batch import Batch, Captions, Clips
from models.parts.transformer import split_qkv
from tests.parity.cases import Case

LOSS = "out/loss"


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


class Recorded(Released):
    """The recorded rows of the banks in place of random ones."""

    drawn: Tensor

    def negatives(self, index: Tensor) -> Tensor:
        """Rows (b, k); the recorded ones begin with the pair's own."""
        if not self.drawn[:, 0].equal(index):
            raise ValueError("slct_idx does not begin with idx")
        return self.drawn[:, 1:]


def build(case: Case) -> tuple[Recorded, Batch]:
    """A video is one frame."""
    model = load(case.state, config_of(case.state, case.config)[0])
    model.__class__ = Recorded
    model.drawn = case.inputs["slct_idx"]
    model.text_frozen = not case.config["updbert"]
    words = case.inputs["tokens"]
    frames = case.inputs["video_feat"].float()[:, None]
    clips = Clips({"frames": frames}, {"frames": torch.ones(frames.shape[:2], dtype=torch.bool)})
    return model, Batch(Captions(words, words != 0, index=case.inputs["idx"]), clips)


def official(model: Recorded, case: Case, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the official names, queries, keys and values apart."""
    names = official_names(model, prefixes(model))
    split = split_qkv({key: tensors[name] for key, name in names.items() if name in tensors}, QKV)
    return {key: tensor for key, tensor in split.items() if key in case.state}


def outputs(model: Recorded, batch: Batch, case: Case) -> dict[str, Any]:
    """Both sides, scores, probabilities and terms; then banks and constants after one loss."""
    before = deepcopy(model)
    text, video = before.encode_text(batch.captions), before.encode_video(batch.clips)
    arrays = {"out/text_emb": text, "out/video_emb": video}
    arrays["out/sim"] = before.similarity(text, video)
    arrays["out/loss"] = model.loss(batch)[None]
    for short, name, side, x in (("v", "vis", "video", video), ("t", "text", "text", text)):
        shares = before.probabilities(side, x, before.drawn)
        positive, negative = before.terms(shares)
        arrays[f"out/{name}_out"] = shares[..., None]
        arrays |= {f"out/loss_{short}_pos": positive[None], f"out/loss_{short}_neg": negative[None]}
        arrays[f"out/Z_{short}_after"] = model.get_buffer(f"Z_{side}")
        arrays[f"out/{name}_memory_after"] = model.banks[side].bank
    return {name: value for name, value in arrays.items() if name in case.expected | {LOSS: None}}
