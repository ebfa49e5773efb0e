"""MSR-VTT as published: two `videodatainfo.json` files, lists of the 1k protocols, features.

Xu, Mei, Yao, Rui. "MSR-VTT: A Large Video Description Dataset for Bridging Video and Language."
CVPR 2016. 10,000 clips of 20 sentences: 6,513 train, 497 validation, 2,990 test. Protocols:
full; 1k-A (JSFusion's 1,000 pairs; 9,000 or 7,010 videos to train on); 1k-B (MoEE's 1,000 videos,
their first sentence). Where the published files are not there, those that code bases pass on are
read: RUC's collections; CE's `raw-captions.pkl`, or MMT's file a video, with their lists.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from kb.datasets.corpus import Caption, Corpus, SplitData
from kb.datasets.features import hdf5
from kb.datasets.readers.annotations import (
    RELEASE,
    Annotations,
    Captions,
    Reading,
    disjoint,
    is_broken,
    object_of,
    read_pickle,
)
from kb.datasets.readers.collections import (
    TOKENS,
    read_captions,
    read_collections,
    read_lists,
    read_passed_on,
    read_video_files,
)
from kb.datasets.readers.textfiles import Digest, read_csv, read_json
from kb.records.errors import KBError

TRAIN_VAL = "train_val_videodatainfo.json"
TEST = "test_videodatainfo.json"
JOINED = "MSRVTT_data.json"  # both in one, as CLIP4Clip and others pass it on
COLLECTIONS = {split: f"msrvtt10k{split}" for split in ("train", "val", "test")}  # RUC's
LISTS = {  # CE's and MMT's, beside raw-captions.pkl
    split: (f"{split}_list_full.txt", f"{split}_list.txt") for split in ("train", "val", "test")
}
TRAIN_9K, PAIRS = "MSRVTT_train.9k.csv", "MSRVTT_JSFUSION_test.csv"
ONE_K_A = {"train": ("train_list_jsfusion.txt",), "test": ("val_list_jsfusion.txt",)}
ONE_K_B = {split: (f"{split}_list_miech.txt",) for split in ("train", "test")}
PICKED = "jsfusion_val_caption_idx.pkl"  # {video: which of its captions is the query of 1k-A}
SPLITS = {"train": "train", "validate": "val", "test": "test"}  # as the files call them: as we do
PUBLISHED = {  # protocol -> videos by split
    "full": {"train": 6513, "val": 497, "test": 2990},
    "1k-A": {"train": 9000, "val": 0, "test": 1000},
    "1k-A-7k": {"train": 7010, "val": 0, "test": 1000},
    "1k-B": {"train": 6656, "val": 0, "test": 1000},
}
CAPTIONS = {
    "full": {"train": (130_260,), "val": (9_940,), "test": (59_800,)},
    "1k-A": {"test": (1_000,)},
    "1k-A-7k": {"test": (1_000,)},
    "1k-B": {"test": (1_000,)},
}


def read(
    root: Path, *, protocol: str = "full", name: str = "msrvtt", partial: bool = False
) -> Corpus:
    """The corpus under `root`. Raises KBError naming the file, the line and what to do about it."""
    if protocol not in PROTOCOLS:
        raise KBError(f"protocol {protocol} is unknown", hint=f"choose {', '.join(PROTOCOLS)}")
    reading = Reading(root, partial)
    if protocol == "full" and reading.seek(TRAIN_VAL, TEST, JOINED) is None:
        passed_on = read_collections(reading, COLLECTIONS) or read_passed_on(reading, [], LISTS)
        if passed_on:
            return reading.corpus(name, protocol, passed_on)
    annotations = _passed_on(reading, protocol) or read_annotations(reading)
    return reading.corpus(name, protocol, PROTOCOLS[protocol](reading, annotations))


def _passed_on(reading: Reading, protocol: str) -> Annotations | None:
    """CE's or MMT's captions, for the 1k protocols; None if the official files exist."""
    lists = {"1k-A": ONE_K_A, "1k-B": ONE_K_B}.get(protocol)
    if lists is None or reading.seek(TRAIN_VAL, TEST, JOINED) or not reading.seek(*lists["test"]):
        return None
    tokens = reading.seek(TOKENS)
    if tokens:
        return Annotations({}, read_captions(tokens, reading))
    return read_video_files(reading, lists) if hdf5.folders(reading.root) else None


def read_annotations(reading: Reading) -> Annotations:
    """Videos and sentences, from the two published files or from the one that joins them."""
    joined = reading.seek(JOINED)
    if joined and not reading.seek(TRAIN_VAL):
        files: list[Path | None] = [joined]
    else:
        files = [reading.want(TRAIN_VAL), reading.want(TEST)]
    return replace(read_files(filter(None, files), reading.digest), partial=None in files)


def read_files(paths: Iterable[Path], digest: Digest) -> Annotations:
    """Videos and sentences of these files, which are of one release."""
    videos: dict[str, list[str]] = {name: [] for name in SPLITS.values()}
    captions: Captions = {}
    documents = [(path, _document(path, digest)) for path in paths]
    for path, document in documents:
        _add_videos(path, document["videos"], videos, captions)
    for path, document in documents:
        _add_captions(path, document["sentences"], captions)
    return Annotations(videos, captions)


def _document(path: Path, digest: Digest) -> dict[str, list[Any]]:
    document = read_json(path, digest)
    sections: dict[str, list[Any]] = document if isinstance(document, dict) else {}
    for key in ("videos", "sentences"):
        if not isinstance(sections.get(key), list):
            raise KBError(f"has no list of {key}", where=path, hint="is it a videodatainfo file?")
    return sections


def _add_videos(
    path: Path, entries: list[Any], videos: dict[str, list[str]], captions: Captions
) -> None:
    for number, entry in enumerate(entries):
        video, split = (_text(entry, key, f"video {number}", path) for key in ("video_id", "split"))
        if video in captions:
            raise KBError(f"{video} is there twice", where=path, hint="is a file there twice?")
        if split not in SPLITS:
            what = f"{video} is of split {split!r}"
            raise KBError(what, where=path, hint=f"known are {', '.join(SPLITS)}")
        captions[video] = []
        videos[SPLITS[split]].append(video)


def _add_captions(path: Path, entries: list[Any], captions: Captions) -> None:
    seen: set[tuple[Any, str, str]] = set()
    for number, entry in enumerate(entries):
        what = f"sentence {number}"
        video, text = (_text(entry, key, what, path) for key in ("video_id", "caption"))
        if video not in captions:
            hint = "the files must be of one release"
            raise KBError(f"{what} is of {video}, which is no video", where=path, hint=hint)
        key = (str(entry.get("sen_id", number)), video, text)
        if key in seen:
            raise KBError(f"{what} ({key[0]}) is there twice", where=path, hint="fetch it again")
        seen.add(key)
        own = captions[video]
        own.append(Caption(f"{video}#{len(own)}", video, text))


def _text(entry: Any, key: str, what: str, path: Path) -> str:
    """A string of an entry that UTF-8 can encode."""
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, str):
        raise KBError(f"{what} has no {key}", where=path, hint="fetch it again")
    if is_broken(value):
        raise KBError(f"{what}: {key} is broken text", where=path, hint="fetch it again")
    return value


Splits = Callable[[Reading, Annotations], dict[str, SplitData]]


def _full(reading: Reading, annotations: Annotations) -> dict[str, SplitData]:
    del reading
    return {name: annotations.split(name, ids) for name, ids in annotations.videos.items()}


def _one_k_a(train: str) -> Splits:
    def splits(reading: Reading, annotations: Annotations) -> dict[str, SplitData]:
        if train == TRAIN_9K and not reading.seek(PAIRS) and reading.seek(*ONE_K_A["test"]):
            return _one_k_a_of_ce(reading, annotations)
        path, pairs = reading.want(PAIRS), reading.want(train)
        columns = ("key", "vid_key", "video_id", "sentence")
        rows = read_csv(path, reading.digest, columns) if path else []
        listed = read_csv(pairs, reading.digest, ("video_id",)) if pairs else []
        ids = [row["video_id"] for row in listed]
        test = annotations.split("test", [row["video_id"] for row in rows], path)
        test.captions = [Caption(r["key"], r["video_id"], r["sentence"]) for r in rows]
        return _without_val(annotations.split("train", ids, pairs), test, pairs)

    return splits


def _one_k_a_of_ce(reading: Reading, annotations: Annotations) -> dict[str, SplitData]:
    """The same pairs by CE's lists and the number of each test video's caption."""
    splits = read_lists(reading, annotations, ONE_K_A)
    train, test = splits["train"], splits["test"]
    path = reading.want(PICKED)
    picked = object_of(read_pickle(path, reading.digest), "the file", path) if path else {}
    queries = []
    for video in test.videos if path else ():
        number, captions = picked.get(video), annotations.captions.get(video, [])
        if not isinstance(number, int) or not 0 <= number < len(captions):
            what = f"caption {number} of {video} is none of its {len(captions)}"
            raise KBError(what, where=path, hint=RELEASE)
        queries.append(captions[number])
    test.captions = queries
    return _without_val(train, test, reading.seek(*ONE_K_A["train"]))


def _one_k_b(reading: Reading, annotations: Annotations) -> dict[str, SplitData]:
    splits = read_lists(reading, annotations, ONE_K_B)
    train, test = splits["train"], splits["test"]
    captions_by_video = [annotations.captions.get(video, []) for video in test.videos]
    test.captions = [own[0] for own in captions_by_video if own]
    return _without_val(train, test, reading.seek(*ONE_K_B["train"]))


def _without_val(train: SplitData, test: SplitData, path: Path | None) -> dict[str, SplitData]:
    """The 1k protocols have no validation videos; no video may be trained on and tested."""
    splits = {"train": train, "val": SplitData("val", [], []), "test": test}
    disjoint(splits, path)
    return splits


PROTOCOLS: dict[str, Splits] = {
    "full": _full,
    "1k-A": _one_k_a(TRAIN_9K),
    "1k-A-7k": _one_k_a("MSRVTT_train.7k.csv"),
    "1k-B": _one_k_b,
}
