"""Diorama in the TGIF format: many silent GIFs, one sentence each, three for those of the test."""

from pathlib import Path

from kb.datasets.synthetic import modalities, truth
from kb.datasets.synthetic.video_names import named
from kb.datasets.synthetic.world import SPLITS, Progress, World, counted

_TESTED = 3  # sentences of a test GIF
_URL = "https://diorama.invalid/{}.gif"


def write(world: World, folder: Path, progress: Progress) -> None:
    """Write `data/tgif-v1.0.tsv`, `data/splits/{train,val,test}.txt` and the features."""
    videos = list(counted(named(world, "tumblr_{id}o1_400"), world, progress))
    seen = modalities.write(world, videos, folder, progress)
    captions: list[truth.VideoCaption] = []
    rows = []
    for video in videos:
        count = _TESTED if video.split == "test" else world.size.captions
        for caption in world.captions(video, count):
            rows.append(f"{_URL.format(video.id)}\t{caption.text}")
            captions.append((video, [caption]))
    truth.lines(rows, folder / "data" / "tgif-v1.0.tsv")
    for split in SPLITS:
        urls = [_URL.format(video.id) for video in videos if video.split == split]
        truth.lines(urls, folder / "data" / "splits" / f"{split}.txt")
    truth.write(world, videos, captions, seen, folder)
