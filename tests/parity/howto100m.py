"""Recordings of antoine77340/howto100m: one clip per video, and several with weighted negatives."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from models.howto100m import pair_weights
from models.official.howto100m import KEYS, Released, config_of, load
from models.parts.batch import Batch, Captions, Clips
from models.parts.words import SPECIAL
from tests.parity.cases import Case

LOSS = "out/loss"
STREAM = {"feat_2d": "frames", "feat_3d": "motion"}


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


def prefixes(_model: Released) -> Mapping[str, str]:
    """Beginnings of the official names -> of ours."""
    return KEYS


def build(case: Case) -> tuple[Released, Batch]:
    """A clip is one vector per stream; clip p of video i is row i * n_pair + p."""
    inputs, pairs = case.inputs, int(case.config["n_pair"])
    lengths = inputs["text_len"].flatten()
    words = SPECIAL + torch.arange(inputs["text"][..., 0].numel()).view(len(lengths), -1)
    mask = torch.arange(words.shape[1]) < lengths[:, None]
    features = {name: inputs[array].float()[:, None] for array, name in STREAM.items()}
    masks = {name: torch.ones(x.shape[:2], dtype=torch.bool) for name, x in features.items()}
    video = torch.arange(len(lengths)) // pairs if pairs > 1 else None
    model = load(case.state, config_of(case.state, case.config)[0])
    rows = inputs["text"].float().flatten(0, -2)
    model.words = nn.Embedding.from_pretrained(torch.cat([torch.zeros_like(rows[:SPECIAL]), rows]))
    return model, Batch(Captions(words, mask), Clips(features, masks, video=video))


def outputs(model: Released, batch: Batch, case: Case) -> dict[str, Tensor]:
    """Both sides, scores, and the loss under every weighting."""
    text, video = model.encode_text(batch.captions), model.encode_video(batch.clips)
    scores = model.similarity(text, video)
    h = model.terms(scores)
    arrays = {
        "out/text_pooled": model.pooled(batch.captions),
        "out/text_emb": text,
        "out/video_emb": video,
        "out/sims": scores,
        "out/loss": model.loss(batch),
        "out/loss_unweighted": h.mean(),
    }
    if batch.clips.video is not None:
        weights = {
            hnr: pair_weights(batch.clips.video, hnr)
            for hnr in (model.config.hard_negative_rate, 0.5, 0.8)
        }
        arrays["out/mm_mask"] = weights[model.config.hard_negative_rate]
        arrays |= {f"out/loss_hnr_{hnr}": (h * weight).mean() for hnr, weight in weights.items()}
    return {array: value for array, value in arrays.items() if array in case.expected}
