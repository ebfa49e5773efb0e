"""Captions and split lists in the formats of published code bases, for any dataset.

RUC and Zhejiang: `<set>/TextData/<set>.caption.txt` of lines `video#k sentence`, and
`<set>/VideoSets/<set>.txt`. CE, MMT and CLIP4Clip: `raw-captions.pkl` {video: [[token]]} with
`<split>_list.txt`. X-Pool: `captions_<name>.json` {video: [sentence]} with the same lists. HGR:
`ref_captions.json` with `trn_names.npy`, `val_names.npy`, `tst_names.npy`. MMT: a file a video in
`mult_h5` (`kb.datasets.features.hdf5`) with the lists of CE.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kb.datasets.corpus import Caption, SplitData
from kb.datasets.features import hdf5
from kb.datasets.readers.annotations import (
    AGAIN,
    Annotations,
    Captions,
    Reading,
    list_of,
    object_of,
    read_pickle,
    sentences,
    text_of,
)
from kb.datasets.readers.textfiles import read_bytes, read_ids, read_json, read_lines
from kb.records.errors import KBError

TOKENS = "raw-captions.pkl"
REFERENCES = "ref_captions.json"
LISTS: dict[str, tuple[str, ...]] = {  # split -> the names its list goes by
    "train": ("train_list.txt", "trn_names.npy"),
    "val": ("val_list.txt", "val_names.npy"),
    "test": ("test_list.txt", "tst_names.npy"),
}
_EXTENSIONS = (".jpg", ".mp4", ".avi")  # which the field's readers cut from an id


def read_collections(reading: Reading, names: Mapping[str, str]) -> dict[str, SplitData] | None:
    """Splits from RUC collections (split -> collection); None if the first is missing."""
    splits: dict[str, SplitData] = {}
    for split, collection in names.items():
        file = f"{collection}.caption.txt"
        if not splits and reading.seek(file, f"TextData/{file}") is None:
            return None
        path = reading.want(file, f"TextData/{file}")
        captions = read_caption_lines(path, reading) if path else {}
        listed = reading.seek(f"VideoSets/{collection}.txt")
        videos = read_ids(listed, reading.digest) if listed else list(captions)
        splits[split] = Annotations({}, captions, path is None).split(split, videos, listed)
    return splits


def read_caption_lines(path: Path, reading: Reading) -> Captions:
    """Lines `video#k sentence`; the video is the part before the first `#`."""
    captions: Captions = {}
    seen: dict[str, int] = {}
    for number, line in read_lines(path, reading.digest):
        name, _, text = line.strip().partition(" ")
        video, mark, _ = name.partition("#")
        if not mark or not video:
            hint = "a line is `video#number sentence`"
            raise KBError(f"{name[:40]} names no caption", where=path, line=number, hint=hint)
        if name in seen:
            what = f"{name} stands in line {seen[name]} too"
            raise KBError(what, where=path, line=number, hint="was something pasted twice?")
        if not text:
            raise KBError(f"{name} has no sentence", where=path, line=number, hint=AGAIN)
        seen[name] = number
        video = _without_extension(video)
        captions.setdefault(video, []).append(Caption(name, video, text_of(text, name, path)))
    return captions


def _without_extension(video: str) -> str:
    for extension in _EXTENSIONS:
        video = video.removesuffix(extension)
    return video


def read_passed_on(
    reading: Reading, captions: Sequence[str], lists: Mapping[str, tuple[str, ...]] = LISTS
) -> dict[str, SplitData] | None:
    """Splits from one file of captions and one list per split; None without such a file."""
    path = reading.seek(*captions, TOKENS, REFERENCES)
    if path is not None:
        return read_lists(reading, Annotations({}, read_captions(path, reading)), lists)
    if hdf5.folders(reading.root) and reading.seek(*lists["test"]):
        return read_lists(reading, read_video_files(reading, lists), lists)
    return None


def read_video_files(reading: Reading, lists: Mapping[str, tuple[str, ...]] = LISTS) -> Annotations:
    """The captions of the listed videos, from MMT's folders of one file per video."""
    paths = [path for names in lists.values() if (path := reading.seek(*names))]
    named = [video for path in paths for video in read_names(path, reading)]
    wanted = dict.fromkeys([*named, *map(_without_extension, named)])
    captions: Captions = {}
    for folder in hdf5.folders(reading.root):
        for video, path in hdf5.files(folder, wanted).items():
            words = hdf5.captions(path)
            texts = [text_of(" ".join(w), f"a caption of {video}", path) for w in words]
            reading.digest.update("\0".join([video, *texts]).encode())
            captions[video] = sentences(video, texts)
    return Annotations({}, captions)


def read_lists(
    reading: Reading, annotations: Annotations, lists: Mapping[str, tuple[str, ...]] = LISTS
) -> dict[str, SplitData]:
    """A split for each list of ids; a list may name files, `x.mp4` for the video x."""
    splits, known = {}, annotations.captions
    for split, names in lists.items():
        path = reading.want(*names)
        named = read_names(path, reading) if path else []
        ids = [video if video in known else _without_extension(video) for video in named]
        splits[split] = annotations.split(split, ids, path)
    return splits


def read_captions(path: Path, reading: Reading) -> Captions:
    """{video: [sentence]} or {video: [[token]]}, from JSON or a pickle that is never executed."""
    pickled = path.suffix in {".pkl", ".pickle"}
    document = (read_pickle if pickled else read_json)(path, reading.digest)
    captions: Captions = {}
    for video, texts in object_of(document, "the file", path).items():
        captions_of_video = [
            _sentence(t, f"a caption of {video}", path) for t in list_of(texts, video, path)
        ]
        captions[video] = sentences(video, captions_of_video)
    return captions


def _sentence(value: Any, what: str, path: Path) -> str:
    """A sentence, or its tokens joined by spaces as CE and CLIP4Clip join them."""
    if isinstance(value, list):
        return " ".join(text_of(token, what, path) for token in value)
    return text_of(value, what, path)


def read_names(path: Path, reading: Reading) -> list[str]:
    """Ids of a split: one per line, or HGR's array of strings."""
    if path.suffix != ".npy":
        return read_ids(path, reading.digest)
    read_bytes(path, reading.digest)
    try:
        names = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        what = f"is no array of names ({error})"
        raise KBError(what, where=path, hint="arrays of objects are not executed") from error
    if names.dtype.kind != "U" or names.ndim != 1 or len(set(names.tolist())) != len(names):
        raise KBError("is no array of distinct names", where=path, hint=AGAIN)
    return [str(name) for name in names]
