"""The ground-truth sidecar of a generated dataset: scripts, stated facts, speech and on-screen text.

It is next to the files of the published format; the dataset's reader never opens it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.datasets.corpus import Line
from kb.datasets.synthetic import rendering
from kb.datasets.synthetic.grammar import Sentence
from kb.datasets.synthetic.meaning import Meaning, fields, merged, rows
from kb.datasets.synthetic.modalities import Seen
from kb.datasets.synthetic.script import Script, Video, script_from
from kb.datasets.synthetic.words import COLUMNS
from kb.datasets.synthetic.world import World
from kb.records.errors import Exit, KBError

TRUTH = "diorama.json"  # parameters, and every video with its script and twins
MEANINGS = "diorama.meanings.npy"  # (captions, fields) what each caption states, split by split
OWNERS = "diorama.owners.npy"  # (captions,) row of each caption's video
STRUCTURE = "diorama.structure.npy"  # (words, COLUMNS) of every sentence, end to end
SENTENCES = "diorama.sentences.npy"  # (sentences, 2) first row in STRUCTURE, row of the caption
WORDS = "diorama.words.json"  # video -> speech and on-screen text, with their times
TOPICS = "diorama.topics.npy"  # (topics, fields) what each topic states, where they are the test
Table = NDArray[np.int8]
VideoCaption = tuple[Video, Sequence[Sentence]]  # one caption: its video, and its sentences


def write(
    world: World,
    videos: Sequence[Video],
    captions: Sequence[VideoCaption],
    seen: Mapping[str, Seen],
    folder: Path,
) -> None:
    """Write the sidecar, with captions in the order in which readers return them."""
    row = {video.id: number for number, video in enumerate(videos)}
    events = max(len(video.script.events) for video in videos)
    stated = [merged([one.meaning for one in sentences]) for _, sentences in captions]
    np.save(folder / MEANINGS, rows(stated, events))
    np.save(folder / OWNERS, np.array([row[video.id] for video, _ in captions], np.int32))
    _write_structure([sentences for _, sentences in captions], folder)
    words = {
        name: {"speech": [_plain(x) for x in one.speech], "ocr": [_plain(x) for x in one.on_screen]}
        for name, one in seen.items()
        if one.speech or one.on_screen
    }
    dump(words, folder / WORDS)
    truth = {
        "parameters": world.parameters(),
        "fields": fields(events),
        "videos": [asdict(video) for video in videos],
    }
    dump(truth, folder / TRUTH)


def write_topics(topics: Sequence[Meaning], events: int, folder: Path) -> None:
    """Write the facts of the topics, in order, next to the sidecar."""
    np.save(folder / TOPICS, rows(topics, events))


def _write_structure(captions: Sequence[Sequence[Sentence]], folder: Path) -> None:
    tables = [one.structure for sentences in captions for one in sentences]
    caption = [at for at, sentences in enumerate(captions) for _ in sentences]
    first = np.cumsum([0, *(len(table) for table in tables)])[:-1]
    np.save(folder / STRUCTURE, np.concatenate([np.zeros((0, len(COLUMNS)), np.int8), *tables]))
    np.save(folder / SENTENCES, np.stack([first, caption], axis=1).astype(np.int32))


def _plain(line: Line) -> list[float | str]:
    return [line.start, line.end, line.text]


def dump(document: Any, path: Path) -> None:
    """Compact JSON in ASCII, one line."""
    path.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="ascii")


def lines(rows: Iterable[str], path: Path) -> None:
    """Write rows as UTF-8 lines; creates the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8", newline="\n")


def sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    return f"{text[0].upper()}{text[1:]}."


def read(root: Path) -> dict[str, Any]:
    """The sidecar of a generated dataset. KBError if it is missing or damaged."""
    path = root / TRUTH
    if not path.is_file():
        what = "is not there: only a generated dataset has its truth"
        raise KBError(what, where=path, hint="kb data make", code=Exit.UNREACHABLE)
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
    except ValueError as error:
        hint = "remove the folder and run kb data make"
        raise KBError("is not JSON", where=path, hint=hint) from error
    return document


def videos(root: Path) -> list[Video]:
    """Every video with its script, in the order of generation."""
    return [Video(**{**v, "script": script_from(v["script"])}) for v in read(root)["videos"]]


def families(root: Path) -> dict[str, str]:
    """The family of every video: videos that share place and cast."""
    return {video["id"]: video["family"] for video in read(root)["videos"]}


def meanings(root: Path) -> tuple[Table, NDArray[np.int32]]:
    """(captions, fields) what each caption states, and (captions,) the row of its video."""
    return np.load(root / MEANINGS), np.load(root / OWNERS)


def queries(root: Path, split: str) -> Table:
    """(queries, fields) what the captions of a split state, or the topics that are its queries."""
    if split == "test" and (root / TOPICS).is_file():
        topics: Table = np.load(root / TOPICS)
        return topics
    wanted = np.array([video.split == split for video in videos(root)])
    stated, owner = meanings(root)
    own: Table = stated[wanted[owner]]
    return own


def structures(root: Path) -> list[list[Table]]:
    """Per caption, in the order of MEANINGS, its sentences' (words, COLUMNS) tables."""
    words, sentences = np.load(root / STRUCTURE), np.load(root / SENTENCES)
    by_caption: list[list[Table]] = [[] for _ in np.load(root / OWNERS)]
    for table, caption in zip(np.split(words, sentences[1:, 0]), sentences[:, 1], strict=True):
        by_caption[caption].append(table)
    return by_caption


def transcripts(root: Path) -> dict[str, dict[str, list[Line]]]:
    """Speech and on-screen text: expert -> video -> lines."""
    path = root / WORDS
    by_expert: dict[str, dict[str, list[Line]]] = {"speech": {}, "ocr": {}}
    if path.is_file():
        for video, kinds in json.loads(path.read_bytes()).items():
            for kind, lines in kinds.items():
                if lines:
                    by_expert[kind][video] = [Line(*line) for line in lines]
    return by_expert


class Rendered:
    """Pixels of the videos, rendered lazily from their scripts.

    `Rendered(root)(video)` is (frames, 64, 64, 3) uint8.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def _scripts(self) -> dict[str, Script]:
        return {video.id: video.script for video in videos(self.root)}

    def __call__(self, video: str) -> NDArray[np.uint8]:
        """Every frame of a video."""
        return rendering.render(self._scripts[video])
