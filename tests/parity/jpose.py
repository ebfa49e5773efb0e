"""Recordings of mwray/Joint-Part-of-Speech-Embeddings: both combinations, and the baseline MMEN."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from kb.retrieval.graded import as_wray
from models.jpose import ACTION, CAPTION, PAIRS, Spaces
from models.official.jpose import Released, config_of, keys, load
from models.parts.batch import TAGS, Batch, Captions, Clips
from models.parts.words import SPECIAL
from tests.parity.cases import Case

TAG = {"verb": "VERB", "noun": "NOUN", CAPTION: "X"}


def skipped(_array: str) -> str | None:
    """Every array is compared, the evaluator's too."""
    return None


class Recorded(Released):
    """The loss over the recorded triplets, which the release draws from the training set."""

    def triplets_of(self, case: Case) -> None:
        """Rows of anchors, positives and negatives, one row per triplet, of each term."""
        self.triplets = {}
        for space in [*self.text, ACTION] if len(self.text) > 1 else [ACTION]:
            home = f"trip_{space}_" if len(self.text) > 1 else "trip_"
            for pair in PAIRS:
                pos, neg = (case.inputs[f"{home}{pair}_{end}"] for end in ("pos", "neg"))
                anchor = torch.arange(len(pos)).repeat_interleave(pos.shape[1])
                self.triplets[space, pair] = (anchor, pos.flatten(), neg.flatten())

    def embedded(self, batch: Batch) -> dict[tuple[str, str], list[Tensor]]:
        """Anchors, positives and negatives of each term, each passed through the model apart."""
        parts = {"t": self.text_parts(batch.captions), "v": self.video_parts(batch.clips)}
        return {
            (space, pair): [
                self.of_rows(parts[side], rows, space)
                for side, rows in zip((pair[0], pair[1], pair[1]), triplet, strict=True)
            ]
            for (space, pair), triplet in self.triplets.items()
        }

    def of_rows(self, parts: Spaces, rows: Tensor, space: str) -> Tensor:
        """Embeddings of these rows; only those of actions pass through the combination."""
        chosen = {part: x[rows] for part, x in parts.items()}
        return self.training_spaces(chosen)[ACTION] if space == ACTION else chosen[space]

    def recorded_terms(self, batch: Batch) -> dict[tuple[str, str], Tensor]:
        """Weighted losses."""
        losses = {}
        for (space, pair), (a, p, n) in self.embedded(batch).items():
            apart = ((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1)
            hinge = (self.config.margin + apart).clamp(min=0)
            losses[space, pair] = self.weight(space, pair) * hinge.mean()
        return losses

    def loss(self, batch: Batch) -> Tensor:
        """Their sum."""
        return sum(self.recorded_terms(batch).values())


def prefixes(model: Released) -> Mapping[str, str]:
    """Beginnings of the official names -> of ours."""
    return keys(model.config)


def build(case: Case) -> tuple[Released, Batch]:
    """A word per part of a caption, whose vector is the recorded mean; a video is one frame."""
    model = load(case.state, config_of(case.state, case.config)[0])
    model.__class__ = Recorded
    model.triplets_of(case)
    parts = list(model.text)
    rows = [case.inputs["text" if p == CAPTION else f"text_{p}"].float() for p in parts]
    count = len(rows[0])
    special = torch.zeros(SPECIAL, rows[0].shape[1])
    model.words = nn.Embedding.from_pretrained(torch.cat([special, *rows]))
    words = SPECIAL + torch.arange(len(parts) * count).view(len(parts), count).T
    tags = torch.tensor([TAGS.index(TAG[part]) for part in parts]).expand(count, -1)
    captions = Captions(words, torch.ones_like(words, dtype=torch.bool), tags=tags)
    video = case.inputs["video"].float()[:, None]
    mask = torch.ones(video.shape[:2], dtype=torch.bool)
    return model, Batch(captions, Clips({"frames": video}, {"frames": mask}))


def outputs(model: Recorded, batch: Batch, case: Case) -> dict[str, Any]:
    """Every space of both sides, scores, their evaluation, every term of the loss."""
    text = model.spaces(model.text_parts(batch.captions))
    video = model.spaces(model.video_parts(batch.clips))
    arrays = {}
    for space in text:
        scores = model.similarity(text[space], video[space])
        both = as_wray(scores.detach().double().numpy(), gain(case, space))
        sides, name = ("embed", "vt") if len(text) == 1 else (space, space)
        arrays |= {f"out/text_{sides}": text[space], f"out/video_{sides}": video[space]}
        arrays[f"out/sim_{name}"] = scores.mT
        for metric in ("nDCG", "mAP"):
            arrays[f"out/{metric.lower()}_{name}"] = [both[w][metric] for w in ("v2t", "t2v")]
    for (space, pair), (a, p, n) in model.embedded(batch).items():
        if pair == "tv":
            arrays |= {f"out/anchor_{space}_tv": a, f"out/positive_{space}_tv": p}
            arrays[f"out/negative_{space}_tv"] = n
    for (space, pair), term in model.recorded_terms(batch).items():
        arrays[f"out/loss_{pair}" if len(text) == 1 else f"out/loss_{space}_{pair}"] = term
    arrays["out/loss_total"] = model.loss(batch)
    return {name: array for name, array in arrays.items() if name in case.expected}


def gain(case: Case, space: str) -> Any:
    """(captions, videos): the same class in the space of a part; in that of actions, how much."""
    if space == ACTION:
        return case.inputs["relevance_action"].double().numpy().T
    text, video = (case.inputs[f"{space}_class_{side}"] for side in ("text", "video"))
    return (text[:, None] == video).double().numpy()
