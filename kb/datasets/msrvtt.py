"""MSR-VTT as published: two `videodatainfo.json` files, features beside them.

Xu, Mei, Yao, Rui. "MSR-VTT: A Large Video Description Dataset for Bridging Video and Language."
CVPR 2016. 10,000 clips, 20 sentences each; 6,513 train, 497 validation, 2,990 test.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kb.datasets.bigfile import FrameVectors, open_features
from kb.datasets.corpus import Caption, Corpus, Features, SplitData
from kb.records.errors import Exit, KBError

TRAIN_VAL = "train_val_videodatainfo.json"
TEST = "test_videodatainfo.json"
SPLITS = {"train": "train", "validate": "val", "test": "test"}  # as the files call them: as we do


def read(root: Path, *, protocol: str = "full", name: str = "msrvtt") -> Corpus:
    """The corpus under `root`. Raises KBError naming the file and what to do about it."""
    if protocol != "full":
        raise KBError(f"protocol {protocol} is unknown", mend="choose full")
    digest = hashlib.sha256()
    splits = {ours: SplitData(ours, [], []) for ours in SPLITS.values()}
    owner: dict[str, SplitData] = {}
    sentences: list[tuple[Path, dict[str, Any]]] = []
    for file in (TRAIN_VAL, TEST):
        path = root / file
        document = _document(path, digest)
        for video in document["videos"]:
            split = splits[SPLITS[video["split"]]]
            split.videos.append(video["video_id"])
            owner[video["video_id"]] = split
        sentences += [(path, sentence) for sentence in document["sentences"]]
    _add_captions(owner, sentences)
    features = read_features(root)
    for expert in sorted(features):
        digest.update(expert.encode())
    return Corpus(name, protocol, digest.hexdigest(), splits, features)


def _add_captions(
    owner: dict[str, SplitData], sentences: Iterable[tuple[Path, dict[str, Any]]]
) -> None:
    count: dict[str, int] = {}
    for path, sentence in sentences:
        video = sentence["video_id"]
        if video not in owner:
            raise KBError(f"sentence {sentence.get('sen_id')} is of {video}, no video", where=path)
        number = count.get(video, 0)
        count[video] = number + 1
        owner[video].captions.append(Caption(f"{video}#{number}", video, sentence["caption"]))


def _document(path: Path, digest: Any) -> Any:
    if not path.is_file():
        mend = "--root names the folder that holds it"
        raise KBError("is not there", where=path, mend=mend, code=Exit.UNREACHABLE)
    raw = path.read_bytes()
    digest.update(raw)
    return json.loads(raw)


def read_features(root: Path) -> dict[str, Features]:
    """Experts by name: every BigFile under FeatureData; the one by frame is called "frames"."""
    found: dict[str, Features] = {}
    for shape in sorted((root / "FeatureData").glob("*/shape.txt")):
        store = open_features(shape.parent)
        by_frame = isinstance(store, FrameVectors) and "frames" not in found
        found["frames" if by_frame else shape.parent.name] = store
    return found
