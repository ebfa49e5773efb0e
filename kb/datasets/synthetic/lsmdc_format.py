"""Diorama in the LSMDC format: films with a cast of their own, SOMEONE, choices and blanks."""

from dataclasses import replace
from pathlib import Path

from kb.datasets.synthetic import modalities, truth
from kb.datasets.synthetic.draws import Draws
from kb.datasets.synthetic.grammar import Sentence
from kb.datasets.synthetic.plot import FILM
from kb.datasets.synthetic.script import Video
from kb.datasets.synthetic.words import PARTS, ROLES
from kb.datasets.synthetic.world import SPLITS, Progress, World, counted

_RETRIEVAL = {
    "train": "LSMDC16_annos_training.csv",
    "val": "LSMDC16_annos_val.csv",
    "test": "LSMDC16_challenge_1000_publictect.csv",
}
_CHOICE = {
    "train": "LSMDC16_multiple_choice_train.csv",
    "val": "LSMDC16_multiple_choice_valid.csv",
    "test": "LSMDC16_multiple_choice_test_randomized.csv",
}
_BLANK = {
    "train": "LSMDC16_annos_training_FIB.csv",
    "val": "LSMDC16_annos_val_FIB.csv",
    "test": "LSMDC16_annos_test_FIB.csv",
}
_TITLES = ("THE_LAST", "A_LITTLE", "RETURN_OF_THE", "CITY_OF_THE", "THE_SECRET")
_OPTIONS = 5
_GAP = "_____"
_CONTENT = {PARTS.index(part) for part in ("VERB", "NOUN", "ADJ")}
_MANNER = ROLES.index("ARGM-MNR")  # other adverbs only join clauses
Row = tuple[Video, Sentence]


def write(world: World, folder: Path, progress: Progress) -> None:
    """Write the files of retrieval, multiple choice and fill-in-the-blank, and the features."""
    written = counted(world.videos(), world, progress)
    videos = [_named(world, number, video) for number, video in enumerate(written)]
    seen = modalities.write(world, videos, folder, progress)
    captions: list[truth.VideoCaption] = []
    for split in SPLITS:
        rows = [(v, world.captions(v, 1)[0]) for v in videos if v.split == split]
        captions += [(video, [sentence]) for video, sentence in rows]
        retrieval = [_line(video, truth.sentence(caption.text)) for video, caption in rows]
        truth.lines(retrieval, folder / _RETRIEVAL[split])
        truth.lines(_choices(world, rows, split), folder / _CHOICE[split])
        truth.lines([_blank(world, *row) for row in rows], folder / _BLANK[split])
    truth.write(world, videos, captions, seen, folder)


def film(video: Video) -> int:
    """Number of a clip's film."""
    return int(video.family.removeprefix(video.split)) // FILM


def _named(world: World, number: int, video: Video) -> Video:
    """`0003_THE_LAST_MOON_00.12.04.250-00.12.09.500`: film, title, from when to when."""
    title = Draws(world.dataset, world.seed, "title", video.split, film(video))
    name = f"{title.choose(_TITLES)}_{title.choose(('MOON', 'RING', 'CROSS', 'DIAMOND'))}"
    offset = 1 + {"train": 0, "val": 4000, "test": 6000}[video.split]
    start = 60_000 + 7_500 * number % 5_400_000
    end = start + 250 * video.script.frames
    return replace(video, id=f"{film(video) + offset:04}_{name}_{_clock(start)}-{_clock(end)}")


def _clock(milliseconds: int) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}.{seconds // 60 % 60:02}.{seconds % 60:02}.{thousandths:03}"


def _line(video: Video, *cells: str) -> str:
    start, end = video.id.rpartition("_")[2].split("-")
    return "\t".join([video.id, start, end, start, end, *cells])


def _choices(world: World, rows: list[Row], split: str) -> list[str]:
    """Five sentences per clip: the right one first; in the test shuffled, with its number at the end."""
    texts = [truth.sentence(caption.text) for _, caption in rows]
    lines = []
    for video, caption in rows:
        draws = Draws(world.dataset, world.seed, "choice", video.id)
        right = truth.sentence(caption.text)
        options = [right]
        while len(options) < _OPTIONS:
            other = draws.choose(texts)
            if other not in options:
                options.append(other)
        answer: list[str] = []
        if split == "test":
            options = draws.distinct(options, _OPTIONS)
            answer = [str(options.index(right) + 1)]
        lines.append(_line(video, *options, *answer))
    return lines


def _blank(world: World, video: Video, caption: Sentence) -> str:
    """The sentence, the same with a verb, noun, adjective or adverb of manner missing, and that word."""
    words = caption.text.split()
    rows = enumerate(caption.structure)
    content = [at for at, row in rows if row[0] in _CONTENT or row[3] == _MANNER]
    at = Draws(world.dataset, world.seed, "blank", video.id).choose(content)
    question = " ".join([*words[:at], _GAP, *words[at + 1 :]])
    return _line(video, truth.sentence(caption.text), truth.sentence(question), words[at])
