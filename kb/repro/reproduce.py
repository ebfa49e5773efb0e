"""`kb repro`: from requests to runs and their documents."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kb.datasets.readers.registry import READERS
from kb.datasets.synthetic import probes
from kb.datasets.synthetic.probes import Probe
from kb.records import Claim, Library, Paper, statements
from kb.records.basis import is_guessed
from kb.records.errors import KBError
from kb.repro import (
    announcement,
    contract_check,
    engines,
    model_package,
    models,
    provenance,
    report,
    store,
)
from kb.repro.baseline import NAME as BASELINE
from kb.repro.budget import Clock
from kb.repro.engines import Outcomes
from kb.repro.loaded_data import DataSource, LoadedData
from kb.repro.plan import OPTIONS, Plan, official_plan, plan
from kb.repro.progress import Reporter
from kb.repro.report import Document
from kb.repro.run import Job
from kb.repro.towers import Tower
from kb.repro.views import MissingViewsError

# Without --data: the first of these that has what the model reads.
DEFAULT_DATA = ("diorama-msrvtt", "diorama-activitynet", "diorama-vatex")
BASELINE_IN_PROBES = {"epochs": 30, "early_stopping_patience": 4}
PRECISIONS = {"float32": None, "bf16": "bf16", "fp16": "fp16"}


@dataclass(frozen=True)
class Request:
    """One model on one dataset, with the options of `kb repro`."""

    model: str  # a model's name or a paper's id
    data: str | None = None  # None: the first of DEFAULT_DATA that has what the model reads
    root: Path | None = None  # the folder of real data
    vectors: tuple[tuple[str, Path], ...] = ()  # w2v, bert: text vectors from files of the user's
    size: str | None = None
    protocol: str = "full"
    seeds: tuple[int, ...] = (0,)
    variant: str = "full"
    device: str = "auto"
    epochs: int | None = None
    precision: str | None = None
    checkpoint: Path | None = None  # official weights, evaluated as they are
    probe: Probe | None = None  # a probe world instead of `data`; its seed is each run's
    trial: bool = False  # in a probe world, for no claim
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the recipe, by their names
    features: tuple[tuple[str, str], ...] = ()  # (expert, folder of its features) of real data
    config: str | None = None  # small or published; None: as the data are
    limit_videos: int | None = None  # of each split of real data
    baseline: bool = False  # train the baseline on real data too
    tower: Tower | None = None  # what the model's weights start from
    by: str | None = None  # who runs it; None: the knowledge base itself
    claim: Claim | None = None  # that it is made for: records of before it was stated do not count

    @property
    def changes(self) -> dict[str, Any]:
        """Changes to the model's recipe: field -> value."""
        changes = dict(self.settings)
        if self.epochs is not None:
            changes["epochs"] = self.epochs
        if self.precision is not None:
            changes["precision"] = PRECISIONS[self.precision]
        return changes


@dataclass(frozen=True)
class Executor:
    """Where to run jobs, how many at a time, and for how long."""

    engine: str = "local"
    address: str | None = None  # of a Ray cluster
    jobs: int = 1
    clock: Clock = field(default_factory=Clock)  # no limit

    def execute(self, library: Library, jobs: list[Job], reporter: Reporter) -> Outcomes:
        """The records of the jobs."""
        if not jobs:
            return {}
        if self.engine == "ray":
            from kb.repro import cluster  # noqa: PLC0415  (an extra of its own)

            made: Outcomes = cluster.run_on_cluster(
                library, jobs, self.clock, reporter, self.address
            )
            return made
        if self.jobs > 1 and len(jobs) > 1:
            return engines.side_by_side(library, jobs, self.clock, reporter, self.jobs)
        return engines.one_by_one(library, jobs, self.clock, reporter)


@dataclass(frozen=True)
class _ResolvedRequest:
    """A request with its model, paper, data and jobs."""

    name: str
    paper: Paper | None
    data: LoadedData
    jobs: list[Job]


def reproduce(
    library: Library, requests: list[Request], executor: Executor, reporter: Reporter
) -> list[Document]:
    """Make the missing runs; for each request the document that `kb repro --json` prints.

    A single request for an unknown model, variant, expert or dataset raises KBError; one of several
    gives a document with status `refused` and the reason.
    """
    model_package.use(library.root)
    resolved: list[_ResolvedRequest | Document] = []
    for request in requests:
        try:
            resolved.append(_look_up(library, request, reporter))
        except KBError as error:  # noqa: PERF203  (each model by itself)
            if len(requests) == 1:
                raise
            reporter.say(f"{request.model}: {error}")
            resolved.append({"model": request.model, "status": "refused", "reason": str(error)})
    jobs = {
        job.plan.id: job
        for one in resolved
        if isinstance(one, _ResolvedRequest)
        for job in one.jobs
    }
    existing = {name: store.existing(library, job.plan) for name, job in jobs.items()}
    missing = [job for name, job in jobs.items() if existing[name] is None]
    for name, job in jobs.items():
        if existing[name] is not None:
            reporter.say(f"{job.plan.model} {name}: there already, not run again")
    new = executor.execute(library, missing, reporter)
    runs = {name: (existing[name] or new.get(name), existing[name] is not None) for name in jobs}
    return [
        _document(library, one, runs) if isinstance(one, _ResolvedRequest) else one
        for one in resolved
    ]


def _document(library: Library, one: _ResolvedRequest, runs: report.Runs) -> Document:
    shown = one.paper is not None and not is_guessed(one.paper.basis)
    published = library.published.get(one.paper.id, []) if one.paper and shown else []
    plans = [job.plan for job in one.jobs]
    return report.document(one.data, one.paper, plans, runs, published)


def _look_up(library: Library, request: Request, reporter: Reporter) -> _ResolvedRequest:
    name, paper = resolve(library, request.model)
    contract_check.refuse_what_cannot_run(name, request.variant)
    provenance.device(request.device)
    if request.probe is not None:
        return _in_probes(library, name, paper, request, request.probe, reporter)
    source, data, plans = _with_data(name, request, reporter)
    if data.corpus.size is None:
        for line in announcement.lines(data.corpus, plans):
            reporter.say(line)
    jobs = [Job(replace(one, by=request.by), source, request.device) for one in plans]
    return _ResolvedRequest(name, paper, data, jobs)


def load_probe(probe: Probe, reporter: Reporter) -> tuple[DataSource, LoadedData]:
    """A probe world as the data of runs."""
    source = DataSource(probes.NAME, probe=probe)
    return source, LoadedData.load(source, reporter.data)


def _in_probes(
    library: Library,
    name: str,
    paper: Paper | None,
    request: Request,
    probe: Probe,
    reporter: Reporter,
) -> _ResolvedRequest:
    """A run per seed in the probe world of that seed, each with the baseline's."""
    jobs: list[Job] = []
    stated = {c.id: statements.digest(c) for model, c in library.stated() if model == name}
    for seed in request.seeds:
        source, data = load_probe(replace(probe, seed=seed), reporter)
        of = [(name, request.variant, request.changes), (BASELINE, "full", BASELINE_IN_PROBES)]
        for model, variant, changes in of:
            one = plan(
                model, data.corpus, data.vocabulary, seed=seed, variant=variant, changes=changes
            )
            own = model == name
            one = replace(
                one, by=request.by, stated=stated if own else {}, trial=request.trial and own
            )
            if own and request.claim is not None:
                one = after_its_claim(library, one, request.claim)
            jobs.append(Job(one, source, request.device))
    return _ResolvedRequest(name, paper, data, jobs)


def _with_data(
    name: str, request: Request, reporter: Reporter
) -> tuple[DataSource, LoadedData, list[Plan]]:
    """The data asked for, or the first by default that have what the model reads; the runs there."""
    lacking: list[KBError] = []
    for data in DEFAULT_DATA if request.data is None else (request.data,):
        try:
            planned = _planned(name, replace(request, data=data), reporter)
        except MissingViewsError as error:
            lacking.append(error)
            continue
        if lacking:
            reporter.say(f"{name}: {data}, as {DEFAULT_DATA[0]} lacks what it reads")
        return planned
    raise lacking[0]


def _planned(
    name: str, request: Request, reporter: Reporter
) -> tuple[DataSource, LoadedData, list[Plan]]:
    source = data_source(request)
    data = LoadedData.load(source, reporter.data)
    return source, data, _plans(name, request, data, reporter)


def after_its_claim(library: Library, one: Plan, claim: Claim) -> Plan:
    """The plan, with an id of its own where its record was made before the claim was stated."""
    record = store.existing(library, one)
    if record is None or library.statements.counts(claim, record):
        return one
    return replace(one, restated=f"st{one.stated[claim.id][:6]}")


def data_source(request: Request) -> DataSource:
    """The data that a request names. KBError for options of other data."""
    name = request.data or DEFAULT_DATA[0]
    real = name in READERS
    if real and request.size is not None:
        hint = "--config small takes small models, --limit-videos N fewer videos"
        raise KBError(f"--size is for synthetic datasets, {name} is real", hint=hint)
    if not real and request.features:
        raise KBError("--features names folders of real data", hint="leave it out")
    return DataSource(
        name,
        request.size,
        request.root,
        request.protocol,
        request.vectors,
        request.features,
        request.limit_videos,
        request.tower,
    )


def _plans(name: str, request: Request, data: LoadedData, reporter: Reporter) -> list[Plan]:
    """The model's runs, each after the baseline's with the same seed; on real data if asked for."""
    corpus, words, changes = data.corpus, data.vocabulary, request.changes
    of_baseline = {option: changes[option] for option in OPTIONS if option in changes}
    if request.checkpoint is not None:
        official = official_plan(name, corpus, words, request.checkpoint)
        if corpus.size is None and not request.baseline:
            return [official]
        return [plan(BASELINE, corpus, words, seed=0, changes=of_baseline), official]
    return [
        plan(
            model,
            corpus,
            words,
            seed=seed,
            variant=variant,
            changes=of_baseline if model == BASELINE else changes,
            config=request.config,
            tower=None if model == BASELINE else request.tower,
            progress=reporter.data,
        )
        for seed in request.seeds
        for model, variant in ((BASELINE, "full"), (name, request.variant))
        if model == name or request.baseline or corpus.size is not None
    ]


def resolve(library: Library, key: str) -> tuple[str, Paper | None]:
    """The model's name and its paper. Raises KBError where there is no such model."""
    if key not in models.names():
        named = [p for p in library.papers if key in (p.id, p.model, *p.aliases)]
        there = ", ".join(models.names()) or "none yet"
        if not named:
            raise KBError(f"no model or paper is called {key!r}", hint=f"models: {there}")
        if named[0].model not in models.names():
            raise KBError(f"{named[0].id} has no model file yet", hint=f"models: {there}")
        return str(named[0].model), named[0]
    return key, next((paper for paper in library.papers if paper.model == key), None)
