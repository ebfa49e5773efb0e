"""The corpus that every reader returns: captions, videos and features by split."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from kb.datasets.readers.roles import ReadRoles

if TYPE_CHECKING:
    from kb.datasets.synthetic.probes import Probe


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
    span: tuple[float, float] | None = None  # seconds of the video it describes; None: all of it
    language: str = "en"


EncodeText = Callable[[Sequence[Caption]], NDArray[np.float64]]  # captions -> (captions, dim)


@dataclass(frozen=True)
class Moment:
    """A span of a video and the sentence that describes it."""

    start: float  # seconds
    end: float
    text: str
    votes: tuple[tuple[float, float], ...] = ()  # the span each annotator marked, if several did


@dataclass(frozen=True)
class Topic:
    """A query with any number of right answers: TRECVID's ad-hoc search."""

    id: str  # 501
    text: str


@dataclass(frozen=True)
class Judgement:
    """An assessor's judgement of a shot: relevant (1 and more), not (0), or unjudged (-1)."""

    shot: str
    stratum: int
    gain: int


@dataclass(frozen=True)
class Choice:
    """A multiple-choice question: a clip and several sentences, one of them its own."""

    video: str
    options: tuple[str, ...]
    answer: int  # row of `options`


@dataclass(frozen=True)
class Blank:
    """A fill-in-the-blank question: a clip, its sentence with a word missing, and the word."""

    video: str
    sentence: str
    question: str  # the sentence with _____ in it
    answer: str


@dataclass(frozen=True)
class Line:
    """Words of speech or on-screen text from `start` to `end`, in seconds."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Syntax:
    """Part of speech and head of each word of a caption, split at white space."""

    tags: tuple[str, ...]  # of Universal Dependencies 2: NOUN, VERB, ...
    heads: tuple[int, ...]  # number of the word's head; -1: it has none


ReadSyntax = Callable[[str], Iterator[Syntax]]  # split -> syntax of its captions, in their order
# fact in which the two videos of a minimal pair differ -> pairs
ReadPairs = Callable[[], dict[str, list[tuple[str, str]]]]
ReadFamilies = Callable[[], dict[str, str]]  # video -> its family
ReadPixels = Callable[[str], NDArray[np.uint8]]  # video -> (frames, height, width, 3)


class TextPieces(Protocol):
    """Texts -> ids of word pieces, by the tokeniser of a pre-trained tower."""

    @property
    def vocabulary(self) -> int:
        """How many pieces there are."""
        ...

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """One list a text, with what the tower reads before and after it."""
        ...


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
    own_names: dict[str, str] = field(default_factory=dict)  # expert -> its folder's or file's name
    places: dict[str, list[str]] = field(default_factory=dict)  # expert -> its folders or files
    by_video: frozenset[str] = frozenset()  # experts with one vector per video
    chosen: dict[str, str] = field(default_factory=dict)  # expert -> folder, as the user asked
    limit: int | None = None  # videos of each split at most, as the user asked
    published: dict[str, int] = field(default_factory=dict)  # split -> videos; empty: not counted
    facts: dict[str, object] = field(
        default_factory=dict
    )  # reference points published with the dataset
    laptop: bool = False  # real data small enough for the models' small configurations
    notes: list[str] = field(default_factory=list)  # what was left out of the files, and why
    faults: list[str] = field(default_factory=list)  # what is not as published
    absent: list[str] = field(default_factory=list)  # missing files, in a partial reading
    durations: dict[str, float] = field(default_factory=dict)  # video -> seconds
    moments: dict[str, list[Moment]] = field(default_factory=dict)  # video -> in file order
    topics: list[Topic] = field(default_factory=list)
    judgements: dict[str, list[Judgement]] = field(default_factory=dict)  # topic -> its qrels
    choices: dict[str, list[Choice]] = field(default_factory=dict)  # split -> questions
    blanks: dict[str, list[Blank]] = field(default_factory=dict)  # split -> questions
    transcripts: dict[str, dict[str, list[Line]]] = field(default_factory=dict)  # speech, ocr
    cut_from: dict[str, str] = field(default_factory=dict)  # clip -> the video it was cut from
    cut_spans: dict[str, tuple[float, float]] = field(default_factory=dict)  # clip -> its seconds
    probe: Probe | None = None  # the probe world that it is
    minimal_pairs: ReadPairs | None = None  # of all splits, read lazily
    # Videos that differ in little, minimal pairs among them, are a family: not independent.
    families: ReadFamilies | None = None  # read lazily; None: videos count as independent
    roles: ReadRoles | None = None  # of the captions, read lazily
    syntax: ReadSyntax | None = None  # likewise
    pixels: ReadPixels | None = None  # of a video, read or rendered lazily
    text_vectors: dict[str, EncodeText] = field(
        default_factory=dict
    )  # w2v or bert, from the user's files
    text_pieces: TextPieces | None = None  # of the tower that a run starts from
