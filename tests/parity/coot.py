"""Recordings of gingsi/coot-videotext: both levels, every term of the loss, its evaluation."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.official.coot import KEYS, Released, config_of, load
from models.parts.attention import sinusoids
from models.parts.batch import Batch, Captions, Clips, Nested
from models.parts.cycles import cycle_errors
from models.parts.losses import hinge_terms
from models.parts.nested import pad_parts
from models.parts.pooling import masked_mean
from models.parts.words import SPECIAL
from tests.parity.cases import Case
from tests.parity.ranking import intervals, nearest

CUTOFFS = (1, 5, 10, 50)


def skipped(_array: str) -> str | None:
    """Every array is compared, the evaluator's too."""
    return None


def prefixes(_model: Released) -> Mapping[str, str]:
    """Beginnings of the official names -> of ours."""
    return KEYS


class Recorded(Released):
    """Cycles that start where the recorded ones do."""

    def draw(self, start: str, _mask: Tensor) -> Tensor:
        """The recorded part of each row."""
        return self.picks[start]


def build(case: Case) -> tuple[Released, Batch]:
    """A word per recorded token; the recorded clips and sentences as parts of their wholes."""
    i = case.inputs
    model = load(case.state, config_of(case.state, case.config)[0])
    model.__class__ = Recorded
    model.picks = {start: i[f"cycle_pick_{start}"].long() for start in ("clip", "sent")}
    table = [i[name].float().flatten(0, 1) for name in ("par_feat", "sent_feat")]
    rows = torch.cat([torch.zeros(SPECIAL, model.config.word_dim), *table])
    model.words = nn.Embedding.from_pretrained(rows)  # which are no weights of the release
    whole = SPECIAL + torch.arange(len(table[0])).view(i["par_feat"].shape[:2])
    parts = SPECIAL + len(table[0]) + torch.arange(len(table[1])).view(i["sent_feat"].shape[:2])
    captions = Captions(whole, ~i["par_feat_mask"])
    captions.sentences = nested(Captions(parts, ~i["sent_feat_mask"]), i["sent_num"])
    clips, segments = (
        Clips({"frames": i[f"{name}_feat"].float()}, {"frames": ~i[f"{name}_feat_mask"]})
        for name in ("vid", "clip")
    )
    clips.segments = nested(segments, i["clip_num"])
    return model, Batch(captions, clips)


def nested(items: Any, count: Tensor) -> Nested:
    """Parts, so many of each whole."""
    owner = torch.arange(len(count)).repeat_interleave(count)
    return Nested(items, owner, torch.zeros(len(owner), 2))


def outputs(model: Recorded, batch: Batch, case: Case) -> dict[str, Any]:
    """Embeddings of both levels, cosines, all terms of the loss, ranks."""
    text = model.read("text", batch.captions, batch.captions.sentences)
    video = model.read("video", batch.clips, batch.clips.segments)
    levels = {"high": "whole", "low": "parts", "context": "context"}
    pairs = {name: (getattr(text, x), getattr(video, x)) for name, x in levels.items()}
    arrays = {f"out/loss_{name}": model.ranking(*pair) for name, pair in pairs.items()}
    arrays |= {f"out/loss_{name}_cluster": model.within(*pair) for name, pair in pairs.items()}
    terms = ("high", "low", "context", "high_cluster", "low_cluster")
    arrays["out/loss_contrastive"] = sum(arrays[f"out/loss_{name}"] for name in terms)
    arrays["out/loss_cycle"] = model.config.cycle_weight * model.cycle(text, video)
    arrays["out/loss_total"] = model.loss(batch)
    for side, name, part in ((text, "text", "sent"), (video, "video", "clip")):
        arrays[f"out/{name}_embed"], arrays[f"out/{part}_embed"] = side.whole, side.parts
        arrays[f"out/{name}_context"] = side.context
    s, c = (pad_parts(x.parts, x.owner, len(x.whole)) for x in (text, video))
    for part, pair in (("clip", (*c, *s)), ("sent", (*s, *c))):
        errors = cycle_errors(*pair)
        arrays[f"out/cycle_pos_{part}"] = errors
        arrays[f"out/cycle_full_{part}"] = masked_mean(errors[..., None], pair[1]).mean()
    scores = {name: model.similarity(*pair) for name, pair in pairs.items()}
    arrays["out/sim_vt"], arrays["out/sim_clip_sent"] = scores["high"].mT, scores["low"].mT
    by_caption, by_video = hinge_terms(scores["high"], model.config.margin)
    arrays["out/alt_loss_high_nonorm"] = by_caption.sum() + by_video.sum()
    hardest = by_caption.amax(1).sum() + by_video.amax(0).sum()
    arrays["out/alt_loss_high_max"] = hardest / by_caption.numel()
    expected = case.expected
    for name, table in (("video", scores["high"]), ("clip", scores["low"])):
        for way, ends in intervals(table).items():
            array = f"out/{name}_{way}_metrics"
            if array in expected:
                arrays[array] = nearest(expected[array], *(metrics(ranks) for ranks in ends))
    if "out/positional_encoding" in expected:
        shape = expected["out/positional_encoding"].shape
        arrays["out/positional_encoding"] = sinusoids(*shape, paired=False)
    return {name: array for name, array in arrays.items() if name in expected}


def metrics(ranks: np.ndarray) -> np.ndarray:
    """Recalls as shares, the floor of the median rank, the mean rank, from 1."""
    recalls = [np.mean(ranks < cutoff) for cutoff in CUTOFFS]
    return np.array([*recalls, np.floor(np.median(ranks)) + 1, ranks.mean() + 1])
