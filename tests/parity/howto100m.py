"""Recordings of antoine77340/howto100m: one clip a video, and several with weighted negatives."""

from dataclasses import replace

import numpy as np
import torch

from models.howto100m import OFFICIAL, Config, Model, pair_weights
from models.parts.batch import Captions, Clips
from models.parts.words import SPECIAL
from tests.parity.cases import Case

STREAM = {"feat_2d": "frames", "feat_3d": "motion"}


def skipped(_array: str) -> str | None:
    """Nothing is."""
    return None


def config_of(case: Case) -> Config:
    """The recorded options; every word of the recording is a row of the table."""
    c, given = case.config, case.inputs
    dims = {name: given[array].shape[1] for array, name in STREAM.items()}
    if sum(dims.values()) != int(c["video_dim"]):
        raise ValueError("video_dim is not that of the features")
    return Config(
        vocabulary=SPECIAL + given["text"][..., 0].numel(),
        experts=tuple(sorted(dims.items())),
        word_dim=int(c["we_dim"]),
        max_words=int(c["max_words"]),
        common=int(c["embd_dim"]),
        margin=float(c["margin"]),
        hard_negative_rate=float(c["hard_negative_rate"]),
        negative_weighting=bool(c["negative_weighting"]),
        as_released=True,
    )


def batch_of(case: Case) -> tuple[Captions, Clips]:
    """A clip is one vector a stream; clip p of video i stands at i * n_pair + p."""
    given, pairs = case.inputs, int(case.config["n_pair"])
    lengths = given["text_len"].flatten()
    words = SPECIAL + torch.arange(given["text"][..., 0].numel()).view(len(lengths), -1)
    mask = torch.arange(words.shape[1]) < lengths[:, None]
    features = {name: given[array].float()[:, None] for array, name in STREAM.items()}
    masks = {name: torch.ones(x.shape[:2], dtype=torch.bool) for name, x in features.items()}
    video = torch.arange(len(lengths)) // pairs if pairs > 1 else None
    return Captions(words, mask), Clips(features, masks, video)


def run(case: Case) -> dict[str, np.ndarray]:
    """Every array of the recording, computed by the model in float32."""
    config, (captions, clips) = config_of(case), batch_of(case)
    model = Model.from_official(case.state, config).eval()
    with torch.no_grad():
        model.words.weight[SPECIAL:] = case.inputs["text"].flatten(0, -2)
    text, video = model.encode_text(captions), model.encode_video(clips)
    scores = model.similarity(text, video)
    found = {
        "out/text_pooled": model.pooled(captions),
        "out/text_emb": text,
        "out/video_emb": video,
        "out/sims": scores,
        "out/loss": model.loss(captions, clips),
    }
    if clips.video is not None:
        found["out/mm_mask"] = pair_weights(clips.video, config.hard_negative_rate)
    found["out/loss"].backward()
    model.config = replace(config, negative_weighting=False)
    found["out/loss_unweighted"] = model.max_margin(scores, clips.video)
    for array in case.expected:
        if array.startswith("out/loss_hnr_"):
            rate = float(array.removeprefix("out/loss_hnr_"))
            model.config = replace(config, hard_negative_rate=rate)
            found[array] = model.max_margin(scores, clips.video)
    found |= case.gradients(model, OFFICIAL)
    return {array: value.detach().numpy() for array, value in found.items()}
