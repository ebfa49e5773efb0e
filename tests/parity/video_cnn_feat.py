"""Recordings of xuchaoxi/video-cnn-feat: ten crops of a linear map, pooling, concatenation."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kb.datasets.features import video_cnn_feat as toolkit
from tests.parity.cases import Case

Arrays = dict[str, NDArray[np.float32]]


def skipped(_array: str) -> str | None:
    """Every array is compared."""
    return None


def arrays(case: Case) -> Arrays:
    """All arrays `out/...`; a linear map stands for the network, as in the recording."""
    features = {
        name: toolkit.by_video(case.inputs[f"{name}_ids"].tolist(), case.inputs[name].numpy())
        for name in case.inputs
        if f"{name}_ids" in case.inputs
    }
    found = _crops(case)
    for array in case.expected:
        kind, _, name = array.removeprefix("out/").partition("_")
        if kind in toolkit.POOLINGS and name in features:
            order = case.inputs[f"order_{kind}_{name}"].tolist()
            pooled = _pooled(features[name], kind)
            found[array] = np.stack([pooled[video] for video in order])
    joined = toolkit.concatenated([_pooled(features[name], "mean") for name in sorted(features)])
    order = case.inputs["order_concat"].tolist()
    return found | {"out/concat": np.stack([joined[video] for video in order])}


def _pooled(
    videos: Mapping[str, NDArray[np.float32]], pooling: str
) -> dict[str, NDArray[np.float32]]:
    return {video: toolkit.pooled(frames, pooling) for video, frames in videos.items()}


def _crops(case: Case) -> Arrays:
    """Crops of the first frame, and features of all frames, with and without the mean taken off."""
    side, weight = case.config["crop"], case.state["weight"].numpy().astype(np.float64)
    frames = case.inputs["frames"].numpy()
    means = {"plain": np.zeros(3), "submean": np.array(case.config["pixel_mean"])}
    found: Arrays = {}
    for name, mean in means.items():
        pixels = (frames - mean).astype(np.float32)
        for kind, oversample in (("oversampled", True), ("centre", False)):
            cut = toolkit.crops(pixels, side, oversample=oversample)
            channels_first = cut.transpose(0, 1, 4, 2, 3)
            vectors = np.einsum("nkcyx,dcyx->nkd", channels_first, weight)
            flat = vectors.reshape(-1, vectors.shape[2])
            found[f"out/feature_{kind}_{name}"] = toolkit.averaged(flat, cut.shape[1])
            if oversample:
                found[f"out/crops_{name}"] = channels_first[:1]
    return found
