"""Recordings of microsoft/UniVL: joint and align, several clips of a video, five losses."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from models.official._loading import official_names
from models.official.univl import BERT, DECODER, TIED, Released, config_of, load, prefixes
from models.parts.batch import Batch, Captions, Clips
from models.parts.losses import info_nce_terms
from models.parts.pooling import masked_mean
from models.parts.transformer import split_qkv
from models.univl import MASK, mil_nce
from tests.parity.cases import Case

LOSS = "out/loss"
TERMS = {"words": "mlm", "frames": "mfm", "joint": "joint", "caption": "decoder", "align": "align"}


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


class Recorded(Released):
    """Nothing is trimmed; masks and narrations are the recorded ones in place of random ones."""

    recorded: Mapping[str, Tensor]

    def read_words(self, captions: Captions) -> tuple[Tensor, Tensor]:
        """All columns."""
        return captions.words, captions.mask

    def read_frames(self, clips: Clips) -> tuple[Tensor, Tensor]:
        """All columns."""
        return clips.features["frames"], clips.mask["frames"]

    def masked(self, words: Tensor, _mask: Tensor, x_mask: Tensor) -> tuple[Tensor, Tensor]:
        """The words and the frames that are masked."""
        hidden, lost = (self.recorded[name] >= 0 for name in ("token_labels", "video_labels_index"))
        if not words.masked_fill(hidden, MASK).equal(self.recorded["masked_text"]):
            raise ValueError(f"the mask is not word {MASK}")
        return hidden, lost & x_mask

    def narration(self, _words: Tensor, _mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the decoder reads and should write."""
        names = ("input_caption_ids", "decoder_mask", "output_caption_ids")
        read, true, target = (self.recorded[name] for name in names)
        return read, true > 0, target


def build(case: Case) -> tuple[Recorded, Batch]:
    """Clip p of video i is row i * n_pair + p."""
    model = load(case.state, config_of(case.state, case.config)[0])
    model.__class__ = Recorded
    model.recorded = {name: array.flatten(0, 1) for name, array in case.inputs.items()}
    words, frames = model.recorded["input_ids"], model.recorded["video"].float()
    masks = (model.recorded[name] > 0 for name in ("input_mask", "video_mask"))
    video = torch.arange(len(words)) // int(case.config["n_pair"])
    several = case.config["n_pair"] > 1
    captions = Captions(words, next(masks))
    clips = Clips({"frames": frames}, {"frames": next(masks)}, video=video if several else None)
    return model, Batch(captions, clips)


def official(model: Recorded, case: Case, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the official names, queries, keys and values apart."""
    names = official_names(model, prefixes(model))
    own = {key: tensors[name] for key, name in names.items() if name in tensors}
    split = split_qkv(split_qkv(own, BERT), DECODER)
    return {key: tensor for key, tensor in split.items() if key in case.state and key not in TIED}


def outputs(model: Recorded, batch: Batch, case: Case) -> dict[str, Any]:
    """States, means, scores, and every loss."""
    text, video = model.encode_text(batch.captions), model.encode_video(batch.clips)
    joint = model.joint(text, video, unit=not case.config["use_mil"])
    arrays = {
        "out/video_normed": model.feature_norm(batch.clips.features["frames"]),
        "out/sequence_output": text[0],
        "out/visual_output": video[0],
        "out/text_pooled": masked_mean(text[0][:, 1:], text[1][:, 1:]),
        "out/video_pooled": masked_mean(*video),
        "out/sim_joint": joint,
        "out/sim": joint,
        "out/loss": model.loss(batch),
    }
    if case.config["after_cross"] or case.config["stage_two"]:
        c = model.both(text, video)[0]
        arrays |= {"out/cross_output": c, "out/cross_pooled": model.pooler(c[:, 0]).tanh()}
        arrays["out/sim"] = model.align(text, video)
    if case.config["stage_two"]:
        arrays |= {f"out/loss_{TERMS[name]}": term for name, term in model.losses(batch).items()}
        arrays["out/sim_masked"] = masked_scores(model, batch)
    sim, of = arrays["out/sim"], batch.clips.video
    arrays["out/alt_mm_plain"] = model.margin_loss(sim)
    arrays["out/alt_mm_weighted"] = model.margin_loss(sim, of)
    arrays["out/alt_milnce"] = mil_nce(sim, torch.arange(len(sim)) if of is None else of)
    arrays["out/alt_crossen"] = info_nce_terms(sim)[0].mean()
    return {name: value for name, value in arrays.items() if name in case.expected | {LOSS: None}}


def masked_scores(model: Recorded, batch: Batch) -> Tensor:
    """Of the cross-encoder, all texts and clips masked."""
    words, video = model.recorded["masked_text"], model.recorded["masked_video"].float()
    masks = batch.captions.mask, batch.clips.mask["frames"]
    text = model.encode_text(Captions(words, masks[0]))
    return model.align(text, model.encode_video(Clips({"frames": video}, {"frames": masks[1]})))
