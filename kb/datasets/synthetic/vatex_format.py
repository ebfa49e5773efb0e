"""Diorama in the VATEX format: ten captions in English and ten in Chinese, half of them parallel."""

from pathlib import Path
from typing import Any

from kb.datasets.synthetic import chinese, modalities, truth
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.grammar import Sentence, select
from kb.datasets.synthetic.script import Video
from kb.datasets.synthetic.video_names import named
from kb.datasets.synthetic.world import SPLITS, Progress, World, counted

_FILES = {
    "train": "vatex_training_v1.0.json",
    "val": "vatex_validation_v1.0.json",
    "test": "vatex_public_test_english_v1.1.json",
}


def write(world: World, folder: Path, progress: Progress) -> None:
    """Write the three lists of {videoID, enCap, chCap}, and the features."""
    videos = list(counted(named(world, "{id}_{start6}_{end6}"), world, progress))
    seen = modalities.write(world, videos, folder, progress)
    captions: list[truth.VideoCaption] = []
    for split in SPLITS:
        entries: list[dict[str, Any]] = []
        for video in (v for v in videos if v.split == split):
            english = world.captions(video)
            captions += [(video, [caption]) for caption in english]
            entry = {"videoID": video.id, "enCap": [truth.sentence(one.text) for one in english]}
            entries.append({**entry, "chCap": _chinese(world, video, english)})
        truth.dump(entries, folder / _FILES[split])
    truth.write(world, videos, captions, seen, folder)


def _chinese(world: World, video: Video, english: list[Sentence]) -> list[str]:
    """As many as in English; the second half translates the English captions."""
    half = len(english) // 2
    sentences = []
    for number, other in enumerate(english):
        draws = Draws(world.dataset, world.seed, "zh", video.id, number)
        meaning = other.meaning if number >= half else select(video.script, draws, world.difficulty)
        sentences.append(chinese.say(meaning, draws, world.difficulty))
    return sentences
