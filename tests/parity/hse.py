"""Recordings of zbwglory/CMHSE: both levels, every term of the loss, what the decoders give."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from models.official._loading import load_renamed
from models.official.hse import KEYS, Released, config_of, max_scores
from models.parts.batch import Batch, Captions, Clips, Nested
from models.parts.losses import hinge_terms
from models.parts.nested import mean_scores, pad_parts
from tests.parity.cases import Case


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


def prefixes(_model: Released) -> Mapping[str, str]:
    """Beginnings of the official names -> of ours."""
    return KEYS


def build(case: Case) -> tuple[Released, Batch]:
    """The recorded clips and sentences as parts of the recorded videos and paragraphs."""
    i = case.inputs
    owner = torch.arange(len(i["num_clips"])).repeat_interleave(i["num_clips"])
    span = torch.zeros(len(owner), 2)
    captions, sentences = (
        Captions(i[ids].long(), until(i[lengths], i[ids]))
        for ids, lengths in (("paragraphs", "par_lengths"), ("sentences", "sent_lengths"))
    )
    clips, segments = (
        Clips({"frames": i[x].float()}, {"frames": until(i[lengths], i[x])})
        for x, lengths in (("videos", "video_lengths"), ("clips", "clip_lengths"))
    )
    captions.sentences, clips.segments = (
        Nested(sentences, owner, span),
        Nested(segments, owner, span),
    )
    model = load_renamed(Released(*config_of(case.state, case.config)), case.state, KEYS)
    return model, Batch(captions, clips)


def until(length: Tensor, x: Tensor) -> Tensor:
    """(b, steps) True for the first `length` steps of each row."""
    return torch.arange(x.shape[1]) < length[:, None]


def outputs(model: Released, batch: Batch, case: Case) -> dict[str, Any]:
    """Embeddings of both levels, their cosines and all terms, unweighted."""
    text, video = model.read_text(batch.captions), model.read_video(batch.clips)
    wholes = len(text.whole)
    tables = {
        "video_par": model.similarity(text.whole, video.whole),
        "context": model.similarity(text.context, video.context),
        "clip_sent": model.similarity(text.parts.embedding, video.parts.embedding),
        "video_video": model.similarity(video.whole, video.whole),
        "par_par": model.similarity(text.whole, text.whole),
        "clip_clip": model.similarity(video.parts.embedding, video.parts.embedding),
        "sent_sent": model.similarity(text.parts.embedding, text.parts.embedding),
    }
    owners = (text.parts.owner, video.parts.owner)
    tables["clip_sent_weak"] = mean_scores(tables["clip_sent"], *owners, wholes)
    largest = max_scores(tables["clip_sent"], *owners, wholes)
    arrays = {f"out/loss_{name}": model.ranking(table) for name, table in tables.items()}
    arrays |= {
        "out/video_embed": video.whole,
        "out/text_embed": text.whole,
        "out/clip_embed": video.parts.embedding,
        "out/sent_embed": text.parts.embedding,
        "out/video_context": video.context,
        "out/text_context": text.context,
        "out/sim_vt": tables["video_par"].mT,
        "out/sim_context": tables["context"].mT,
        "out/sim_clip_sent": tables["clip_sent"].mT,
        "out/loss_total": model.loss(batch),
        "out/alt_loss_video_par_sum": hinges(model, tables["video_par"]) * wholes**2,
        "out/alt_loss_video_par_max": hinges(model, tables["video_par"], hardest=True),
        "out/alt_loss_weak_mean": hinges(model, tables["clip_sent_weak"]),
        "out/alt_loss_weak_max": hinges(model, largest, hardest=True),
    }
    for name, side, encoder in (("video", video, model.video), ("text", text, model.text)):
        padded, mask = pad_parts(side.parts.embedding, side.parts.owner, wholes)
        arrays[f"out/alt_{name}_embed_nocontext"] = encoder.embed("whole", padded, mask)
    if model.config.reconstruct_parts:
        names = {"clip": ("clip", "frame"), "sent": ("sent", "word")}
        arrays |= decoded(model, model.video, video, *names["clip"])
        arrays |= decoded(model, model.text, text, *names["sent"])
    return {name: array for name, array in arrays.items() if name in case.expected}


def decoded(model: Released, decoder: Any, side: Any, part: str, step: str) -> dict[str, Tensor]:
    """What one side's decoders give and how far it is from its targets."""
    parts = decoder.decode_parts(side.whole, side.parts.owner)
    arrays = {
        f"out/recon_{part}": parts,
        f"out/loss_recon_{part}": model.distance(parts, side.parts.embedding),
    }
    if model.config.reconstruct_steps:
        steps = decoder.decode_steps(parts, side.parts.mask)
        targets = side.parts.x[side.parts.mask]
        arrays[f"out/recon_{step}"] = steps
        arrays[f"out/loss_recon_{step}"] = model.distance(steps, targets)
    return arrays


def hinges(model: Released, scores: Tensor, *, hardest: bool = False) -> Tensor:
    """A ranking loss over all n * n pairs, whatever the options of the recording."""
    by_caption, by_video = hinge_terms(scores, model.config.margin)
    if hardest:
        by_caption, by_video = by_caption.amax(1), by_video.amax(0)
    return (by_caption.sum() + by_video.sum()) / scores.numel()
