"""MSR-VTT as published: two `videodatainfo.json` files, lists of the 1k protocols, features.

Xu, Mei, Yao, Rui. "MSR-VTT: A Large Video Description Dataset for Bridging Video and Language."
CVPR 2016. 10,000 clips of 20 sentences: 6,513 train, 497 validation, 2,990 test. Protocols:
full; 1k-A (JSFusion's 1,000 pairs; 9,000 or 7,010 videos to train on); 1k-B (MoEE's 1,000 videos,
their first sentence).
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb.datasets.corpus import Caption, Corpus, SplitData
from kb.datasets.experts import find_experts, require
from kb.datasets.textfiles import Digest, read_csv, read_ids, read_json
from kb.records.errors import Exit, KBError

TRAIN_VAL = "train_val_videodatainfo.json"
TEST = "test_videodatainfo.json"
JOINED = "MSRVTT_data.json"  # both in one, as CLIP4Clip and others pass it on
SPLITS = {"train": "train", "validate": "val", "test": "test"}  # as the files call them: as we do
PUBLISHED = {  # protocol -> videos by split
    "full": {"train": 6513, "val": 497, "test": 2990},
    "1k-A": {"train": 9000, "val": 0, "test": 1000},
    "1k-A-7k": {"train": 7010, "val": 0, "test": 1000},
    "1k-B": {"train": 6656, "val": 0, "test": 1000},
}

Captions = dict[str, list[Caption]]  # video -> its captions in file order


@dataclass(frozen=True)
class Annotations:
    """The videos of each official split, in file order, and every video's captions."""

    videos: dict[str, list[str]]
    captions: Captions

    def split(self, name: str, videos: Iterable[str], source: Path | None = None) -> SplitData:
        """A split of these videos with all their captions."""
        chosen = list(videos)
        for video in chosen:
            if video not in self.captions:
                raise KBError(f"{video} is no video of the annotations", where=source)
        return SplitData(name, chosen, [c for video in chosen for c in self.captions[video]])


def read(root: Path, *, protocol: str = "full", name: str = "msrvtt") -> Corpus:
    """The corpus under `root`. Raises KBError naming the file, the line and what to do about it."""
    if protocol not in PROTOCOLS:
        raise KBError(f"protocol {protocol} is unknown", mend=f"choose {', '.join(PROTOCOLS)}")
    digest = hashlib.sha256()
    annotations = read_annotations(root, digest)
    splits = PROTOCOLS[protocol](root, annotations, digest)
    features = find_experts(root)
    for expert in sorted(features):
        digest.update(expert.encode())
        features[expert].update(digest)
    require(features, "frames", splits)
    return Corpus(name, protocol, digest.hexdigest(), splits, dict(features))


def read_annotations(root: Path, digest: Digest) -> Annotations:
    """Videos and sentences, from the two published files or from the one that joins them."""
    joined = _find(root, JOINED)
    files = [_find(root, TRAIN_VAL), _find(root, TEST)]
    if joined.is_file() and not files[0].is_file():
        files = [joined]
    videos: dict[str, list[str]] = {name: [] for name in SPLITS.values()}
    captions: Captions = {}
    documents = [(path, _document(path, digest)) for path in files]
    for path, document in documents:
        _add_videos(path, document["videos"], videos, captions)
    for path, document in documents:
        _add_captions(path, document["sentences"], captions)
    return Annotations(videos, captions)


def _document(path: Path, digest: Digest) -> dict[str, list[Any]]:
    document = read_json(path, digest)
    found: dict[str, list[Any]] = document if isinstance(document, dict) else {}
    for key in ("videos", "sentences"):
        if not isinstance(found.get(key), list):
            raise KBError(f"has no list of {key}", where=path, mend="is it a videodatainfo file?")
    return found


def _add_videos(
    path: Path, entries: list[Any], videos: dict[str, list[str]], captions: Captions
) -> None:
    for number, entry in enumerate(entries):
        video, split = (_text(entry, key, f"video {number}", path) for key in ("video_id", "split"))
        if video in captions:
            raise KBError(f"{video} is there twice", where=path, mend="is a file there twice?")
        if split not in SPLITS:
            what = f"{video} is of split {split!r}"
            raise KBError(what, where=path, mend=f"known are {', '.join(SPLITS)}")
        captions[video] = []
        videos[SPLITS[split]].append(video)


def _add_captions(path: Path, entries: list[Any], captions: Captions) -> None:
    seen: set[tuple[Any, str, str]] = set()
    for number, entry in enumerate(entries):
        what = f"sentence {number}"
        video, text = (_text(entry, key, what, path) for key in ("video_id", "caption"))
        if video not in captions:
            mend = "the files must be of one release"
            raise KBError(f"{what} is of {video}, which is no video", where=path, mend=mend)
        key = (str(entry.get("sen_id", number)), video, text)
        if key in seen:
            raise KBError(f"{what} ({key[0]}) is there twice", where=path, mend="fetch it again")
        seen.add(key)
        own = captions[video]
        own.append(Caption(f"{video}#{len(own)}", video, text))


def _text(entry: Any, key: str, what: str, path: Path) -> str:
    """A string of an entry that can be written down again."""
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, str):
        raise KBError(f"{what} has no {key}", where=path, mend="fetch it again")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise KBError(f"{what}: {key} is broken text", where=path, mend="fetch it again")
    return value


def _find(root: Path, name: str) -> Path:
    """A file in the root or in a folder directly under it."""
    if not root.is_dir():
        mend = "--root names the folder of the data set"
        raise KBError("is no folder", where=root, mend=mend, code=Exit.UNREACHABLE)
    return next(
        (p for p in (root / name, *sorted(root.glob(f"*/{name}"))) if p.is_file()), root / name
    )


def _full(root: Path, annotations: Annotations, digest: Digest) -> dict[str, SplitData]:
    del root, digest
    return {name: annotations.split(name, ids) for name, ids in annotations.videos.items()}


def _one_k_a(train: str) -> Callable[[Path, Annotations, Digest], dict[str, SplitData]]:
    def splits(root: Path, annotations: Annotations, digest: Digest) -> dict[str, SplitData]:
        path, pairs = _find(root, "MSRVTT_JSFUSION_test.csv"), _find(root, train)
        rows = read_csv(path, digest, ("key", "vid_key", "video_id", "sentence"))
        ids = [row["video_id"] for row in read_csv(pairs, digest, ("video_id",))]
        test = annotations.split("test", [row["video_id"] for row in rows], path)
        test.captions = [Caption(r["key"], r["video_id"], r["sentence"]) for r in rows]
        return _without_val(annotations.split("train", ids, pairs), test, pairs)

    return splits


def _one_k_b(root: Path, annotations: Annotations, digest: Digest) -> dict[str, SplitData]:
    paths = [_find(root, f"{split}_list_miech.txt") for split in ("train", "test")]
    train, test = (
        annotations.split(name, read_ids(path, digest), path)
        for name, path in zip(("train", "test"), paths, strict=True)
    )
    test.captions = [annotations.captions[v][0] for v in test.videos if annotations.captions[v]]
    return _without_val(train, test, paths[0])


def _without_val(train: SplitData, test: SplitData, path: Path) -> dict[str, SplitData]:
    """The 1k protocols have no validation videos; no video may be trained on and tested."""
    both = set(train.videos) & set(test.videos)
    if both:
        what = f"trains on {len(both)} videos of the test split, {min(both)} among them"
        raise KBError(what, where=path, mend="take the list of the same protocol")
    return {"train": train, "val": SplitData("val", [], []), "test": test}


PROTOCOLS: dict[str, Callable[[Path, Annotations, Digest], dict[str, SplitData]]] = {
    "full": _full,
    "1k-A": _one_k_a("MSRVTT_train.9k.csv"),
    "1k-A-7k": _one_k_a("MSRVTT_train.7k.csv"),
    "1k-B": _one_k_b,
}
