"""MSVD (Youtube2Text): 1,970 clips of YouTube videos, about 41 English sentences each.

Chen, Dolan. "Collecting Highly Parallel Data for Paraphrase Evaluation." ACL 2011. Splits of
Venugopalan et al. (NAACL 2015), which the field uses: 1,200 train, 100 validation, 670 test. The
number of captions varies by clip, and every test caption is a query. Forms read: the corpus's CSV
(VideoID, Start, End, ..., Language, Description) or `AllVideoDescriptions.txt` (lines `clip sentence`,
remarks after #) with lists of clips, and the forms of `kb.datasets.readers.collections` (`msvdtrain.caption.txt`, `captions_msvd.json`, `raw-captions.pkl`).
"""

from pathlib import Path

from kb.datasets.corpus import Corpus, SplitData
from kb.datasets.readers.annotations import (
    AGAIN,
    Annotations,
    Captions,
    Reading,
    sentences,
    text_of,
)
from kb.datasets.readers.collections import read_collections, read_lists, read_passed_on
from kb.datasets.readers.textfiles import read_csv, read_lines
from kb.records.errors import KBError

CSV = (
    "MSR Video Description Corpus.csv",
    "MSR_Video_Description_Corpus.csv",
    "video_corpus.csv",
)
LINES = "AllVideoDescriptions.txt"  # the English part, beside the videos
JSON = "captions_msvd.json"
COLLECTIONS = {"train": "msvdtrain", "val": "msvdval", "test": "msvdtest"}
PROTOCOLS = ("full",)
PUBLISHED = {"full": {"train": 1200, "val": 100, "test": 670}}
CAPTIONS = {  # two editions: that of the BigFile collections, and that of CE and X-Pool
    "full": {"train": (48_779, 48_774), "val": (4_291, 4_290), "test": (27_767, 27_763)}
}


def read(
    root: Path, *, protocol: str = "full", name: str = "msvd", partial: bool = False
) -> Corpus:
    """The corpus under `root`. Raises KBError naming the file, the line and what to do about it."""
    reading = Reading(root, partial)
    splits = (
        read_collections(reading, COLLECTIONS)
        or read_passed_on(reading, [JSON])
        or _corpus(reading)
    )
    return reading.corpus(name, protocol, splits)


def _corpus(reading: Reading) -> dict[str, SplitData]:
    """The splits from the corpus's own files and one list of clips per split."""
    lines = None if reading.seek(*CSV) else reading.seek(LINES)
    if lines:
        return read_lists(reading, Annotations({}, _lines(lines, reading)))
    path = reading.seek(*CSV) or reading.want(f"{COLLECTIONS['train']}.caption.txt", JSON, *CSV)
    annotations = Annotations({}, _clips(path, reading) if path else {}, path is None)
    return read_lists(reading, annotations)


def _lines(path: Path, reading: Reading) -> Captions:
    """English captions by clip."""
    texts: dict[str, list[str]] = {}
    for number, line in read_lines(path, reading.digest):
        clip, _, text = line.strip().partition(" ")
        if clip.startswith("#"):
            continue
        if not text.strip():
            raise KBError(f"{clip[:40]} has no sentence", where=path, line=number, hint=AGAIN)
        texts.setdefault(clip, []).append(text_of(text.strip(), clip, path))
    return {clip: sentences(clip, text) for clip, text in texts.items()}


def _clips(path: Path, reading: Reading) -> Captions:
    """English captions by clip, `<VideoID>_<Start>_<End>`."""
    texts: dict[str, list[str]] = {}
    columns = ("VideoID", "Start", "End", "Language", "Description")
    for row in read_csv(path, reading.digest, columns):
        clip = f"{row['VideoID']}_{row['Start']}_{row['End']}"
        if row["Language"] == "English" and row["Description"].strip():
            texts.setdefault(clip, []).append(text_of(row["Description"], clip, path))
    return {clip: sentences(clip, of_clip) for clip, of_clip in texts.items()}
