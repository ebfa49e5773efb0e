"""Diorama in the HowTo100M format: narration that runs early or late by a known amount."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from kb.datasets.readers.howto100m import CAPTION_FILES, CSV, HELD_OUT, LEAST
from kb.datasets.synthetic import modalities, script, truth
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.grammar import Sentence
from kb.datasets.synthetic.meaning import Meaning
from kb.datasets.synthetic.narration import piece
from kb.datasets.synthetic.script import Video
from kb.datasets.synthetic.video_names import named
from kb.datasets.synthetic.words import COLUMNS, NO_EVENT, PARTS, RELATIONS, ROLES
from kb.datasets.synthetic.world import SPLITS, Progress, World, counted

SECONDS = 0.5  # of a frame
NARRATION = "diorama.narration.json"  # video -> its lines: which act, how far off
_HEADER = "video_id,category_1,category_2,rank,task_id"
_OPENINGS = ("so", "okay so", "now", "and then", "you can see that", "right so now", "here")
_CHATTER = (
    "thank you for watching and do not forget to subscribe",
    "i hope that you are having a great day",
    "as i told you in my last video",
    "let me know in the comments what you think",
    "this took me a long time to learn",
    "before we go on a word about something else",
)


@dataclass(frozen=True)
class Spoken:
    """A line of narration, in seconds, and the act it describes, if any."""

    start: float
    end: float
    text: str
    event: int | None
    shift: float  # seconds behind the act, negative: ahead of it


Heard = tuple[Spoken, Sentence]


def write(world: World, folder: Path, progress: Progress) -> None:
    """Write `HowTo100M_v1.csv`, `caption.json`, the lists of held-out videos, and the features."""
    videos = list(counted(named(world, "{id}"), world, progress))
    seen = modalities.write(world, videos, folder, progress)
    heard = {video.id: narrate(world, video) for video in videos}
    truth.lines([_HEADER, *map(_row, videos)], folder / CSV[0])
    columns = {
        name: {
            "start": [line.start for line, _ in lines],
            "end": [line.end for line, _ in lines],
            "text": [line.text for line, _ in lines],
        }
        for name, lines in heard.items()
    }
    truth.dump(columns, folder / CAPTION_FILES[0])
    for split, file in HELD_OUT.items():
        truth.lines([video.id for video in videos if video.split == split], folder / file)
    plain = {name: [asdict(line) for line, _ in lines] for name, lines in heard.items()}
    truth.dump(plain, folder / NARRATION)
    by_split = [video for split in SPLITS for video in videos if video.split == split]
    captions = [(video, sentences) for video in by_split for sentences in _windows(heard[video.id])]
    truth.write(world, videos, captions, seen, folder)


def durations(folder: Path) -> dict[str, float]:
    """Seconds of each video, which the published files lack."""
    return {video.id: video.script.frames * SECONDS for video in truth.videos(folder)}


def _row(video: Video) -> str:
    place = script.PLACES.index(video.script.place)
    return f"{video.id},The Stage,{video.script.place.title()},{1 + place},{1000 + place}"


def narrate(world: World, video: Video) -> list[Heard]:
    """A line for each act, in order of time; some describe nothing in the video."""
    lines: list[Heard] = []
    for number, event in enumerate(video.script.events):
        draws = Draws(world.dataset, world.seed, "narration", video.id, number)
        shift = draws.between(-world.difficulty.drift, world.difficulty.drift)
        start = max(0, event.start + shift)
        end = min(video.script.frames, max(event.end + shift, start + 2))
        about, sentence = None, _unparsed(draws.choose(_CHATTER))
        if not draws.chance(world.difficulty.chatter):
            about, sentence = (
                number,
                piece(world, video, event, ("line", number), first=number == 0),
            )
            sentence = _opened(draws.choose(_OPENINGS), sentence)
        off = (start - event.start) * SECONDS
        lines.append((Spoken(start * SECONDS, end * SECONDS, sentence.text, about, off), sentence))
    return sorted(lines, key=lambda one: (one[0].start, one[0].end, one[0].text))


def _unparsed(text: str) -> Sentence:
    """Chatter: its words are not analysed, and it states nothing."""
    rows = [_filler(head=min(at, 1), relation="dep") for at in range(len(text.split()))]
    rows[0] = _filler(head=0, relation="root")
    return Sentence(text, Meaning(None, None, ()), np.array(rows, np.int8))


def _opened(opening: str, sentence: Sentence) -> Sentence:
    """A sentence after an opening, whose words depend on the sentence's root."""
    table = sentence.structure.copy()
    count, heads = len(opening.split()), table[:, COLUMNS.index("head")]
    root = int(np.flatnonzero(heads == 0)[0]) + 1 + count
    heads[heads > 0] += count
    before = np.array([_filler(head=root, relation="discourse")] * count, np.int8)
    return Sentence(f"{opening} {sentence.text}", sentence.meaning, np.concatenate([before, table]))


def _filler(*, head: int, relation: str) -> tuple[int, ...]:
    return PARTS.index("X"), head, RELATIONS.index(relation), ROLES.index(""), NO_EVENT


def _windows(lines: list[Heard]) -> list[list[Sentence]]:
    """The sentences of the reader's windows of at least `LEAST` seconds."""
    groups: list[list[Heard]] = []
    for one in lines:
        if groups and not _long(groups[-1]):
            groups[-1].append(one)
        else:
            groups.append([one])
    if len(groups) > 1 and not _long(groups[-1]):
        rest = groups.pop()
        groups[-1] += rest
    return [[sentence for _, sentence in group] for group in groups]


def _long(group: list[Heard]) -> bool:
    return group[-1][0].end - group[0][0].start >= LEAST
