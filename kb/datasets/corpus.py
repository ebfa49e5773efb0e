"""What every reader returns: captions, videos and features of one dataset, by split."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kb.datasets.readers.roles import ReadRoles


class Features(Protocol):
    """One expert's features of many videos, read lazily (memory-mapped)."""

    @property
    def dim(self) -> int:
        """Length of one feature vector."""
        ...

    def __contains__(self, video: str) -> bool:
        """Whether the expert has this video."""
        ...

    def read(self, video: str) -> NDArray[np.float32]:
        """(steps, dim) features of one video."""
        ...


@dataclass(frozen=True)
class Caption:
    """One sentence, or one paragraph, of one video."""

    id: str  # video0#3
    video: str
    text: str
    span: tuple[float, float] | None = None  # seconds of the video it tells of; None: all of it
    language: str = "en"


EncodeText = Callable[[Sequence[Caption]], NDArray[np.float64]]  # captions -> (captions, dim)


@dataclass(frozen=True)
class Moment:
    """A stretch of a video and the sentence that tells of it."""

    start: float  # seconds
    end: float
    text: str
    votes: tuple[tuple[float, float], ...] = ()  # what each annotator marked, where several did


@dataclass(frozen=True)
class Topic:
    """A query that has many right answers, or none: TRECVID's ad-hoc search."""

    id: str  # 501
    text: str


@dataclass(frozen=True)
class Judgement:
    """What an assessor said of one shot: relevant (1 and more), not (0), or not asked (-1)."""

    shot: str
    stratum: int
    gain: int


@dataclass(frozen=True)
class Choice:
    """A clip and the sentences of which one is its own."""

    video: str
    options: tuple[str, ...]
    answer: int  # row of `options`


@dataclass(frozen=True)
class Blank:
    """A clip, its sentence with a word missing, and the word."""

    video: str
    sentence: str
    question: str  # the sentence with _____ in it
    answer: str


@dataclass(frozen=True)
class Line:
    """Words that are heard, or read on the screen, from `start` to `end`, in seconds."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Syntax:
    """A caption's words, as white space parts them: part of speech and head of each."""

    tags: tuple[str, ...]  # of Universal Dependencies 2: NOUN, VERB, ...
    heads: tuple[int, ...]  # number of the word's head; -1: it has none


ReadSyntax = Callable[[str], Iterator[Syntax]]  # split -> syntax of its captions, in their order
ReadPixels = Callable[[str], NDArray[np.uint8]]  # video -> (frames, height, width, 3)


@dataclass
class SplitData:
    """One split: its videos in gallery order and their captions in file order."""

    name: str  # train, val, test
    videos: list[str]
    captions: list[Caption]


@dataclass
class Corpus:
    """One dataset as read from disk."""

    name: str  # diorama-msrvtt
    protocol: str  # full, 1k-A, ...
    fingerprint: str  # sha256 over annotation files and feature ids, hex
    splits: dict[str, SplitData]
    features: dict[str, Features]  # expert -> features; "frames" is the 2-D CNN over frames
    size: str | None = None
    facts: dict[str, object] = field(default_factory=dict)  # reference points the maker published
    notes: list[str] = field(default_factory=list)  # what was left out of the files, and why
    absent: list[str] = field(
        default_factory=list
    )  # files that were passed over, if that was asked
    durations: dict[str, float] = field(default_factory=dict)  # video -> seconds
    moments: dict[str, list[Moment]] = field(default_factory=dict)  # video -> in file order
    topics: list[Topic] = field(default_factory=list)
    judgements: dict[str, list[Judgement]] = field(default_factory=dict)  # topic -> its qrels
    choices: dict[str, list[Choice]] = field(default_factory=dict)  # split -> questions
    blanks: dict[str, list[Blank]] = field(default_factory=dict)  # split -> questions
    transcripts: dict[str, dict[str, list[Line]]] = field(default_factory=dict)  # speech, ocr
    cut_from: dict[str, str] = field(default_factory=dict)  # clip -> the video it was cut from
    roles: ReadRoles | None = None  # of the captions, read when they are asked for
    syntax: ReadSyntax | None = None  # likewise
    pixels: ReadPixels | None = None  # of a video: read or rendered when it is asked for
    text_vectors: dict[str, EncodeText] = field(default_factory=dict)  # w2v, bert: of the user's
