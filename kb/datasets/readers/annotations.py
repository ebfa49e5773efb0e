"""Shared parts of the readers: finding files, collecting captions, building the corpus."""

import hashlib
import mmap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from kb.datasets.corpus import Caption, Corpus, SplitData
from kb.datasets.features import arrays, pickles
from kb.datasets.features.experts import find_experts, require
from kb.datasets.features.pickled import Blob, Call
from kb.datasets.readers import roles
from kb.datasets.readers.textfiles import Digest, read_bytes
from kb.records.errors import Exit, KBError
from kb.records.wording import counted

_NESTED = 8  # lists and dictionaries in one another; annotations have three
_AS_OFTEN = 8  # values for a byte of the file, where it names one many times
_DEPTH = 2  # folders below the root in which files are looked for
AGAIN = "fetch it again"
RELEASE = "the files must be of one release"

Captions = dict[str, list[Caption]]  # video -> its captions in file order


@dataclass(frozen=True)
class Annotations:
    """Captions by video, and the videos of each official split if the files list them."""

    videos: dict[str, list[str]]
    captions: Captions

    partial: bool = False  # the captions of some videos are in files that are not there

    def split(self, name: str, videos: Iterable[str], source: Path | None = None) -> SplitData:
        """A split of these videos with all their captions."""
        chosen = list(videos)
        for video in chosen:
            if video not in self.captions and not self.partial:
                what = f"{video} is no video of the annotations"
                raise KBError(what, where=source, hint=RELEASE)
        captions = [caption for video in chosen for caption in self.captions.get(video, [])]
        return SplitData(name, chosen, captions)


@dataclass
class Reading:
    """One root being read: what was read goes into the digest, what was left out into notes.

    A partial reading passes over files that are not there, and says which.
    """

    root: Path
    partial: bool = False
    digest: Digest = field(default_factory=hashlib.sha256)
    notes: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.root.is_dir():
            hint = "--root names the folder of the dataset"
            raise KBError("is no folder", where=self.root, hint=hint, code=Exit.UNREACHABLE)

    def seek(self, *names: str) -> Path | None:
        """The first of these files that is in the root or at most two folders below it."""
        for name in names:
            for depth in range(_DEPTH + 1):
                pattern = "/".join(["*"] * depth + [name])
                files = sorted(p for p in self.root.glob(pattern) if p.is_file())
                if files:
                    return files[0]
        return None

    def want(self, *names: str) -> Path | None:
        """The same; none only in a partial reading. KBError where the first is missing."""
        path = self.seek(*names)
        if path is None:
            if not self.partial:
                hint = "--root names the folder that holds it"
                where = self.root / names[0]
                raise KBError("is not there", where=where, hint=hint, code=Exit.UNREACHABLE)
            self.absent.append(names[0])
        return path

    def corpus(self, name: str, protocol: str, splits: Mapping[str, SplitData]) -> Corpus:
        """The corpus of these splits, with the features under the root."""
        disjoint(splits, self.root)
        videos = {video for split in splits.values() for video in split.videos}
        discovered = find_experts(self.root, videos)
        features = discovered.experts
        self.notes += discovered.notes
        for expert in sorted(features):
            self.digest.update(expert.encode())
            features[expert].update(self.digest)
        labelled = self.seek(roles.FILE)
        if labelled:
            read_bytes(labelled, self.digest)
        if not self.partial and "frames" in features:
            require(features["frames"], splits, every=False)
        fingerprint = self.digest.hexdigest()
        corpus = Corpus(name, protocol, fingerprint, dict(splits), dict(features))
        corpus.notes, corpus.absent = self.notes, self.absent
        corpus.own_names, corpus.places = discovered.own_names, discovered.places
        corpus.by_video = discovered.by_video
        if labelled:
            texts = {s: [caption.text for caption in x.captions] for s, x in splits.items()}
            corpus.roles = roles.from_file(labelled, texts)
        return corpus


def disjoint(splits: Mapping[str, SplitData], where: Path | None) -> None:
    """KBError where a video is in training and test, or twice in a split."""
    train = set(splits["train"].videos) if "train" in splits else set()
    for name, split in splits.items():
        if len(set(split.videos)) != len(split.videos):
            twice = next(v for i, v in enumerate(split.videos) if v in split.videos[:i])
            raise KBError(f"{twice} is twice in {name}", where=where, hint=AGAIN)
        both = train & set(split.videos) if name != "train" else set()
        if both:
            what = f"trains on {counted(len(both), 'video')} of the {name} split, {min(both)} among them"
            raise KBError(what, where=where, hint="take the lists of one protocol")


def sentences(video: str, texts: Sequence[str], **more: Any) -> list[Caption]:
    """Captions of a video, numbered from 0."""
    return [Caption(f"{video}#{k}", video, text, **more) for k, text in enumerate(texts)]


def text_of(value: Any, what: str, path: Path | None) -> str:
    """A string that UTF-8 can encode."""
    if not isinstance(value, str):
        raise KBError(f"{what} is no text", where=path, hint=AGAIN)
    if is_broken(value):
        raise KBError(f"{what} is broken text", where=path, hint=AGAIN)
    return value


def is_broken(text: str) -> bool:
    """Whether a text has a lone surrogate, which no file can hold."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def object_of(value: Any, what: str, path: Path | None) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise KBError(f"{what} is no object", where=path, hint="is it another file?")
    return value


def list_of(value: Any, what: str, path: Path | None) -> list[Any]:
    """A JSON list."""
    if not isinstance(value, list):
        raise KBError(f"{what} is no list", where=path, hint="is it another file?")
    return value


def number_of(value: Any, what: str, path: Path | None) -> float:
    """A finite number, or one in quotation marks."""
    if isinstance(value, str):
        value = _number_in(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:  # noqa: PLR2004
        raise KBError(f"{what} is no number", where=path, hint=AGAIN)
    return float(value)


def _number_in(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def read_pickle(path: Path, digest: Digest) -> Any:
    """A pickle of plain data, arrays as lists: nothing in it is executed. KBError for any other."""
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for a writer
            raise KBError("is no regular file", where=path)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            digest.update(data)
            value, _ = pickles.load(data, path)
            return _Plain(arrays.Reading(data, path, {})).of(value)
    except FileNotFoundError as error:
        hint = "--root names the folder that holds it"
        raise KBError("is not there", where=path, hint=hint, code=Exit.UNREACHABLE) from error
    except ValueError as error:
        raise KBError("is empty", where=path, hint=AGAIN) from error
    except OSError as error:
        raise KBError(f"cannot be read ({error.strerror})", where=path) from error


@dataclass
class _Plain:
    """Plain values of a pickle, with long texts read in and without calls."""

    source: arrays.Reading
    made: int = 0  # values; one that the pickle names often is made as often

    def of(self, value: Any, depth: int = 0) -> Any:
        """A plain value. KBError for what is none, or far larger than its file."""
        self.made += 1
        if depth > _NESTED or self.made > _AS_OFTEN * len(self.source.data):
            what = "is nested deeper than annotations are" if depth > _NESTED else "holds too much"
            raise KBError(what, where=self.source.where, hint=AGAIN)
        match value:
            case dict():
                return {k: self.of(v, depth + 1) for k, v in value.items()}
            case list() | tuple():
                return [self.of(v, depth + 1) for v in value]
            case Blob():
                return self._text(value)
            case None | str() | int() | float():
                return value
            case bytes():
                return self._text(value)
            case Call():
                return self._unpacked(value, depth)
        raise self._refused(f"wants {getattr(value, 'name', type(value).__name__)} called")

    def _text(self, value: Blob | bytes) -> str:
        try:
            return value.decode() if isinstance(value, bytes) else value.string(self.source.data)
        except UnicodeDecodeError as error:
            raise KBError("holds a text that is not UTF-8", where=self.source.where) from error

    def _unpacked(self, call: Call, depth: int) -> Any:
        """Arrays and scalars of numpy as lists and numbers; an array of texts holds a list of them."""
        items = arrays.objects(call)
        if items is not None:
            return self.of(items, depth + 1)
        try:
            array = self.source.array(call)
        except KBError as error:
            raise self._refused(error.what) from error
        if array is not None:
            self.made += prod(array.shape)
        return None if array is None else array.read().tolist()

    def _refused(self, what: str) -> KBError:
        hint = "captions are plain data; nothing in it was executed"
        return KBError(what, where=self.source.where, hint=hint)
