"""One staged world on disk: which videos a seed makes, and their pixels and features."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.diorama import VERSION, backbone, plot, stage
from kb.datasets.diorama.difficulty import Difficulty, Size
from kb.datasets.diorama.draws import Draws
from kb.datasets.diorama.grammar import Sentence, describe
from kb.datasets.diorama.script import Video

Progress = Callable[[str, int, int], None]  # (what, done, of)


def quiet(what: str, done: int, of: int) -> None:
    """Nobody is watching."""


@dataclass(frozen=True)
class World:
    """A seed, how many videos and how hard: all that a world is made from."""

    staging: str  # diorama-msrvtt
    size: Size
    seed: int = 0
    difficulty: Difficulty = Difficulty()  # noqa: RUF009  (frozen)

    def videos(self) -> Iterator[Video]:
        """Every video, split by split, families together."""
        number = 0
        for split in ("train", "val", "test"):
            key = (self.staging, self.seed, split)
            wanted = getattr(self.size, split)
            for family, twin, script in plot.families(key, self.difficulty, wanted):
                yield Video(f"video{number}", split, f"{split}{family}", twin, script)
                number += 1

    def captions(self, video: Video) -> list[Sentence]:
        """The captions of a video, annotator by annotator."""
        return [
            describe(
                video.script,
                Draws(self.staging, self.seed, "caption", video.id, annotator),
                self.difficulty,
            )
            for annotator in range(self.size.captions)
        ]

    def parameters(self) -> dict[str, Any]:
        """What another world must share to be the same world."""
        return {
            "generator": VERSION,
            "staging": self.staging,
            "seed": self.seed,
            "size": asdict(self.size),
            "difficulty": asdict(self.difficulty),
            "backbone": hashlib.sha256(backbone.WEIGHTS.read_bytes()).hexdigest(),
        }

    def key(self) -> str:
        """Short name of the parameters: another world has another key."""
        text = json.dumps(self.parameters(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def frame_features(videos: list[Video]) -> Iterator[tuple[Video, NDArray[np.float32]]]:
    """(video, (frames, dim) features) for each video, all their frames in one pass."""
    pixels = [stage.render(video.script) for video in videos]
    ends = np.cumsum([len(frames) for frames in pixels])[:-1]
    found = np.split(backbone.features(np.concatenate(pixels)), ends)
    yield from zip(videos, found, strict=True)
