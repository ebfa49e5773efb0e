"""DiDeMo: 10,464 Flickr videos, 41,206 descriptions of moments in chunks of five seconds.

Hendricks, Wang, Shechtman, Sivic, Darrell, Russell. "Localizing Moments in Video with Natural
Language." ICCV 2017. Files: `train_data.json`, `val_data.json`, `test_data.json`: lists of
{annotation_id, description, video, times: [[first, last chunk] by annotator], num_segments,
dl_link}; chunks (3, 3) are seconds 15 to 20. The same video stands under several file extensions:
it is known by its name without them (1,065 and 1,004 videos, not 1,094 and 1,037). Protocols: full
(all descriptions of a video joined; 8,395 / 1,065 / 1,004), moments (each description a query).
"""

import re
from collections import Counter
from pathlib import Path
from typing import Any

from kb.datasets.corpus import Caption, Corpus, Moment, SplitData
from kb.datasets.readers.annotations import AGAIN, Reading, list_of, number_of, object_of, text_of
from kb.datasets.readers.textfiles import read_json
from kb.records.errors import KBError

FILES = {split: f"{split}_data.json" for split in ("train", "val", "test")}
CMHSE = {split: f"{split}_data_bwzhang.json" for split in ("train", "val", "test")}
CHUNK = 5.0  # seconds
_VIDEOS = {"train": 8_395, "val": 1_065, "test": 1_004}
PUBLISHED = {"full": _VIDEOS, "moments": _VIDEOS}
CAPTIONS = {
    "full": {split: (count,) for split, count in _VIDEOS.items()},
    "moments": {"train": (33_005,), "val": (4_180,), "test": (4_021,)},
}
PROTOCOLS = tuple(PUBLISHED)

MomentsByVideo = dict[str, list[Moment]]  # video -> its moments in file order


def read(
    root: Path, *, protocol: str = "full", name: str = "didemo", partial: bool = False
) -> Corpus:
    """The corpus under `root`. Raises KBError naming the file, the line and what to do about it."""
    reading = Reading(root, partial)
    durations: dict[str, float] = {}
    cmhse = reading.seek(*CMHSE.values()) and not reading.seek(*FILES.values())
    by_split = (_cmhse if cmhse else _official)(reading, durations)
    captions = _as_moments if protocol == "moments" else _as_paragraph
    splits = {
        split: SplitData(
            split, list(videos), [c for v, m in videos.items() for c in captions(v, m)]
        )
        for split, videos in by_split.items()
    }
    corpus = reading.corpus(name, protocol, splits)
    corpus.moments = {v: moments for videos in by_split.values() for v, moments in videos.items()}
    corpus.durations = durations
    return corpus


def key(video: str) -> str:
    """A video's name without its extensions: `x.mov`, `x.mov.mp4`, `x.` and `x` are one video."""
    return re.sub(r"(\.[A-Za-z0-9]{0,4})+$", "", video)


def _official(reading: Reading, durations: dict[str, float]) -> dict[str, MomentsByVideo]:
    by_split: dict[str, MomentsByVideo] = {}
    for split, file in FILES.items():
        path, by_split[split] = reading.want(file), {}
        seen: set[Any] = set()
        entries = list_of(read_json(path, reading.digest), "the file", path) if path else []
        for number, entry in enumerate(entries):
            video, moment, chunks, named = _entry(entry, f"entry {number}", path)
            if named in seen:
                raise KBError(f"annotation {named} is there twice", where=path, hint=AGAIN)
            seen.add(number if named is None else named)
            by_split[split].setdefault(video, []).append(moment)
            durations[video] = chunks * CHUNK
    return by_split


def _entry(entry: Any, what: str, path: Path | None) -> tuple[str, Moment, float, Any]:
    """Video, moment, length in chunks and the annotation's number."""
    entry = object_of(entry, what, path)
    video = key(text_of(entry.get("video"), f"video of {what}", path))
    chunks = number_of(entry.get("num_segments"), f"num_segments of {what}", path)
    return video, _moment(entry, what, path), chunks, entry.get("annotation_id")


def _moment(entry: dict[str, Any], what: str, path: Path | None) -> Moment:
    """A description and where most annotators saw it; the first of equals."""
    votes = []
    for pair in list_of(entry.get("times"), f"times of {what}", path):
        if not isinstance(pair, list) or len(pair) != 2:  # noqa: PLR2004  (first and last)
            raise KBError(f"a time of {what} is no [first, last]", where=path, hint=AGAIN)
        first, last = (number_of(t, f"a time of {what}", path) for t in pair)
        votes.append((first * CHUNK, (last + 1) * CHUNK))
    if not votes:
        raise KBError(f"{what} has no times", where=path, hint=AGAIN)
    (start, end), _ = Counter(votes).most_common(1)[0]
    text = text_of(entry.get("description"), f"description of {what}", path).strip()
    return Moment(start, end, text, tuple(votes))


def _cmhse(reading: Reading, durations: dict[str, float]) -> dict[str, MomentsByVideo]:
    """CMHSE's edition: {video: {duration, feature_leng, times in frames, description: [..]}}."""
    by_split: dict[str, MomentsByVideo] = {}
    for split, file in CMHSE.items():
        path = reading.want(file)
        entries = object_of(read_json(path, reading.digest), "the file", path) if path else {}
        by_split[split] = {v: _timed(v, object_of(e, v, path), path) for v, e in entries.items()}
        for video, entry in entries.items():
            durations[video] = number_of(entry.get("duration"), f"duration of {video}", path)
    return by_split


def _timed(video: str, entry: dict[str, Any], path: Path | None) -> list[Moment]:
    texts = list_of(entry.get("description"), f"description of {video}", path)
    times = list_of(entry.get("times"), f"times of {video}", path)
    length = number_of(entry.get("feature_leng"), f"feature_leng of {video}", path)
    duration = number_of(entry.get("duration"), f"duration of {video}", path)
    if len(texts) != len(times):
        what = f"{video} has {len(texts)} descriptions and {len(times)} times"
        raise KBError(what, where=path, hint=AGAIN)
    second = duration / max(length, 1.0)  # of a frame
    moments = []
    for text, pair in zip(texts, times, strict=True):
        first, last = (number_of(t, f"a time of {video}", path) for t in list_of(pair, video, path))
        description = text_of(text, f"a description of {video}", path).strip()
        moments.append(Moment(first * second, last * second, description))
    return moments


def _as_moments(video: str, moments: list[Moment]) -> list[Caption]:
    return [Caption(f"{video}#{k}", video, m.text, (m.start, m.end)) for k, m in enumerate(moments)]


def _as_paragraph(video: str, moments: list[Moment]) -> list[Caption]:
    return [Caption(f"{video}#0", video, " ".join(m.text for m in moments))]
