"""Diorama in the DiDeMo format: an act in each chunk of five seconds, moments marked by several."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from kb.datasets.synthetic import modalities, truth
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.narration import pieces
from kb.datasets.synthetic.script import Event, Video
from kb.datasets.synthetic.video_names import letters
from kb.datasets.synthetic.world import SPLITS, Progress, World, counted

CHUNK = 10  # frames of a chunk of five seconds
_MARKS = 4  # annotators who mark a moment
_UNSURE = 20  # of 100 marks: a chunk too long
_RENAMED = 4  # of 100 videos: also listed under another extension
_LEAST = 3  # descriptions of a video
_DIGITS = "0123456789abcdef"


def write(world: World, folder: Path, progress: Progress) -> None:
    """Write `train_data.json`, `val_data.json`, `test_data.json` and the features."""
    written = counted(world.videos(), world, progress)
    videos = [_named(world, number, video) for number, video in enumerate(written)]
    seen = modalities.write(world, videos, folder, progress)
    captions: list[truth.VideoCaption] = []
    number = 0
    for split in SPLITS:
        entries: list[dict[str, Any]] = []
        for video in (v for v in videos if v.split == split):
            described = pieces(world, video, "moments", least=_LEAST)
            names = _names(world, video)
            for at, piece in enumerate(described):
                draws = Draws(world.dataset, world.seed, "marks", video.id, at)
                entries.append(_entry(video, piece.event, draws))
                entries[-1] |= {
                    "annotation_id": number,
                    "description": piece.sentence.text,
                    "video": draws.choose(names),
                }
                number += 1
            captions.append((video, [piece.sentence for piece in described]))
        truth.dump(entries, folder / f"{split}_data.json")
    truth.write(world, videos, captions, seen, folder)


def _named(world: World, number: int, video: Video) -> Video:
    draws = Draws(world.dataset, world.seed, "name", number)
    owner, photo = letters(draws, 8, _DIGITS[:10]), letters(draws, 10, _DIGITS[:10])
    return replace(video, id=f"{owner}@N0{draws.below(9)}_{photo}_{letters(draws, 10, _DIGITS)}")


def _names(world: World, video: Video) -> list[str]:
    """The video's file name, and for a few videos that of a converted copy."""
    draws = Draws(world.dataset, world.seed, "extension", video.id)
    extension = draws.choose((".mov", ".mp4", ".avi", ".m4v"))
    again = [f"{video.id}{extension}.mp4"] if draws.chance(_RENAMED) else []
    return [f"{video.id}{extension}", *again]


def _entry(video: Video, event: Event, draws: Draws) -> dict[str, Any]:
    last = video.script.frames // CHUNK - 1
    chunk = min((event.start + event.end) // 2 // CHUNK, last)
    return {
        "times": [_mark(chunk, last, draws) for _ in range(_MARKS)],
        "num_segments": last + 1,
        "dl_link": f"https://diorama.invalid/{video.id}",
    }


def _mark(chunk: int, last: int, draws: Draws) -> list[int]:
    """First and last chunk."""
    if not draws.chance(_UNSURE):
        return [chunk, chunk]
    return [chunk, chunk + 1] if chunk < last and draws.chance(50) else [max(chunk - 1, 0), chunk]
