"""Features of video files: frames a second of `kb features` beside a plain loop over the same.

Videos of the world, encoded, at 8 frames a second, through the world's own CNN and through a small
untrained torch network. The plain loop decodes one video, stacks its frames, runs the network,
and writes an .npy; ours decodes ahead in a thread, batches over videos and can be interrupted.

    python bench/features.py [--videos 100]
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import av
import numpy as np
import torch
from torch.nn import functional

from kb.datasets.features import backbones, extraction
from kb.datasets.features.backbones import Backbone
from kb.datasets.features.videos import write_video
from kb.datasets.synthetic import rendering
from kb.datasets.synthetic.difficulty import SIZES
from kb.datasets.synthetic.world import World

FPS = 8
SIDE = 112  # of the torch network


def films(folder: Path, videos: int) -> None:
    """Videos of the world, encoded."""
    made = World("diorama-msrvtt", SIZES["small"]).videos()
    for video, _ in zip(made, range(videos), strict=False):
        write_video(folder / f"{video.id}.mp4", rendering.render(video.script), FPS)


def torch_network() -> Backbone:
    """A few convolutions, so that decoding and computing are of the same order."""
    torch.manual_seed(0)
    layers: list[torch.nn.Module] = []
    for inner, outer in ((3, 32), (32, 64), (64, 128), (128, 256)):
        layers += [torch.nn.Conv2d(inner, outer, 3, 2, 1), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    return backbones.TorchBackbone("toy", network.eval(), SIDE, 1.0, *backbones.IMAGENET, "cpu")


def plain(folder: Path, backbone: Backbone, out: Path) -> int:
    """The loop that one would write."""
    frames = 0
    for path in sorted(folder.glob("*.mp4")):
        with av.open(str(path)) as file:
            shown = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
        pixels = torch.from_numpy(np.stack(shown)).permute(0, 3, 1, 2)
        size = (backbone.side, backbone.side)
        if pixels.shape[2:] != size:
            scaled = functional.interpolate(pixels.float(), size, mode="bilinear", antialias=True)
            pixels = scaled.round().byte()
        np.save(out / f"{path.stem}.npy", backbone(pixels.permute(0, 2, 3, 1).numpy()))
        frames += len(shown)
    return frames


def main() -> None:
    """Encode, extract both ways in turn, three times; the best of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=100)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kb-bench-"))
    try:
        began = time.perf_counter()
        (folder / "films").mkdir()
        films(folder / "films", given.videos)
        print(f"{given.videos} videos rendered and encoded in {time.perf_counter() - began:.1f} s")
        for name, backbone in (("world", backbones.WorldBackbone()), ("torch", torch_network())):
            ours, loop = [], []
            for turn in range(3):
                place = folder / f"{name}{turn}"
                began = time.perf_counter()
                found = extraction.extract(
                    extraction.videos_of([folder / "films"]), backbone, place, fps=FPS
                )
                ours.append(found.frames / (time.perf_counter() - began))
                began = time.perf_counter()
                loop.append(
                    plain(folder / "films", backbone, place) / (time.perf_counter() - began)
                )
            print(
                f"{name}: kb features {max(ours):.0f}, plain loop {max(loop):.0f} frames a second"
            )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
