"""The schema of records: papers, datasets, implementations, published results, claims.

Two keys, frozen once given: `id` (first author + year + short word: BibTeX key, page address) and
`model` (the method's own name: command argument, module, test, results folder).
"""

from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from kb.records.basis import Basis
from kb.records.errors import CONTROLS

_COMMIT = 40  # letters of a commit's name, too long to be read
PLAIN = "plain"  # the world, and its one level, of claims without a mechanism
_DEEPEST = 8  # of a run's settings; they have three
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,63}$")]


def printable(text: str) -> str:
    """The text; ValueError for control characters that a terminal or a browser would execute."""
    if control := CONTROLS.search(text):
        raise ValueError(f"contains the control character U+{ord(control[0]):04X}")
    return text


def checked_plain(document: Any, depth: int = 0) -> Any:
    """Plain data of a stranger; ValueError for NaN, control characters, or nesting without end."""
    if depth > _DEEPEST:
        raise ValueError("nested too deep")
    if isinstance(document, float) and not isfinite(document):
        raise ValueError("a number is not finite")
    if isinstance(document, str):
        printable(document)
    for item in [*document, *document.values()] if isinstance(document, dict) else ():
        checked_plain(item, depth + 1)
    for item in document if isinstance(document, list) else ():
        checked_plain(item, depth + 1)
    return document


Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2000),
    AfterValidator(printable),
]
Year = Annotated[int, Field(ge=1900, le=2100)]
ArxivId = Annotated[
    str, StringConstraints(pattern=r"^(\d{4}\.\d{4,5}|[a-z-]+(\.[A-Z]{2})?/\d{7})$")
]
Doi = Annotated[str, StringConstraints(pattern=r"^10\.\d{4,9}/\S+$")]
# A metric of a run: SumR, or one of a direction.
Metric = Annotated[
    str, StringConstraints(pattern=r"^(SumR|(t2v|v2t) [A-Za-z][A-Za-z0-9@-]{0,19})$")
]
WebAddress = Annotated[str, StringConstraints(pattern=r"^https?://[^\s<>\"\\\\]{3,2000}$")]
Swhid = Annotated[  # ISO/IEC 18670: of a revision, release, directory, snapshot or file
    str, StringConstraints(pattern=r"^swh:1:(rev|rel|dir|snp|cnt):[0-9a-f]{40}$")
]
Date = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class Record(BaseModel):
    """Base of all records: unknown fields are refused, so a typo cannot hide; so is NaN."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True, allow_inf_nan=False)


class Link(Record):
    """One address. `official` is True for the authors' own code; None where nobody has checked."""

    kind: Text  # paper, code, homepage, dataset, ...: the word in the list's brackets
    url: Text
    official: bool | None = None
    swhid: Swhid | None = None  # of the revision that was read, so that it is found when it moves


class Ids(Record):
    """Identifiers that other catalogues know."""

    arxiv: ArxivId | None = None  # base id, without version
    doi: Doi | None = None


class Provenance(Record):
    """Where a value came from when it is not the list: `curated` outranks every machine."""

    source: Literal[
        "readme", "arxiv", "datacite", "crossref", "openalex", "dblp", "bibtex", "yaml", "curated"
    ]
    date: Date
    detail: Text | None = None  # what exactly was read


class Imprint(Record):
    """What a citation needs of the published appearance besides authors, venue and ids."""

    title: Text | None = None  # as printed, where the list writes it otherwise
    year: Year | None = None  # of the volume, where it is not the list's
    volume: Text | None = None
    number: Text | None = None
    pages: Text | None = None  # 3354-3363
    series: Text | None = None  # Lecture Notes in Computer Science
    publisher: Text | None = None  # where it is not the venue's
    url: WebAddress | None = None  # the publisher's page


class Version(Record):
    """One appearance of a paper: preprint, then conference, then journal."""

    kind: Literal["preprint", "workshop", "conference", "journal"]
    venue: Text
    year: Year
    title: Text | None = None  # where it differs
    arxiv: ArxivId | None = None
    doi: Doi | None = None
    url: Text | None = None


class Reported(Record):
    """What a source reports of a claim's variants, on real data. Units: as in `Published`."""

    metric: Metric
    test: Text  # MSR-VTT, full
    figures: dict[Text, float] = Field(min_length=2)  # by variant; those the source has
    source: Text


class Mechanism(Record):
    """The fact of a synthetic world that should cause the effect, and how it is switched on."""

    world: Text  # a mechanism of `kb data make diorama-probe`: attribute-twins, ...
    absent: Literal["absent", "present"] = "absent"  # level without the fact
    on: Literal["present", "twins"]  # level with it
    inputs: list[Text] = Field(default_factory=list)  # experts that are read; []: the mechanism's
    # of the effect when the fact is switched on; flips: its sign changes; open: nothing is predicted
    predicts: Literal["appears", "vanishes", "flips", "open"]


class Answer(Record):
    """What an author of the paper says of a claim's verdict, and where."""

    says: Literal["confirms", "disputes"]
    by: Text
    url: WebAddress
    date: Date
    text: Text | None = None


class Claim(Record):
    """One sentence, in our words, that runs can test: one variant against others."""

    id: Id
    main: bool = False  # what the paper is known for; one claim of a paper at most
    text: Text
    where: Text | None = None  # section, table or page of the paper
    better: Text = "full"
    than: list[Text] = Field(min_length=1)  # each is compared; the claim needs all of them
    relation: Literal["greater", "less", "not-less", "equal"] = "greater"
    metric: Metric = "t2v R@1"
    margin: float = Field(
        default=2.0, ge=0
    )  # smaller differences count as none; in the metric's unit
    mechanism: Mechanism | None = None
    inputs: list[Text] = Field(default_factory=list)  # experts, without a mechanism; []: all
    reported: Reported | None = None
    answers: list[Answer] = Field(default_factory=list)  # of the paper's authors

    @property
    def variants(self) -> list[str]:
        """The variants that it compares, the claimed better one first."""
        return [self.better, *self.than]

    @property
    def world(self) -> str:
        """The mechanism of the worlds it is tested in."""
        return self.mechanism.world if self.mechanism else PLAIN

    @property
    def levels(self) -> list[str]:
        """The levels of the mechanism at which every variant runs, the deciding one last."""
        return [self.mechanism.absent, self.mechanism.on] if self.mechanism else [PLAIN]

    @property
    def read(self) -> list[str]:
        """The experts that its runs read; []: those of the mechanism."""
        return self.mechanism.inputs if self.mechanism else self.inputs

    @model_validator(mode="after")
    def _of_its_variants(self) -> "Claim":
        strange = [] if self.reported is None else set(self.reported.figures) - set(self.variants)
        if strange:
            raise ValueError(f"reported names variants the claim has not: {', '.join(strange)}")
        if len(set(self.variants)) < len(self.variants):
            raise ValueError("names a variant twice")
        return self


def _one_main(claims: list[Claim]) -> list[Claim]:
    if sum(claim.main for claim in claims) > 1:
        raise ValueError("two claims are the main one")
    return claims


Claims = Annotated[list[Claim], AfterValidator(_one_main)]


class Source(Record):
    """Where a published number stands, so that a reader finds it again."""

    name: Text  # as one would cite it: Collaborative Experts paper; danieljf24/w2vv, README.md
    url: WebAddress | None = None  # the exact place: the line of a commit, a version on arXiv
    version: Text | None = None  # commit, version on arXiv, or edition
    table: Text | None = None  # Table 3, abstract, or the heading above it
    row: Text | None = None
    column: Text | None = None
    page: Annotated[int, Field(ge=1)] | None = None  # of the PDF, the first being 1
    quote: Text | None = None  # the printed row, without table marks; white space does not count
    also: list[Text] = Field(default_factory=list)  # other places that give the same number

    def __str__(self) -> str:
        """`Collaborative Experts paper, arXiv v2, Table 1, page 8`."""
        version = self.version if self.version and len(self.version) < _COMMIT else None
        page = f"page {self.page}" if self.page else None
        return ", ".join(part for part in (self.name, version, self.table, page) if part)


def _named(value: Any) -> Any:
    """A source that is only a name may be written as text."""
    return {"name": value} if isinstance(value, str) else value


class Published(Record):
    """A result someone published, with its full protocol. Units: see `units`."""

    dataset: Text
    test_split: Text
    train_split: Text | None = None
    direction: Literal["t2v", "v2t", "other"]
    captions_per_video: Text | int | None = None  # None: the source does not state it
    gallery: int | None = None
    queries: int | None = None
    unit: Text | None = None  # what is matched where it is not a caption and a clip
    variant: Text | None = None
    features: Text | None = None
    pretraining: Text | None = None
    postproc: Text = "unknown"
    metrics: dict[str, int | float | None] = Field(
        min_length=1
    )  # R@K, mAP in percent; infAP a fraction
    reported_by: Literal["paper", "author_repo", "third_party"]
    source: Annotated[Source, BeforeValidator(_named, json_schema_input_type=Source | str)]
    dataset_detail: Text | None = None
    note: Text | None = None


class Paper(Record):
    """One paper of the list."""

    id: Id
    model: Id | None = None
    basis: Basis | None = None  # what the model's equations were read from
    title: Text
    authors: list[Text] = Field(default_factory=list)  # full and ordered, or what the list gives
    et_al: bool = False  # True while `authors` is known to be incomplete
    venue: Text | None = None  # canonical short name, data/venues.yaml
    year: Year | None = None
    ids: Ids = Field(default_factory=Ids)
    imprint: Imprint | None = None
    label: Text | None = None  # the back-ticked label of the list, without brackets
    section: Text | None = None
    links: list[Link] = Field(default_factory=list)
    datasets: list[Id] = Field(default_factory=list)
    versions: list[Version] = Field(default_factory=list)  # its other appearances
    extends: Id | None = None
    claims: Claims = Field(default_factory=list)
    notes: list[Text] = Field(default_factory=list)
    status: Literal["active", "removed", "withdrawn"] = "active"
    aliases: list[Id] = Field(default_factory=list)
    provenance: dict[str, Provenance] = Field(default_factory=dict)


class Split(Record):
    """One published division of a dataset."""

    protocol: Text
    train: Text | int | None = None
    val: Text | int | None = None
    test: Text | int | None = None
    queries: Text | None = None


class Dataset(Record):
    """One dataset of the list."""

    id: Id
    name: Text  # as the field writes it: MSR-VTT
    title: Text
    authors: list[Text] = Field(default_factory=list)
    et_al: bool = False
    venue: Text | None = None
    year: Year | None = None
    ids: Ids = Field(default_factory=Ids)
    imprint: Imprint | None = None
    label: Text | None = None
    section: Text | None = None
    links: list[Link] = Field(default_factory=list)
    clips: Text | int | None = None
    captions: Text | int | None = None
    splits: list[Split] = Field(default_factory=list)
    basis: Basis | None = None  # of the model, where its paper brings one too
    claims: Claims = Field(default_factory=list)  # of that model
    notes: list[Text] = Field(default_factory=list)
    status: Literal["active", "removed", "withdrawn"] = "active"
    aliases: list[Id] = Field(default_factory=list)
    provenance: dict[str, Provenance] = Field(default_factory=dict)


class Implementation(Record):
    """A code repository or toolkit that the list names outside its paper entries."""

    id: Id
    name: Text
    kind: Literal["implementation", "toolkit"] = "implementation"
    framework: Text | None = None
    url: Text
    section: Text | None = None
    command: Text | None = None  # of ours that does what it does: kb features --like NAME
    paper: Id | None = None  # the paper whose code this is
    swhid: Swhid | None = None  # of the revision that was read
    status: Literal["active", "removed"] = "active"
