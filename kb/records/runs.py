"""A measured run: one file under data/results/<model>/, append-only, with its provenance."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

from kb.records import metrics as metric
from kb.records.schema import Record, Text, checked_plain

HEADLINES = ("R@1", "infAP")
RISE = 1.01  # of the validation score in the last epoch, over the best before it
Metrics = Annotated[dict[str, Any], AfterValidator(metric.checked)]
Reference = Annotated[dict[str, Any], AfterValidator(metric.checked_points)]
Curve = Annotated[list[dict[str, Any]], AfterValidator(metric.checked_curve)]
Settings = Annotated[dict[str, Any], AfterValidator(checked_plain)]
Percent = Annotated[float, Field(ge=0, le=100)]
MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|\+00:00))?$"
Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8,64}$")]


RESAMPLED = {  # what a bootstrap interval resamples, in words
    "queries": "queries resampled",
    "videos": "videos resampled with all their captions",
    "families": "families of videos resampled with all their captions",
}


Resampled = Literal["queries", "videos", "families"]


class Interval(Record):
    """A value with its 95 % bootstrap interval, in the value's own unit."""

    value: float
    low: float
    high: float
    resampled: Resampled = "queries"

    @property
    def how(self) -> str:
        """What was resampled, in words."""
        return RESAMPLED[self.resampled]

    @model_validator(mode="after")
    def _contains_its_value(self) -> "Interval":
        if not metric.ordered(self.value, self.low, self.high):
            raise ValueError(f"{self.low:g} to {self.high:g} does not contain {self.value:g}")
        return self


class Probe(Record):
    """A probe world: the fact that is switched, its level, the world's seed."""

    mechanism: Text
    level: Literal["absent", "present", "twins", "plain"]
    seed: int
    inputs: list[Text]  # experts; a first one that is not `frames` is read in their place


Intervals = dict[str, dict[str, Interval]]  # direction -> metric -> interval; both -> SumR


class Data(Record):
    """What was trained and measured on."""

    name: Text  # diorama-msrvtt, msrvtt
    size: Text | None = None  # tiny, small, full; None for real data
    fingerprint: Sha
    split: Text  # test
    protocol: Text  # full: every caption of the test split is a query
    queries: NonNegativeInt
    gallery: NonNegativeInt
    captions_per_video: NonNegativeFloat
    probe: Probe | None = None
    # of real data only, where it is not as published
    gallery_published: NonNegativeInt | None = None  # videos, where some are missing
    train: NonNegativeInt | None = None  # likewise, trained on
    train_published: NonNegativeInt | None = None
    features: Text | None = None  # frames=resnet: which folder was asked for
    limit: NonNegativeInt | None = None  # videos of each split at most, as asked for

    @property
    def coverage(self) -> str:
        """`2,985 of 2,990 test videos`; empty where all published videos are there."""
        pairs = (
            (self.gallery, self.gallery_published, "test"),
            (self.train, self.train_published, "training"),
        )
        return ", ".join(f"{n:,} of {of:,} {what} videos" for n, of, what in pairs if of)

    @property
    def title(self) -> str:
        """`diorama-msrvtt, small`, or `msrvtt, 1k-A, 985 of 1,000 test videos`."""
        protocol = None if self.protocol == "full" else self.protocol
        return ", ".join(part for part in (self.name, self.size, protocol, self.coverage) if part)

    @model_serializer(mode="wrap")
    def _without_unused(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what other data have: a probe world, or files that are not as published."""
        names = ("probe", "gallery_published", "train", "train_published", "features", "limit")
        document: dict[str, Any] = plain(self)
        return {k: v for k, v in document.items() if v is not None or k not in names}


class Pretrained(Record):
    """What was trained on before the data, and what it took."""

    data: Text  # diorama-howto100m
    size: Text | None = None
    fingerprint: Sha
    clips: int
    epochs: int
    steps: int
    train_seconds: NonNegativeFloat
    losses: list[float]  # mean of each epoch


class SourceDomain(Record):
    """A dataset whose pairs were trained on in place of the data's own: domain adaptation."""

    data: Text  # diorama-vatex
    size: Text | None = None
    fingerprint: Sha
    captions: NonNegativeInt  # of its training split


class Machine(Record):
    """Where it ran. Names only: no host name, no path."""

    device: Text  # cpu or the GPU's name
    processor: Text | None = None
    threads: int
    processes: int = 1  # that trained this one run together
    driver: Text | None = None
    python: Text
    torch: Text
    cuda: Text | None = None
    platform: Text


class Cost(Record):
    """What it took."""

    seconds: NonNegativeFloat
    train_seconds: NonNegativeFloat
    eval_seconds: NonNegativeFloat
    epochs: NonNegativeInt
    steps: NonNegativeInt
    samples_per_second: NonNegativeFloat
    parameters: NonNegativeInt
    peak_memory_bytes: NonNegativeInt | None = None


class Run(Record):
    """One measured run; `kind`: a trained model or a baseline."""

    schema_version: Literal[1] = 1
    id: Text  # the file's stem
    kind: Literal["model", "baseline"] = "model"
    model: Text
    version: int = 1  # of the model, raised where its method or a default changes
    variant: Text
    seed: int
    data: Data
    config: Settings
    recipe: Settings
    changes: Settings = Field(default_factory=dict)  # of the recipe, asked for by the command
    trial: bool = (
        False  # in a probe world with the model's own recipe or some of it changed: for no claim
    )
    views: list[Text] = Field(default_factory=list)  # of a batch that the model read
    # Over what decides the numbers but the seed: the data, the model's version, and the settings
    # of config and recipe that are not at their defaults.
    config_hash: Sha
    code: Sha | None = None  # digest of the code that made it; None: made before there were any
    aliases: list[Text] = Field(default_factory=list)  # earlier ids
    metrics: Metrics  # {"t2v": {"R@1": ..}, "v2t": {..}, "SumR": ..}; {} where it failed
    intervals: Intervals
    # direction -> base64 of zlib of little-endian float32: rank per query; under `<direction>.wrong`
    # and `.right` how many wrong and right answers tie at it, so that every R@K can be recomputed
    # by topics: `t2v.pooled`, rank of each pooled shot in the order of the qrels, 0 past the run
    ranks: dict[str, Annotated[str, StringConstraints(min_length=1)]]
    topics: dict[Text, dict[Text, float]] = Field(default_factory=dict)  # topic -> measure -> value
    # kind of minimal pair -> percent of queries that score the right video above the wrong one, by
    # system: the model itself, and the ceilings of its world (bag, features)
    pairs: dict[Text, dict[Text, Percent]] = Field(default_factory=dict)
    reference: Reference = Field(default_factory=dict)  # chance, oracle: metrics on this split
    curve: Curve = Field(default_factory=list)  # one row an epoch
    pretrained: Pretrained | None = None
    tower: Text | None = None  # kind and digest of the pre-trained tower that it started from
    source_domains: list[SourceDomain] = Field(default_factory=list)
    machine: Machine
    by: Text | None = None  # who ran it; None: the knowledge base itself
    # claim -> digest of what it stated when this run was made, of each claim of the model
    stated: dict[Text, Sha] = Field(default_factory=dict)
    cost: Cost
    commit: Text | None = None
    dirty: bool | None = None
    command: Text
    date: Annotated[str, StringConstraints(pattern=MOMENT)]  # ISO 8601, UTC
    status: Literal["done", "failed"] = "done"
    reason: Text | None = None  # why it failed

    @property
    def is_full(self) -> bool:
        """Whether it is a run of the full model, and finished."""
        return self.status == "done" and self.variant == "full"

    @property
    def is_for_claims(self) -> bool:
        """Whether it was made to test claims: in a probe world, with settings of their own."""
        return self.data.probe is not None and not self.trial

    @property
    def headline(self) -> str:
        """The main text-to-video metric: R@1, or infAP for topics."""
        return next((name for name in HEADLINES if name in self.metrics.get("t2v", {})), "R@1")

    @property
    def rising(self) -> bool:
        """Whether training ended by its number of epochs while validation still rose by over 1 %."""
        scores = [float(row["SumR"]) for row in self.curve if row.get("SumR") is not None]
        return len(scores) > 1 and scores[-1] > RISE * max(scores[:-1])

    @model_serializer(mode="wrap")
    def _without_unused(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what a run has not: topics, minimal pairs, a tower, a reproducer and the like."""
        unused = ("topics", "pairs", "source_domains", "tower", "by", "stated", "trial")
        return _without_empty(plain(self), *unused)


def _without_empty(document: dict[str, Any], *names: str) -> dict[str, Any]:
    """Without these keys where they have no value: records of before they existed stay as they are."""
    return {key: value for key, value in document.items() if value or key not in names}
