"""The world staged as MSR-VTT: its file format, its split names, twenty captions a video."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from kb.datasets.bigfile import Writer
from kb.datasets.diorama import backbone
from kb.datasets.diorama import script as s
from kb.datasets.diorama.meaning import FIELDS, rows
from kb.datasets.diorama.oracle import MEANINGS, TRUTH
from kb.datasets.diorama.script import Video
from kb.datasets.diorama.world import Progress, World, frame_features
from kb.datasets.msrvtt import SPLITS, TEST, TRAIN_VAL

_PUBLISHED = {ours: theirs for theirs, ours in SPLITS.items()}
_SECONDS = 10  # length of a clip
_BATCH = 32  # videos whose frames go through the backbone together


def write(world: World, folder: Path, progress: Progress) -> None:
    """Write the whole staging into an empty folder."""
    videos = list(world.videos())
    _write_features(videos, folder / "FeatureData" / backbone.NAME, progress)
    _write_annotations(world, videos, folder, progress)


def _write_features(videos: list[Video], folder: Path, progress: Progress) -> None:
    writer = Writer(folder)
    for start in range(0, len(videos), _BATCH):
        for video, features in frame_features(videos[start : start + _BATCH]):
            writer.add([f"{video.id}_{t}" for t in range(len(features))], features)
        progress("features", min(start + _BATCH, len(videos)), len(videos))
    writer.close(by_frame=True)


def _write_annotations(world: World, videos: list[Video], folder: Path, progress: Progress) -> None:
    sentences: list[dict[str, Any]] = []
    owners: list[str] = []
    meanings = []
    for done, video in enumerate(videos, start=1):
        for caption in world.captions(video):
            sentences.append(
                {"sen_id": len(sentences), "video_id": video.id, "caption": caption.text}
            )
            meanings.append(caption.meaning)
            owners.append(video.split)
        progress("captions", done, len(videos))
    for file, splits in ((TRAIN_VAL, ("train", "val")), (TEST, ("test",))):
        document = {
            "info": _info(world),
            "videos": [_entry(v, i) for i, v in enumerate(videos) if v.split in splits],
            "sentences": [x for x, split in zip(sentences, owners, strict=True) if split in splits],
        }
        _dump(document, folder / file)
    np.save(folder / MEANINGS, rows(meanings))
    truth = {
        "parameters": world.parameters(),
        "fields": FIELDS,
        "videos": [asdict(v) for v in videos],
    }
    _dump(truth, folder / TRUTH)


def _info(world: World) -> dict[str, str]:
    return {
        "contributor": "Diorama",
        "data_created": "generated",
        "version": f"{world.staging} {world.parameters()['generator']} seed {world.seed}",
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


def _dump(document: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="ascii")
