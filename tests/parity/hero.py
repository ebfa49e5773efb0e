"""Recordings of linjieli222/HERO: with subtitles, frames alone, moments within videos."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from models.hero import KIND
from models.official._loading import official_names
from models.official.hero import Released, config_of, load, prefixes
from models.parts.batch import Batch, Captions, Clips
from models.parts.subtitles import Segments
from models.parts.transformer import split_qkv
from tests.parity.cases import Case

LOSS = "out/loss"


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


class Recorded(Released):
    """Nothing is trimmed, segments are the recorded ones, a moment's loss joins where there is one."""

    recorded: Mapping[str, Tensor]

    def query_words(self, captions: Captions) -> tuple[Tensor, Tensor]:
        """All columns: recorded captions have no end."""
        return captions.words, captions.mask

    def segments(self, _clips: Clips, _mask: Tensor) -> Segments:
        """Numbered within each video, frames within each segment; -1 is none."""
        words = self.recorded["f_sub_input_ids"]
        counts = self.recorded["num_subs"]
        first = counts.cumsum(0) - counts
        frames = torch.zeros(len(words), self.recorded["f_v_feats"].shape[1], dtype=torch.long)
        mask = torch.zeros_like(frames, dtype=torch.bool)
        for video, line, frame in self.recorded["sub_frames"].tolist():
            if frame >= 0:
                segment = int(first[video]) + line
                place = int(mask[segment].sum())
                frames[segment, place], mask[segment, place] = frame, True
        row = torch.arange(len(counts)).repeat_interleave(counts)
        return Segments(row, frames, mask, words, self.recorded["f_sub_input_attn_masks"] > 0)

    def every_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Both directions, and moments where they are trained."""
        text, video = self.encode_text(batch.captions), self.encode_video(batch.clips)
        by_caption, by_video = self.losses(self.similarity(text, video), batch.owners)
        losses = {"loss_neg_ctx": by_caption, "loss_neg_q": by_video}
        targets = self.recorded["targets"]
        if (targets >= 0).any():
            losses["loss_st_ed"] = self.moment_loss(text, video, batch.owners, targets)
        return losses

    def loss(self, batch: Batch) -> Tensor:
        """Their sum."""
        return sum(self.every_loss(batch).values())


def build(case: Case) -> tuple[Recorded, Batch]:
    """All words and frames as recorded."""
    model = load(case.state, config_of(case.state, case.config)[0])
    model.__class__ = Recorded
    model.recorded = case.inputs
    inputs = case.inputs
    model.config = replace(model.config, max_frames=inputs["c_v_feats"].shape[1])
    captions = Captions(inputs["query_input_ids"], inputs["query_attn_masks"] > 0)
    features, mask = inputs["c_v_feats"].float(), inputs["c_attn_masks"] > 0
    clips = Clips({"frames": features}, {"frames": mask})
    return model, Batch(captions, clips, owner=inputs["q_vidx"])


def official(model: Recorded, case: Case, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the official names, queries, keys and values apart."""
    names = official_names(model, prefixes(model))
    split = split_qkv({key: tensors[name] for key, name in names.items() if name in tensors})
    own = {key: tensor for key, tensor in split.items() if key in case.state}
    return own | {f"{key}@hard": g for key, g in getattr(model, "hard_gradients", {}).items()}


def outputs(model: Recorded, batch: Batch, case: Case) -> dict[str, Any]:
    """States at every step, scores, losses with equal weights and with hard negatives."""
    captions, clips = batch.captions, batch.clips
    text, video = model.encode_text(captions), model.encode_video(clips)
    x = clips.features["frames"]
    parts = model.segments(clips, clips.mask["frames"])
    at = case.inputs["f_gather_index"][..., None].expand(-1, -1, text.shape[1])
    words = captions.words
    arrays = {
        "f_sequence": model.read_segments(x, parts).gather(1, at),
        "frames_before_temporal": model.fuse(x, parts),
        "frame_emb": video[0],
        "query_tokens": model.text(words, captions.mask, torch.full_like(words, KIND)),
        "query_emb": text,
        "sim": model.similarity(text, video),
        "loss": model.loss(batch),
    }
    for name, scores in zip(("start", "end"), model.moments(text, video), strict=True):
        crossed = len(text) != len(video[0])  # else each caption's with its own video alone
        own = torch.arange(len(text)), batch.owners
        arrays[f"{name}_logits"] = scores if crossed else scores[own]
    arrays |= model.every_loss(batch)
    arrays |= with_hard_negatives(model, batch, case)
    named = {f"out/{name}": array for name, array in arrays.items()}
    return {name: array for name, array in named.items() if name in case.expected}


def with_hard_negatives(model: Recorded, batch: Batch, case: Case) -> dict[str, Tensor]:
    """The same losses once hard negatives weigh more; their gradients stay in the model."""
    if not any(name.startswith("out/hard_") for name in case.expected):
        return {}
    model.hard = True
    losses = model.every_loss(batch)
    model.hard = False
    total = sum(losses.values())
    named = dict(model.named_parameters())
    gradients = torch.autograd.grad(total, list(named.values()), allow_unused=True)
    own = {name: g for name, g in zip(named, gradients, strict=True) if g is not None}
    model.hard_gradients = official(model, case, own)
    return {f"hard_{name}": loss for name, loss in losses.items()} | {"hard_loss": total}
