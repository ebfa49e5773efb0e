"""Recordings of hazeld/action-modifiers: its attention and its average, losses, scores, metrics."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.action_modifiers import ActionAttention, Text, distance
from models.official._loading import load_renamed
from models.official.action_modifiers import KEYS, Released, config_of
from models.parts.batch import Batch, Captions, Clips
from tests.parity.cases import Case

EXCLUDED = -1e10  # score of a pair that is not in question


def skipped(_array: str) -> str | None:
    """Every array is compared, the evaluator's too."""
    return None


class Recorded(Released):
    """The loss against the recorded negatives."""

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Both losses and what they compare."""
        c = batch.captions.classes
        seconds = self.encode_video(batch.clips)
        f = of_pairs(self.video(self.vectors(c["verb"]), *seconds))
        texts = {
            name: self.encode_text(text(verb, adverb)).modified
            for name, verb, adverb in (
                ("pos", c["verb"], c["adverb"]),
                ("neg_action", self.neg_action, c["adverb"]),
                ("neg_adverb", c["verb"], c["antonym"]),
            )
        }
        d = {name: distance(f, o) for name, o in texts.items()}
        arrays = {"out/video_embed": f} | {f"out/text_{name}": o for name, o in texts.items()}
        for name in ("action", "adverb"):
            hinge = d["pos"] - d[f"neg_{name}"] + self.config.margin
            arrays[f"out/loss_{name}"] = hinge.clamp(min=0).mean()
        return arrays

    def loss(self, batch: Batch) -> Tensor:
        """Their sum."""
        arrays = self.losses(batch)
        return arrays["out/loss_action"] + arrays["out/loss_adverb"]


def of_pairs(table: Tensor) -> Tensor:
    """(b, ...) entries (i, i) of a table (b, b, ...)."""
    row = torch.arange(len(table))
    return table[row, row]


def text(verb: Tensor, adverb: Tensor, antonym: Tensor | None = None) -> Captions:
    """Captions of which only the classes count."""
    words = torch.ones(len(verb), 1, dtype=torch.long)
    classes = {"verb": verb, "adverb": adverb} | ({} if antonym is None else {"antonym": antonym})
    return Captions(words, words > 0, classes=classes)


def seconds_of(x: Tensor) -> Clips:
    """Features with a step a second, or one vector as one step."""
    x = x.float() if x.ndim > 2 else x.float()[:, None]
    return Clips({"frames": x}, {"frames": torch.ones(x.shape[:2], dtype=torch.bool)})


def prefixes(_model: Released) -> Mapping[str, str]:
    """Beginnings of the official names -> of ours."""
    return KEYS


def build(case: Case) -> tuple[Released, Batch]:
    """The recorded actions and adverbs are the classes."""
    i = case.inputs
    model = load_renamed(Released(*config_of(case.state, case.config)), case.state, KEYS)
    model.__class__ = Recorded
    model.neg_action = i["neg_action"]
    captions = text(i["action"], i["adverb"], i["neg_adverb"])
    return model, Batch(captions, seconds_of(i["features"]))


def outputs(model: Recorded, batch: Batch, case: Case) -> dict[str, Any]:
    """Embeddings, losses, attention, and the scores and metrics of the test."""
    arrays: dict[str, Any] = model.losses(batch)
    arrays["out/loss_total"] = model.loss(batch)
    if isinstance(model.video, ActionAttention):
        e = model.vectors(batch.captions.classes["verb"])
        weights = model.video.weights(e, *model.encode_video(batch.clips))
        arrays["out/attention"] = of_pairs(weights)[:, :, None]
    arrays |= tested(model, case)
    return {name: array for name, array in arrays.items() if name in case.expected}


def tested(model: Recorded, case: Case) -> dict[str, Any]:
    """The evaluator's: the true action attends to each video."""
    i = case.inputs
    adverb, action = i["pairs"].T
    pairs: Text = model.encode_text(text(action, adverb))
    seconds = model.encode_video(seconds_of(i["test_features"]))
    f = of_pairs(model.video(model.vectors(i["test_action"]), *seconds))
    scores = -distance(f[:, None], pairs.modified)
    of_action = scores.masked_fill(action != i["test_action"][:, None], EXCLUDED)
    true, other = i["test_adverb"], i["antonym"][i["test_adverb"]]
    either = (adverb == true[:, None]) | (adverb == other[:, None])
    of_both = of_action.masked_fill(~either, EXCLUDED)
    adverbs = len(i["antonym"])
    shape = (len(f), adverbs, -1)
    by_adverb, by_both = (x.view(shape).amax(2) for x in (of_action, of_both))
    hit = (by_both.argmax(1) == true).double().mean()
    right = torch.nn.functional.one_hot(true, adverbs)
    by_verb = scores.view(shape).amax(1)
    acted = torch.nn.functional.one_hot(i["test_action"], by_verb.shape[1])
    metrics = [
        hit,
        mean_precision(right, by_adverb),
        mean_precision(right.T, by_both.T),
        mean_precision(right.T, by_adverb.T),
        mean_precision(acted, by_verb),
    ]
    return {
        "out/test_video_embed": f,
        "out/pair_embed": pairs.modified,
        "out/test_scores": scores,
        "out/test_scores_gt_action": of_action,
        "out/test_scores_gt_action_antonym": of_both,
        "out/test_metrics": [float(value) for value in metrics],
        "out/test_p_at_1_antonym": hit,
    }


def mean_precision(right: Tensor, scores: Tensor) -> float:
    """Mean over the rows of average precision; equal scores are one threshold, no hit is zero."""
    values = []
    for hits, row in zip(right.numpy(), scores.detach().double().numpy(), strict=True):
        cuts = np.unique(row)[::-1]
        above = [row >= cut for cut in cuts]
        precision = np.array([hits[mask].mean() for mask in above])
        recall = np.array([0.0, *(hits[mask].sum() / max(hits.sum(), 1) for mask in above)])
        values.append(float((np.diff(recall) * precision).sum()))
    return float(np.mean(values))
