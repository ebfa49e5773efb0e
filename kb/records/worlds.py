"""data/worlds.json: the reference points of each synthetic counterpart, as last measured."""

import json
from pathlib import Path
from typing import Literal

from pydantic import ValidationError, model_validator

from kb.records import atomic, plainfile
from kb.records.errors import KBError
from kb.records.runs import HEADLINES, Sha
from kb.records.schema import Record, Text


class Split(Record):
    """How large a split is."""

    videos: int
    captions: int


class Point(Record):
    """Metrics of one reference point on the test split, by direction, as in run records."""

    t2v: dict[str, float]
    v2t: dict[str, float] | None = None  # None, like SumR, if the queries are topics
    SumR: float | None = None
    twins: dict[str, float] | None = None  # percent of captions nearer to their own video, by kind

    @property
    def headline(self) -> tuple[str, float]:
        """The main metric and its value: R@1 in percent, or infAP as a fraction."""
        return next((name, self.t2v[name]) for name in HEADLINES if name in self.t2v)

    @model_validator(mode="after")
    def _has_a_headline(self) -> "Point":
        if not set(HEADLINES) & set(self.t2v):
            raise ValueError(f"t2v has none of {', '.join(HEADLINES)}")
        return self


class Spread(Record):
    """How a number is spread over captions or videos."""

    least: float
    quarter: float
    median: float
    three_quarters: float
    most: float


class Example(Record):
    """A test video on the contact sheet, with its caption."""

    video: Text
    twin: str  # how it differs from the first of its family: "" for the first itself
    captions: list[Text]


class Task(Record):
    """A question of the dataset's own beyond retrieval, and reference points in percent."""

    metric: Text
    questions: int
    points: dict[Text, float]


class Measured(Record):
    """One synthetic counterpart at one size and seed."""

    name: Text
    size: Text
    seed: int
    fingerprint: Sha
    keeps: list[Text]
    leaves: list[Text]
    splits: dict[Literal["train", "val", "test"], Split]
    topics: int | None = None  # that are the queries, where captions are not
    twins: dict[str, int]  # pairs in the test gallery that a query tells apart, by how they differ
    points: dict[Literal["chance", "bow-mean", "oracle"], Point]
    tasks: dict[Literal["mc", "fib", "moments"], Task] | None = None
    spreads: dict[Text, Spread] | None = None  # such as "words a caption"
    sheet: list[Example] | None = None  # from the top row of the contact sheet down


class Worlds(Record):
    """The whole file."""

    schema_version: Literal[1] = 1
    stagings: list[Measured]


def path(data: Path) -> Path:
    """The file's path in a knowledge base's data folder."""
    return data / "worlds.json"


def picture(row: Measured) -> str:
    """The contact sheet's name in the site's assets."""
    return f"worlds/{row.name}-{row.size}-{row.seed}.png"


def read(data: Path) -> list[Measured]:
    """What was measured; nothing where there is no file. Raises KBError where it is not ours."""
    file = path(data)
    if not file.exists():
        return []
    try:
        return Worlds.model_validate_json(plainfile.read(file)).stagings
    except ValidationError as error:
        raise KBError(
            f"not the measured stagings ({type(error).__name__})",
            where=file,
            hint="restore it from git, or remove it and run `kb data measure all`",
        ) from error


def record(data: Path, row: Measured) -> Path:
    """Put a row in the place of an earlier one of the same name, size and seed; keep all others."""
    with atomic.locked(data):
        rows = {_key(one): one for one in read(data)} | {_key(row): row}
        whole = Worlds(stagings=[rows[key] for key in sorted(rows)])
        plain = whole.model_dump(mode="json", exclude_none=True)
        text = json.dumps(plain, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        atomic.write(path(data), text.encode())
    return path(data)


def _key(row: Measured) -> tuple[str, str, int]:
    return row.name, row.size, row.seed
