"""Recordings of ArrowLuo/CLIP4Clip: its four heads, and patches over three frames."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import normalize

from models.official._loading import official_names
from models.official.clip4clip import Released, config_of, keys, load, released_layout
from models.parts.batch import Batch, Captions, Clips, Tokens
from models.parts.losses import info_nce_terms
from models.parts.pooling import masked_mean
from tests.parity.cases import Case

LOSS = "out/loss"
INPUTS = ("text_feat", "frame_feat")  # of a head; their gradients are recorded


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


def build(case: Case) -> tuple[Released, Batch]:
    """Frames were normalised before the recording, and their padding is read like frames."""
    model = load(case.state, config_of(case.state, case.config)[0])
    video = case.inputs["video"].float().flatten(1, 3)  # (videos, frames, 3, height, width)
    mask = case.inputs["video_mask"].flatten(0, 1) > 0
    model.frames = lambda _clips: (video, mask)
    ids, words = (case.inputs[name].flatten(0, 1) for name in ("input_ids", "attention_mask"))
    pieces = Tokens(ids.long(), words > 0)
    model.heads_inputs = {}
    return model, Batch(Captions(pieces.ids, pieces.mask, pieces=pieces), Clips())


def encode(model: Released, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Captions and frames as the head reads them, padded frames too, and the mask."""
    pixels, mask = model.frames(batch.clips)
    text = model.text(batch.captions.words, batch.captions.mask)[:, None]  # pairs of one caption
    return text, model.video(pixels, torch.ones_like(mask)), mask


def outputs(model: Released, batch: Batch, case: Case) -> dict[str, Tensor]:
    """What the head reads and gives, scores and losses."""
    t, f, mask = encode(model, batch)
    for name, x in zip(INPUTS, (t, f), strict=True):
        x.retain_grad()
        model.heads_inputs[name] = x
    arrays, t = {"out/text_feat": t, "out/frame_feat": f}, t[:, 0]
    if model.config.head == "tightTransf":
        scores = model.similarity(t, (f, mask))
    else:
        g = normalize(model.temporal(f, mask), dim=2)
        v, t = normalize(masked_mean(g, mask), dim=1), normalize(t, dim=1)
        arrays |= {"out/frame_after_head_normed": g, "out/video_emb": v, "out/text_emb": t}
        scores = model.similarity(t, v)
    t2v, v2t = (terms.mean() for terms in info_nce_terms(scores))
    arrays |= {"out/sim": scores, "out/loss_t2v": t2v, "out/loss_v2t": v2t}
    return {n: a for n, a in arrays.items() if n in case.expected} | {LOSS: (t2v + v2t) / 2}


def official(model: Released, case: Case, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the official names, and gradients of what the head reads."""
    names = official_names(model, keys(model.config))
    renamed = {key: tensors[name] for key, name in names.items() if name in tensors}
    grads = {f"@{name}": x.grad for name, x in model.heads_inputs.items() if x.grad is not None}
    return released_layout({k: x for k, x in renamed.items() if k in case.state}) | grads
