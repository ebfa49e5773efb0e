"""Diorama in the MSVD format: short silent clips of few acts, captions whose number varies."""

from pathlib import Path

from kb.datasets.synthetic import modalities, truth
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.script import Video
from kb.datasets.synthetic.video_names import named
from kb.datasets.synthetic.world import SPLITS, Progress, World, counted

_COLLECTION = {"train": "msvdtrain", "val": "msvdval", "test": "msvdtest"}


def write(world: World, folder: Path, progress: Progress) -> None:
    """Write the three collections `msvd*/TextData` and `msvd*/VideoSets`, and the features."""
    videos = list(counted(named(world, "{id}_{start}_{end}"), world, progress))
    seen = modalities.write(world, videos, folder, progress)
    captions: list[truth.VideoCaption] = []
    for split in SPLITS:
        own = [video for video in videos if video.split == split]
        lines = []
        for video in own:
            for number, caption in enumerate(world.captions(video, _annotators(world, video))):
                lines.append(f"{video.id}#{number} {caption.text}")
                captions.append((video, [caption]))
        collection = folder / _COLLECTION[split]
        truth.lines(lines, collection / "TextData" / f"{collection.name}.caption.txt")
        truth.lines([v.id for v in own], collection / "VideoSets" / f"{collection.name}.txt")
    truth.write(world, videos, captions, seen, folder)


def _annotators(world: World, video: Video) -> int:
    """Number of captions: from under half to over one and a half times the usual number."""
    usual = world.size.captions
    return Draws(world.dataset, world.seed, "annotators", video.id).between(
        usual * 2 // 5, usual * 8 // 5
    )
