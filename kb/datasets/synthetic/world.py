"""One synthetic dataset: the videos of a seed, with their captions."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from kb.datasets.synthetic import VERSION, backbone, motion, plot
from kb.datasets.synthetic.difficulty import Difficulty, Size
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.grammar import Sentence, describe
from kb.datasets.synthetic.script import Script, Video

EXPERTS = ("frames", "motion", "audio", "regions", "speech", "ocr")
SPLITS = ("train", "val", "test")
Progress = Callable[[str, int, int], None]  # (what, done, of)


def quiet(what: str, done: int, of: int) -> None:
    """Progress callback that does nothing."""


def counted(videos: Iterable[Video], world: "World", progress: Progress) -> Iterator[Video]:
    """The same videos, their scripts counted as they are written."""
    for done, video in enumerate(videos, start=1):
        progress("scripts", done, world.size.videos)
        yield video


@dataclass(frozen=True)
class World:
    """The parameters of a synthetic dataset: seed, size and difficulty."""

    dataset: str  # diorama-msrvtt
    size: Size
    seed: int = 0
    difficulty: Difficulty = Difficulty()  # noqa: RUF009  (frozen)
    experts: tuple[str, ...] = EXPERTS

    def videos(self) -> Iterator[Video]:
        """Every video, split by split, families together."""
        number = 0
        for split in SPLITS:
            key = (self.dataset, self.seed, split)
            wanted = getattr(self.size, split)
            plots = plot.films if self.difficulty.film else plot.families
            for family, twin, script in plots(key, self.difficulty, wanted):
                yield Video(f"video{number}", split, f"{split}{family}", twin, script)
                number += 1

    def captions(self, video: Video, count: int | None = None) -> list[Sentence]:
        """The captions of a video, annotator by annotator: `count`, or as many as usual."""
        return [
            describe(
                self._watched(video, annotator),
                Draws(self.dataset, self.seed, "caption", video.id, annotator),
                self.difficulty,
            )
            for annotator in range(self.size.captions if count is None else count)
        ]

    def _watched(self, video: Video, annotator: int) -> Script:
        """What an annotator describes: the video's script, or in training at times another."""
        share = self.difficulty.wrong if video.split == SPLITS[0] else 0
        draws = Draws(self.dataset, self.seed, "watched", video.id, annotator)
        return plot.write(draws, self.difficulty) if draws.chance(share) else video.script

    def parameters(self) -> dict[str, Any]:
        """The parameters, as JSON; equal parameters give equal data."""
        return {
            "generator": VERSION,
            "staging": self.dataset,
            "seed": self.seed,
            "size": asdict(self.size),
            "difficulty": self.difficulty.plain(),
            "experts": list(self.experts),
            "backbone": hashlib.sha256(backbone.WEIGHTS.read_bytes()).hexdigest(),
            "motion": hashlib.sha256(motion.WEIGHTS.read_bytes()).hexdigest(),
        }

    def key(self) -> str:
        """Digest of the parameters."""
        text = json.dumps(self.parameters(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]
