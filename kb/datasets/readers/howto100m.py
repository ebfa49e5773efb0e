"""HowTo100M: 1.22 million narrated videos, 136 million lines of speech; for pre-training.

Miech, Zhukov, Alayrac, Tapaswi, Laptev, Sivic. "HowTo100M: Learning a Text-Video Embedding by
Watching Hundred Million Narrated Video Clips." ICCV 2019. Files: `HowTo100M_v1.csv` with columns
video_id, category_1, category_2, rank, task_id; `caption.json` or `caption.pickle`:
{video_id: {start: [seconds], end: [..], text: [..]}}. A pickle is read as data and never executed.
Protocols: full (lines joined to windows of at least five seconds), lines (as they are).
Videos in `val_from_train.txt` and `test_from_train.txt`, files of ours that need not be there, are
held out; nothing is published but what to train on.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kb.datasets.corpus import Caption, Corpus, Moment, SplitData
from kb.datasets.readers.annotations import (
    AGAIN,
    RELEASE,
    Reading,
    list_of,
    number_of,
    object_of,
    read_pickle,
    text_of,
)
from kb.datasets.readers.textfiles import read_csv, read_ids, read_json
from kb.records.errors import KBError

CSV = ("HowTo100M_v1.csv", "howto100m_v1.csv", "train.csv")
CAPTION_FILES = (
    "caption.json",
    "caption.pickle",
    "raw_caption.json",
    "raw_caption_superclean.json",
)
HELD_OUT = {split: f"{split}_from_train.txt" for split in ("val", "test")}
LEAST = 5.0  # seconds of a window
PROTOCOLS = ("full", "lines")
PUBLISHED: dict[str, dict[str, int]] = {"full": {}, "lines": {}}
CAPTIONS: dict[str, dict[str, tuple[int, ...]]] = {}


def read(
    root: Path, *, protocol: str = "full", name: str = "howto100m", partial: bool = False
) -> Corpus:
    """The corpus under `root`. Raises KBError naming the file, the line and what to do about it."""
    reading = Reading(root, partial)
    table, path = reading.want(*CSV), reading.want(*CAPTION_FILES)
    rows = read_csv(table, reading.digest, ("video_id",)) if table else []
    videos = list(dict.fromkeys(row["video_id"].strip() for row in rows))
    if len(videos) < len(rows):
        again = len(rows) - len(videos)
        reading.notes.append(f"{again:,} rows of {CSV[0]} name a video again, for another task")
    narration = _narration(path, reading) if path else {}
    if videos and narration and narration.keys().isdisjoint(videos):
        raise KBError(f"tells of no video of {CSV[0]}", where=path, hint=RELEASE)
    unlisted = len(narration.keys() - set(videos))
    if unlisted:
        reading.notes.append(f"narration of {unlisted:,} videos not in {CSV[0]} is left out")
    moments = {video: narration.get(video, []) for video in videos}
    if protocol == "full":
        moments = {video: windows(lines) for video, lines in moments.items()}
    corpus = reading.corpus(name, protocol, _splits(videos, moments, reading))
    corpus.moments = moments
    return corpus


def windows(lines: Sequence[Moment], least: float = LEAST) -> list[Moment]:
    """Lines joined, in order, until each window is at least `least` seconds long.

    What is left at the end joins the last window; every line is in exactly one.
    """
    groups: list[list[Moment]] = []
    for line in lines:
        if groups and groups[-1][-1].end - groups[-1][0].start < least:
            groups[-1].append(line)
        else:
            groups.append([line])
    if len(groups) > 1 and groups[-1][-1].end - groups[-1][0].start < least:
        rest = groups.pop()
        groups[-1] += rest
    return [Moment(g[0].start, g[-1].end, " ".join(m.text for m in g)) for g in groups]


def _splits(
    videos: list[str], moments: dict[str, list[Moment]], reading: Reading
) -> dict[str, SplitData]:
    held_out: dict[str, list[str]] = {}
    for split, file in HELD_OUT.items():
        path = reading.seek(file)
        held_out[split] = read_ids(path, reading.digest) if path else []
        unknown = set(held_out[split]) - moments.keys()
        if unknown:
            raise KBError(f"{min(unknown)} is no video of the table", where=path, hint=RELEASE)
    out = {video for ids in held_out.values() for video in ids}
    chosen = {"train": [video for video in videos if video not in out], **held_out}
    return {
        split: SplitData(split, ids, [c for v in ids for c in _captions(v, moments[v])])
        for split, ids in chosen.items()
    }


def _captions(video: str, moments: list[Moment]) -> list[Caption]:
    return [Caption(f"{video}#{k}", video, m.text, (m.start, m.end)) for k, m in enumerate(moments)]


def _narration(path: Path, reading: Reading) -> dict[str, list[Moment]]:
    pickled = path.suffix == ".pickle"
    document = (read_pickle if pickled else read_json)(path, reading.digest)
    document = object_of(document, "the file", path)
    return {video: _lines(video, object_of(e, video, path), path) for video, e in document.items()}


def _lines(video: str, entry: dict[str, Any], path: Path) -> list[Moment]:
    """The lines of a video, without empty ones."""
    columns = [
        list_of(entry.get(key), f"{key} of {video}", path) for key in ("start", "end", "text")
    ]
    if len({len(column) for column in columns}) > 1:
        sizes = ", ".join(str(len(column)) for column in columns)
        what = f"{video} has columns of {sizes} entries"
        raise KBError(what, where=path, hint=AGAIN)
    lines = []
    for start, end, text in zip(*columns, strict=True):
        if isinstance(text, float):  # NaN: what the published tables have for an empty line
            continue
        line = text_of(str(text) if isinstance(text, int) else text, f"text of {video}", path)
        first, last = (number_of(t, f"a time of {video}", path) for t in (start, end))
        if line.strip():
            lines.append(Moment(first, last, line.strip()))
    return lines
