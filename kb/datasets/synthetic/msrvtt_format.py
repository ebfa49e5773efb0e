"""Diorama in the MSR-VTT format: its file format, its split names, twenty captions per video."""

from pathlib import Path
from typing import Any

from kb.datasets.readers.msrvtt import SPLITS, TEST, TRAIN_VAL
from kb.datasets.synthetic import modalities, truth
from kb.datasets.synthetic import script as s
from kb.datasets.synthetic.script import Video
from kb.datasets.synthetic.world import Progress, World, counted

_PUBLISHED = {ours: theirs for theirs, ours in SPLITS.items()}
_SECONDS = 10  # length of a clip


def write(world: World, folder: Path, progress: Progress) -> None:
    """Write the whole dataset into an empty folder."""
    videos = list(counted(world.videos(), world, progress))
    seen = modalities.write(world, videos, folder, progress)
    sentences: dict[str, list[dict[str, Any]]] = {split: [] for split in _PUBLISHED}
    captions: list[truth.VideoCaption] = []
    number = 0
    for done, video in enumerate(videos, start=1):
        for caption in world.captions(video):
            entry = {"sen_id": number, "video_id": video.id, "caption": caption.text}
            sentences[video.split].append(entry)
            captions.append((video, [caption]))
            number += 1
        progress("captions", done, len(videos))
    for file, splits in ((TRAIN_VAL, ("train", "val")), (TEST, ("test",))):
        document = {
            "info": _info(world),
            "videos": [_entry(v, i) for i, v in enumerate(videos) if v.split in splits],
            "sentences": [entry for split in splits for entry in sentences[split]],
        }
        truth.dump(document, folder / file)
    truth.write(world, videos, captions, seen, folder)


def _info(world: World) -> dict[str, str]:
    return {
        "contributor": "Diorama",
        "data_created": "generated",
        "version": f"{world.dataset} {world.parameters()['generator']} seed {world.seed}",
        "description": "A generated world in the file format of MSR-VTT",
        "year": "generated",
    }


def _entry(video: Video, number: int) -> dict[str, Any]:
    return {
        "category": s.PLACES.index(video.script.place),
        "url": f"diorama:{video.id}",
        "video_id": video.id,
        "start time": 0.0,
        "end time": float(_SECONDS),
        "split": _PUBLISHED[video.split],
        "id": number,
    }
