"""Script -> every expert's features of a video, from one rendering of it."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from kb.datasets.corpus import Line
from kb.datasets.synthetic import audio, backbone, motion, regions, rendering, speech
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.script import Video
from kb.datasets.synthetic.stock import Stock
from kb.datasets.synthetic.world import SPLITS, Progress, World

Floats = NDArray[np.float32]
FOLDERS = {"frames": backbone.NAME}  # the other experts' folders are called as they are
ABSENT = {"audio": 12, "regions": 3, "speech": 45, "ocr": 65}  # of 100 videos: without the expert
_BATCH = 16  # videos that one thread takes at a time


@dataclass(frozen=True)
class Seen:
    """Features of one video by expert, without absent experts; its speech and on-screen text."""

    features: dict[str, Floats]
    speech: list[Line]
    on_screen: list[Line]


def write(world: World, videos: list[Video], root: Path, progress: Progress) -> dict[str, Seen]:
    """Write `FeatureData/<expert>` for each expert; returns speech and on-screen text by video.

    Resumes an interrupted run under `root`.
    """
    folders = {name: FOLDERS.get(name, name) for name in world.experts}
    names = [video.id for video in videos]
    words: dict[str, Seen] = {}
    with Stock(root, folders, world.key(), names) as stock:
        words |= {video.id: wordings(world, video) for video in videos[: stock.done]}
        progress("features", stock.done, len(videos))
        for video, seen in derive(world, videos[stock.done :]):
            stock.add(seen.features)
            words[video.id] = replace(seen, features={})
            progress("features", stock.done, len(videos))
    return words


def derive(world: World, videos: Sequence[Video]) -> Iterator[tuple[Video, Seen]]:
    """Each video with its features and text, in order; batches run in one thread per core."""
    batches = [videos[i : i + _BATCH] for i in range(0, len(videos), _BATCH)]
    ahead = 2 * (os.cpu_count() or 1)
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting: list[Future[list[Seen]]] = []
        try:
            for number, batch in enumerate(batches):
                while len(waiting) < min(ahead, len(batches) - number):
                    waiting.append(pool.submit(_derive, world, batches[number + len(waiting)]))
                yield from zip(batch, waiting.pop(0).result(), strict=True)
        finally:
            for future in waiting:
                future.cancel()


def _derive(world: World, videos: Sequence[Video]) -> list[Seen]:
    pixels = [rendering.render(video.script) for video in videos]
    nothing: list[Floats] = [np.zeros((0, 0), np.float32)] * len(videos)
    frames = looks = nothing
    if "frames" in world.experts:
        frames = _apart(_of_stills(np.concatenate(pixels)), [len(p) for p in pixels])
    if "regions" in world.experts:
        crops = [regions.crops(v.script, p) for v, p in zip(videos, pixels, strict=True)]
        looks = _apart(backbone.features(np.concatenate(crops)), [len(c) for c in crops])
    return [_seen(world, video, frames[i], looks[i], pixels[i]) for i, video in enumerate(videos)]


def _seen(
    world: World, video: Video, frames: Floats, looks: Floats, pixels: NDArray[np.uint8]
) -> Seen:
    script, features = video.script, dict[str, Floats]()
    if "frames" in world.experts:
        features["frames"] = frames
    there = [name for name in world.experts if _there(world, video, name)]
    words = wordings(world, video)
    if "motion" in there:
        features["motion"] = motion.features(pixels)
    if "audio" in there:
        key = _draws(world, video, "noise").word()
        features["audio"] = audio.features(audio.waveform(script, key))
    if "regions" in there:
        features["regions"] = np.concatenate([looks, regions.places(script)], axis=1)
    if words.speech:
        features["speech"] = speech.vectors(words.speech)
    if words.on_screen:
        features["ocr"] = speech.vectors(words.on_screen)
    return replace(words, features=features)


def wordings(world: World, video: Video) -> Seen:
    """Speech and on-screen text of a video, without features."""
    spoken, written = list[Line](), list[Line]()
    if "speech" in world.experts and _there(world, video, "speech"):
        spoken = speech.spoken(video.script, _draws(world, video, "said"))
    if "ocr" in world.experts and _there(world, video, "ocr"):
        written = speech.written(video.script, _draws(world, video, "written"))
    return Seen({}, spoken, written)


def _of_stills(stills: NDArray[np.uint8]) -> Floats:
    """Frame features; equal frames, of which an act that goes and comes back has many, once."""
    first: dict[bytes, int] = {}
    at = [first.setdefault(still.tobytes(), len(first)) for still in stills]
    distinct = np.unique(at, return_index=True)[1]
    return backbone.features(stills[distinct])[at]


def _there(world: World, video: Video, expert: str) -> bool:
    gone = world.difficulty.gone
    percent = ABSENT.get(expert, 0)
    if gone is not None:
        percent = gone if expert != "frames" and video.split == SPLITS[-1] else 0
    return not _draws(world, video, f"without {expert}").chance(percent)


def _draws(world: World, video: Video, what: str) -> Draws:
    return Draws(world.dataset, world.seed, what, video.id)


def _apart(joined: Floats, lengths: list[int]) -> list[Floats]:
    return np.split(joined, np.cumsum(lengths)[:-1])
