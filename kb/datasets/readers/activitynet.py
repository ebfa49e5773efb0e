"""ActivityNet Captions: 20,000 videos, each described by a paragraph of sentences with time stamps.

Krishna, Hata, Ren, Fei-Fei, Niebles. "Dense-Captioning Events in Videos." ICCV 2017. Files:
`train.json`, `val_1.json`, `val_2.json`: {v_<id>: {duration, timestamps: [[start, end]], sentences}}
in seconds; val_2 is a second telling of val_1's videos. Protocols: full (paragraph retrieval, the
sentences of a video joined; 10,009 train, 4,917 test from val_1), val_2 (the same, tested on
val_2), moments (every sentence a query with its time stamps, tested on val_1).

No validation videos are published. Ids in `val_from_train.txt`, a file of ours that need not be
there, are held out of train for choosing an epoch.
"""

from pathlib import Path
from typing import Any

from kb.datasets.corpus import Caption, Corpus, Moment, SplitData
from kb.datasets.readers.annotations import AGAIN, Reading, list_of, number_of, object_of, text_of
from kb.datasets.readers.textfiles import read_ids, read_json
from kb.records.errors import KBError

TRAIN = "train.json"
HELD_OUT = "val_from_train.txt"
TESTS = {"full": "val_1.json", "val_2": "val_2.json", "moments": "val_1.json"}
PROTOCOLS = tuple(TESTS)
PUBLISHED = {
    "full": {"train": 10_009, "val": 0, "test": 4_917},
    "val_2": {"train": 10_009, "val": 0, "test": 4_885},
    "moments": {"train": 10_009, "val": 0, "test": 4_917},
}
CAPTIONS = {
    "full": {"train": (10_009,), "test": (4_917,)},
    "val_2": {"train": (10_009,), "test": (4_885,)},
    "moments": {"train": (37_421,), "test": (17_505,)},
}


def read(
    root: Path, *, protocol: str = "full", name: str = "activitynet", partial: bool = False
) -> Corpus:
    """The corpus under `root`. Raises KBError naming the file, the line and what to do about it."""
    reading = Reading(root, partial)
    annotations: dict[str, tuple[float, list[Moment]]] = {}
    videos = {}
    for split, file in (("train", TRAIN), ("test", TESTS[protocol])):
        path = reading.want(file)
        entries = _entries(path, reading) if path else {}
        videos[split] = list(entries)
        for video in entries.keys() & annotations.keys():
            hint = "a video is trained on or tested, not both"
            raise KBError(f"{video} is in {TRAIN} too", where=path, hint=hint)
        annotations |= entries
    videos = _hold_out(videos, reading)
    captions = _as_moments if protocol == "moments" else _as_paragraph
    splits = {
        split: SplitData(split, ids, [c for v in ids for c in captions(v, *annotations[v])])
        for split, ids in videos.items()
    }
    corpus = reading.corpus(name, protocol, splits)
    corpus.durations = {video: seconds for video, (seconds, _) in annotations.items()}
    corpus.moments = {video: moments for video, (_, moments) in annotations.items()}
    return corpus


def _hold_out(videos: dict[str, list[str]], reading: Reading) -> dict[str, list[str]]:
    path = reading.seek(HELD_OUT)
    validation = read_ids(path, reading.digest) if path else []
    unknown = set(validation) - set(videos["train"])
    if unknown:
        raise KBError(f"{min(unknown)} is no video of {TRAIN}", where=path, hint=AGAIN)
    train = [video for video in videos["train"] if video not in set(validation)]
    return {"train": train, "val": validation, "test": videos["test"]}


def _entries(path: Path, reading: Reading) -> dict[str, tuple[float, list[Moment]]]:
    """Duration and moments of each video."""
    entries = object_of(read_json(path, reading.digest), "the file", path)
    return {video: _video(video, entry, path) for video, entry in entries.items()}


def _video(video: str, entry: Any, path: Path) -> tuple[float, list[Moment]]:
    entry = object_of(entry, video, path)
    texts = list_of(entry.get("sentences"), f"sentences of {video}", path)
    stamps = list_of(entry.get("timestamps"), f"timestamps of {video}", path)
    if len(texts) != len(stamps):
        what = f"{video} has {len(texts)} sentences and {len(stamps)} time stamps"
        raise KBError(what, where=path, hint=AGAIN)
    duration = number_of(entry.get("duration"), f"duration of {video}", path)
    return duration, [_moment(video, *pair, path) for pair in zip(stamps, texts, strict=True)]


def _moment(video: str, stamp: Any, text: Any, path: Path) -> Moment:
    """A moment; a few of the published ones end before they begin and are turned round."""
    if not isinstance(stamp, list) or len(stamp) != 2:  # noqa: PLR2004  (start and end)
        raise KBError(f"a time stamp of {video} is no [start, end]", where=path, hint=AGAIN)
    start, end = sorted(number_of(t, f"a time stamp of {video}", path) for t in stamp)
    return Moment(start, end, text_of(text, f"a sentence of {video}", path).strip())


def _as_moments(video: str, duration: float, moments: list[Moment]) -> list[Caption]:
    del duration
    return [Caption(f"{video}#{k}", video, m.text, (m.start, m.end)) for k, m in enumerate(moments)]


def _as_paragraph(video: str, duration: float, moments: list[Moment]) -> list[Caption]:
    text = " ".join(m.text for m in moments)
    return [Caption(f"{video}#0", video, text, (0.0, duration))]
