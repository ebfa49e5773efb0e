"""Diorama in the TRECVID's ad-hoc search format: topics, a gallery without captions, judgements."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from kb.datasets.corpus import Topic
from kb.datasets.readers.avs import TRAIN, VAL, write_topics
from kb.datasets.synthetic import modalities, pooling, topics, truth
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.grammar import Sentence
from kb.datasets.synthetic.script import Video
from kb.datasets.synthetic.video_names import letters
from kb.datasets.synthetic.world import Progress, World, counted

GALLERY, YEAR = "iacc.3", "tv16"
FIRST = 501  # number of the year's first topic
_PROGRAMME, _SHOTS = 35_345, 70  # number of the first programme, shots of each
_GIF = 50  # of 100 training videos: with one caption, as TGIF's; the others as MSR-VTT's
_SENTENCES = 2  # of a video of tv2016train: sets A and B


def write(world: World, folder: Path, progress: Progress) -> None:
    """Write the gallery `iacc.3`, the training collections, and the features of all."""
    videos = list(counted(_named(world), world, progress))
    seen = modalities.write(world, videos, folder, progress)
    training_captions: list[truth.VideoCaption] = []
    for split, collection in (("train", TRAIN), ("val", VAL)):
        own = [video for video in videos if video.split == split]
        own_captions = [(video, one) for video in own for one in _captions(world, video)]
        training_captions += [(video, [one]) for video, (_, one) in own_captions]
        lines = [f"{video.id}#{number} {one.text}" for video, (number, one) in own_captions]
        truth.lines(lines, folder / collection / "TextData" / f"{collection}.caption.txt")
        truth.lines([v.id for v in own], folder / collection / "VideoSets" / f"{collection}.txt")
    truth.write(world, videos, training_captions, seen, folder)
    gallery = [video for video in videos if video.split == "test"]
    truth.lines([v.id for v in gallery], folder / GALLERY / "VideoSets" / f"{GALLERY}.txt")
    events = max(len(video.script.events) for video in videos)
    composed = topics.compose(world, gallery, events)
    truth.write_topics([one.meaning for one in composed], events, folder)
    text = folder / GALLERY / "TextData"
    text.mkdir()
    numbered = [Topic(str(number), one.text) for number, one in enumerate(composed, FIRST)]
    judged = pooling.judge(world, composed, gallery, events)
    by_topic = {topic.id: judgements for topic, judgements in zip(numbered, judged, strict=True)}
    write_topics(numbered, by_topic, text, YEAR)


def _captions(world: World, video: Video) -> list[tuple[int, Sentence]]:
    count = _SENTENCES if video.split == "val" else world.size.captions
    if video.id.startswith("tumblr"):
        count = 1
    return list(enumerate(world.captions(video, count)))


def _named(world: World) -> Iterator[Video]:
    """Names as the collections give them: MSR-VTT's, TGIF's, a Vine's number, programme and shot."""
    count = dict.fromkeys(("train", "val", "test"), 0)
    for video in world.videos():
        number = count[video.split]
        count[video.split] += 1
        draws = Draws(world.dataset, world.seed, "name", video.split, number)
        if video.split == "test":
            programme, shot = divmod(number, _SHOTS)
            yield replace(video, id=f"shot{_PROGRAMME + programme}_{shot + 1}")
        elif video.split == "val":
            yield replace(video, id=str(number + 1))
        elif draws.chance(_GIF):
            yield replace(video, id=f"tumblr_{letters(draws, 17)}")
        else:
            yield replace(video, id=f"video{number}")
