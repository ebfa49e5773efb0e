"""Tables, JSON and videos as CLIP4Clip's MSR-VTT loader reads them, and those that follow it.

`MSRVTT_data.json` (videos and sentences of all splits), `MSRVTT_train.9k.csv` (what to train on),
`MSRVTT_JSFUSION_test.csv` (one sentence a test video, its first), `videos/<video>.mp4` where pixels
are at hand. The names are those of the loader's documented commands.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kb.datasets.corpus import Corpus
from kb.datasets.layouts.layout import (
    OFFICIAL,
    Pixels,
    Progress,
    check_captions,
    check_ids,
    every_video,
    one_line,
)
from kb.datasets.readers import msrvtt

TRAIN, TEST = "MSRVTT_train.9k.csv", "MSRVTT_JSFUSION_test.csv"
FPS = 8  # of the videos that are written


def write(corpus: Corpus, folder: Path, pixels: Pixels | None, progress: Progress) -> None:
    """The three files, and a video for each (video, frames) of `pixels`."""
    write_tables(corpus, folder, "clip4clip", TRAIN)
    if pixels is None:
        return
    from kb.datasets.features.videos import write_video  # noqa: PLC0415  (needs PyAV)

    (folder / "videos").mkdir()
    count = len(list(every_video(corpus)))
    for done, (video, frames) in enumerate(pixels, start=1):
        write_video(folder / "videos" / f"{video}.mp4", frames, FPS)
        progress("videos", done, count)


def write_tables(corpus: Corpus, folder: Path, layout: str, train: str) -> None:
    """Annotations of every split, the list to train on and the pairs to test on."""
    check_ids(corpus, "/,", layout)
    check_captions(corpus, layout)
    with (folder / msrvtt.JOINED).open("w", encoding="utf-8") as file:
        json.dump(_document(corpus), file)
        file.write("\n")
    _table(folder / train, ["video_id"], [[v] for v in corpus.splits["train"].videos])
    _table(folder / TEST, ["key", "vid_key", "video_id", "sentence"], _pairs(corpus))


def _document(corpus: Corpus) -> dict[str, Any]:
    videos = [
        {
            "category": 0,
            "url": "",
            "video_id": video,
            "start time": 0.0,
            "end time": corpus.durations.get(video, 0.0),
            "split": OFFICIAL[split.name],
            "id": number,
        }
        for split in corpus.splits.values()
        for number, video in enumerate(split.videos)
    ]
    captions = [caption for split in corpus.splits.values() for caption in split.captions]
    sentences = [
        {"sen_id": number, "video_id": caption.video, "caption": one_line(caption.text)}
        for number, caption in enumerate(captions)
    ]
    info = {
        "contributor": corpus.name,
        "version": corpus.fingerprint,
        "year": "",
        "data_created": "",
    }
    return {"info": info, "videos": videos, "sentences": sentences}


def _pairs(corpus: Corpus) -> list[list[str]]:
    """The first caption of each test video."""
    first: dict[str, str] = {}
    for caption in corpus.splits["test"].captions:
        first.setdefault(caption.video, one_line(caption.text))
    videos = [video for video in corpus.splits["test"].videos if video in first]
    return [[f"ret{n}", f"msr{n}", video, first[video]] for n, video in enumerate(videos)]


def _table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)


def read(root: Path, name: str) -> Corpus:
    """The whole corpus; `msrvtt.read(root, protocol="1k-A")` gives the pairs."""
    return msrvtt.read(root, name=name)
