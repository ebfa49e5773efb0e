"""Diorama in the ActivityNet Captions format: long videos, paragraphs with time stamps."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kb.datasets.synthetic import modalities, truth
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.narration import Piece, pieces
from kb.datasets.synthetic.script import Video
from kb.datasets.synthetic.video_names import named
from kb.datasets.synthetic.world import SPLITS, Progress, World, counted

SECONDS = 2.0  # of a frame
_HELD_OUT = "val_from_train.txt"  # no validation videos are published: these are held out


def write(world: World, folder: Path, progress: Progress) -> None:
    """Write `train.json`, `val_1.json`, `val_2.json`, the lists of ids, and the features."""
    videos = list(counted(named(world, "v_{id}"), world, progress))
    seen = modalities.write(world, videos, folder, progress)
    first = {video.id: pieces(world, video, "first") for video in videos}
    again = {video.id: pieces(world, video, "again") for video in videos if video.split == "test"}
    by_split = {split: [v for v in videos if v.split == split] for split in SPLITS}
    train = by_split["train"] + by_split["val"]
    for file, own, tellings in (
        ("train", train, first),
        ("val_1", by_split["test"], first),
        ("val_2", by_split["test"], again),
    ):
        entries = {v.id: _entry(world, v, tellings[v.id], file) for v in own}
        truth.dump(entries, folder / f"{file}.json")
    truth.dump([v.id for v in train], folder / "train_ids.json")
    truth.dump([v.id for v in by_split["test"]], folder / "val_ids.json")
    truth.lines([v.id for v in by_split["val"]], folder / _HELD_OUT)
    captions = [(v, [p.sentence for p in first[v.id]]) for s in SPLITS for v in by_split[s]]
    truth.write(world, videos, captions, seen, folder)


def _entry(world: World, video: Video, telling: Sequence[Piece], file: str) -> dict[str, Any]:
    draws = Draws(world.dataset, world.seed, "stamps", video.id, file)
    return {
        "duration": video.script.frames * SECONDS,
        "timestamps": [_stamp(piece, video, draws) for piece in telling],
        "sentences": [truth.sentence(piece.sentence.text) for piece in telling],
    }


def _stamp(piece: Piece, video: Video, draws: Draws) -> list[float]:
    """Start and end as an annotator marks them: up to two frames off."""
    start = max(0, piece.event.start + draws.between(-2, 2))
    end = min(video.script.frames, piece.event.end + draws.between(-2, 2))
    return [start * SECONDS, end * SECONDS]
