"""The world staged as HowTo100M: narration that runs early or late by a known amount."""

from dataclasses import asdict, dataclass
from pathlib import Path

from kb.datasets.diorama import modalities, script, truth
from kb.datasets.diorama.draws import Draws
from kb.datasets.diorama.grammar import Sentence
from kb.datasets.diorama.naming import named
from kb.datasets.diorama.script import Video
from kb.datasets.diorama.telling import piece
from kb.datasets.diorama.world import SPLITS, Progress, World
from kb.datasets.howto100m import LEAST

SECONDS = 0.5  # of a frame
NARRATION = "diorama.narration.json"  # video -> its lines: which act, how far off
_GROUNDED = 75  # of 100 acts that are narrated: the line tells of what is seen
_SHIFT = 8  # frames: at most so early or late
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
    """A line as it is heard, in seconds, and what it is about: an act, or none."""

    start: float
    end: float
    text: str
    event: int | None
    shift: float  # seconds behind the act, negative: ahead of it


def write(world: World, folder: Path, progress: Progress) -> None:
    """Write `HowTo100M_v1.csv`, `caption.json`, the lists of held-out videos, and the features."""
    videos = list(named(world, "{id}"))
    seen = modalities.write(world, videos, folder, progress)
    lines = {video.id: narrate(world, video) for video in videos}
    truth.lines(["video_id,category_1,category_2,rank,task_id", *map(_row, videos)], folder / _CSV)
    columns = {
        name: {
            "start": [line.start for line, _ in found],
            "end": [line.end for line, _ in found],
            "text": [line.text for line, _ in found],
        }
        for name, found in lines.items()
    }
    truth.dump(columns, folder / "caption.json")
    for split in ("val", "test"):
        held = [video.id for video in videos if video.split == split]
        truth.lines(held, folder / f"{split}_from_train.txt")
    plain = {name: [asdict(line) for line, _ in found] for name, found in lines.items()}
    truth.dump(plain, folder / NARRATION)
    by_split = [video for split in SPLITS for video in videos if video.split == split]
    told = [(video, said) for video in by_split for said in _windows(lines[video.id])]
    truth.write(world, videos, told, seen, folder)


_CSV = "HowTo100M_v1.csv"


def _row(video: Video) -> str:
    place = script.PLACES.index(video.script.place)
    return f"{video.id},The Stage,{video.script.place.title()},{1 + place},{1000 + place}"


def narrate(world: World, video: Video) -> list[tuple[Spoken, Sentence | None]]:
    """A line for each act, in the order in which they are heard; None where it is chatter."""
    found: list[tuple[Spoken, Sentence | None]] = []
    for number, event in enumerate(video.script.events):
        draws = Draws(world.staging, world.seed, "narration", video.id, number)
        shift = draws.between(-_SHIFT, _SHIFT)
        start = max(0, event.start + shift)
        end = min(video.script.frames, max(event.end + shift, start + 2))
        said, text = None, draws.choose(_CHATTER)
        if draws.chance(_GROUNDED):
            said = piece(world, video, event, ("line", number), first=number == 0)
            text = f"{draws.choose(_OPENINGS)} {said.text}"
        about = None if said is None else number
        times = (start * SECONDS, end * SECONDS)
        found.append((Spoken(*times, text, about, (start - event.start) * SECONDS), said))
    return sorted(found, key=lambda one: (one[0].start, one[0].end, one[0].text))


def _windows(found: list[tuple[Spoken, Sentence | None]]) -> list[list[Sentence]]:
    """What the reader's windows of at least five seconds tell."""
    groups: list[list[tuple[Spoken, Sentence | None]]] = []
    for one in found:
        if groups and groups[-1][-1][0].end - groups[-1][0][0].start < LEAST:
            groups[-1].append(one)
        else:
            groups.append([one])
    if len(groups) > 1 and groups[-1][-1][0].end - groups[-1][0][0].start < LEAST:
        rest = groups.pop()
        groups[-1] += rest
    return [[said for _, said in group if said is not None] for group in groups]
