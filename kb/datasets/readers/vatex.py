"""VATEX: 41,250 clips of ten seconds, ten English and ten Chinese captions each.

Wang et al. "VATEX: A Large-Scale, High-Quality Multilingual Dataset for Video-and-Language
Research." ICCV 2019. Files: `vatex_training_v1.0.json`, `vatex_validation_v1.0.json`,
`vatex_public_test_english_v1.1.json`: lists of {videoID, enCap, chCap}; the last five captions of
either language are translations of each other. Protocols: full (official: 25,991 train, 3,000
validation, 6,000 public test); 1k5 (HGR: the validation clips in halves of 1,500, by
`train_list.txt`, `val_list.txt`, `test_list.txt`; CE calls them `val_list_split1.txt` and
`val_list_split2.txt`); `-zh` the same in Chinese, `-en+zh` in both.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kb.datasets.corpus import Caption, Corpus, SplitData
from kb.datasets.readers.annotations import (
    AGAIN,
    Annotations,
    Captions,
    Reading,
    list_of,
    object_of,
    text_of,
)
from kb.datasets.readers.collections import LISTS, read_lists
from kb.datasets.readers.textfiles import read_json
from kb.records.errors import KBError

FILES = {
    "train": ("vatex_training_v1.0.json", "vatex_train_english_v1.0_privacy_limited.json"),
    "val": ("vatex_validation_v1.0.json", "vatex_val_english_v1.0_privacy_limited.json"),
    "test": (
        "vatex_public_test_english_v1.1.json",
        "vatex_public_test_english_v1.1_privacy_limited.json",
    ),
}
JOINED = "vatex_data.json"  # {videoID: {enCap, chCap}}, as some code bases pass it on
HALVES = {
    "train": LISTS["train"],
    "val": (*LISTS["val"], "val_list_split1.txt"),
    "test": (*LISTS["test"], "val_list_split2.txt"),
}
_LANGUAGES = {"": ("en",), "-zh": ("zh",), "-en+zh": ("en", "zh")}
_KEYS = {"en": "enCap", "zh": "chCap"}
_KEYS_OF = frozenset(_KEYS.values())
_OFFICIAL = {"train": 25_991, "val": 3_000, "test": 6_000}
_HALVED = {"train": 25_991, "val": 1_500, "test": 1_500}
PUBLISHED = {
    f"{split}{language}": dict(counts)
    for split, counts in (("full", _OFFICIAL), ("1k5", _HALVED))
    for language in _LANGUAGES
}
CAPTIONS = {
    protocol: {split: (count * (20 if "+" in protocol else 10),) for split, count in counts.items()}
    for protocol, counts in PUBLISHED.items()
}
for _protocol in ("full-zh", "full-en+zh"):  # the public test file has English captions only
    CAPTIONS[_protocol]["test"] = (0,) if _protocol == "full-zh" else (60_000,)
PROTOCOLS = tuple(PUBLISHED)


def read(
    root: Path, *, protocol: str = "full", name: str = "vatex", partial: bool = False
) -> Corpus:
    """The corpus under `root`. Raises KBError naming the file, the line and what to do about it."""
    reading = Reading(root, partial)
    languages = _LANGUAGES[protocol.removeprefix("full").removeprefix("1k5")]
    halves = protocol.startswith("1k5")
    files = _halved(reading, languages) if halves else _official(reading, languages)
    corpus = reading.corpus(name, protocol, files)
    corpus.durations = {v: _seconds(v) for s in corpus.splits.values() for v in s.videos}
    return corpus


def _official(reading: Reading, languages: tuple[str, ...]) -> dict[str, SplitData]:
    splits = {}
    for split, names in FILES.items():
        path = reading.want(*names)
        captions = _captions(path, reading, languages) if path else {}
        splits[split] = Annotations({}, captions).split(split, captions, path)
    return splits


def _halved(reading: Reading, languages: tuple[str, ...]) -> dict[str, SplitData]:
    joined = reading.seek(JOINED)
    captions: Captions = {}
    paths = [joined] if joined else [reading.want(*FILES[s]) for s in ("train", "val")]
    for path in paths:
        captions.update(_captions(path, reading, languages) if path else {})
    return read_lists(reading, Annotations({}, captions, None in paths), HALVES)


def _captions(path: Path, reading: Reading, languages: tuple[str, ...]) -> Captions:
    """Captions by clip, in `languages`."""
    document = read_json(path, reading.digest)
    if isinstance(document, dict):
        entries: list[Mapping[str, Any]] = [
            {"videoID": video, **object_of(entry, video, path)} for video, entry in document.items()
        ]
    else:
        entries = list_of(document, "the file", path)
    captions: Captions = {}
    for number, entry in enumerate(entries):
        video = text_of(object_of(entry, f"entry {number}", path).get("videoID"), "videoID", path)
        if video in captions:
            raise KBError(f"{video} is there twice", where=path, hint="was something pasted twice?")
        if not _KEYS_OF & entry.keys():
            raise KBError(f"{video} has neither enCap nor chCap", where=path, hint=AGAIN)
        captions[video] = [c for code in languages for c in _captions_in(video, code, entry, path)]
    return captions


def _captions_in(video: str, language: str, entry: Mapping[str, Any], path: Path) -> list[Caption]:
    mark = "" if language == "en" else language
    key = _KEYS[language]
    return [
        Caption(f"{video}#{mark}{k}", video, text_of(t, f"{key} of {video}", path), None, language)
        for k, t in enumerate(list_of(entry.get(key, []), f"{key} of {video}", path))
    ]


def _seconds(video: str) -> float:
    """Length of a clip, from its id `<YouTube id>_<start>_<end>`; ten seconds where it has none."""
    _, start, end = ("__" + video).rsplit("_", 2)
    return float(int(end) - int(start)) if start.isdecimal() and end.isdecimal() else 10.0
