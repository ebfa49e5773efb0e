"""One run: trained or resumed, evaluated, recorded; or recorded as failed with its reason."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from kb.datasets.corpus import Corpus
from kb.datasets.synthetic.probes import Probe
from kb.records import Run
from kb.records.errors import KBError
from kb.records.runs import Cost, Data, Pretrained, SourceDomain
from kb.records.runs import Probe as ProbeRecord
from kb.repro import (
    checkpoint,
    domains,
    minimal_pairs,
    models,
    parallel,
    pretraining,
    provenance,
)
from kb.repro.loaded_data import DataSource, LoadedData
from kb.repro.plan import LAPTOP, Plan, settings
from kb.repro.progress import Reporter, Watch
from kb.repro.scoring import gallery_size, score_split, similarity
from kb.repro.split_tensors import SplitTensors, load_split
from kb.repro.train import Budget, State, Training, make_deterministic
from models.parts.contract import RetrievalModel
from models.parts.recipe import Recipe

ZERO_COST = Cost(
    seconds=0,
    train_seconds=0,
    eval_seconds=0,
    epochs=0,
    steps=0,
    samples_per_second=0,
    parameters=0,
)


@dataclass(frozen=True)
class Job:
    """A plan with its data source and device; picklable."""

    plan: Plan
    source: DataSource
    device: str = "auto"

    @property
    def title(self) -> str:
        """The run's name in progress and messages."""
        variant = "" if self.plan.variant == "full" else f" {self.plan.variant}"
        return f"{self.plan.model}{variant} seed {self.plan.seed}"

    def load(self, reporter: Reporter) -> LoadedData:
        """Its data, shared by all jobs of a process with the same source."""
        return LoadedData.load(self.source, reporter.data)

    def callbacks(self, reporter: Reporter) -> list[Watch]:
        """One for each pre-training stage, one for the training."""
        recipe = self.plan.recipe
        stages = [
            reporter.watch(f"{self.title} on {stage.data}", stage.epochs) for stage in recipe.stages
        ]
        return [*stages, reporter.watch(self.title, recipe.schedule.epochs)]


@dataclass(frozen=True)
class _Stage:
    """One training of a run: a pre-training, or the last one, which is evaluated."""

    recipe: Recipe
    train: SplitTensors
    val: SplitTensors
    callback: Watch


def run_job(job: Job, checkpoint_path: Path, *, reporter: Reporter, budget: Budget) -> Run | None:
    """The record of a job, trained from the checkpoint at the path if there is one.

    None where the budget ended first. Out of memory, a full disk, a loss that is NaN or a failure in
    the model's code give a record with status `failed` and the reason.
    """
    if not budget.allows(0):
        return None
    data = job.load(reporter)
    try:
        return execute(
            job.plan,
            data,
            checkpoint_path,
            device=provenance.device(job.device),
            callbacks=job.callbacks(reporter),
            budget=budget,
        )
    except Exception as error:
        fault = models.fault(job.plan.model, error)
        reason = failure_reason(error) or (str(fault) if fault is not error else None)
        if reason is None:
            raise
        return failed(job, data, reason)


def run_unstored(job: Job, *, reporter: Reporter, budget: Budget) -> Run | None:
    """The record of a job that leaves nothing behind: no record, no checkpoint."""
    with TemporaryDirectory() as folder:
        return run_job(job, Path(folder) / "partial.pt", reporter=reporter, budget=budget)


def execute(
    plan: Plan,
    data: LoadedData,
    checkpoint_path: Path,
    *,
    device: torch.device,
    callbacks: Sequence[Watch],
    budget: Budget,
) -> Run | None:
    """The record of a plan; a callback for each of its trainings. None: the budget ended first."""
    began = time.perf_counter()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    stage = pretraining.load_stage(plan.recipe, plan.size, lambda *_: None)
    sources = domains.load_sources(plan.recipe, data.corpus, lambda *_: None)
    words = data.vocabulary if stage is None else stage.vocabulary(data.corpus)
    words = words if sources is None else sources.vocabulary
    splits = {
        split: load_split(data.corpus, split, words, plan.views, device)
        for split in ("train", "val", "test")
    }
    train = splits["train"]
    if sources is not None:
        train = sources.train(train, words, plan.views, device)
    stages = [_Stage(plan.recipe, train, splits["val"], callbacks[-1])]
    if stage is not None:
        clips = stage.splits(words, plan.views, device)
        stages.insert(0, _Stage(stage.recipe(plan.recipe), *clips, callbacks[0]))
    trained = _train(plan, stages, checkpoint_path, device, budget)
    if trained is None:
        return None
    first, training = trained
    run = _record(plan, data, training, splits["test"], device=device, began=began)
    if stage is not None:
        run.pretrained = _pretrained(plan, len(stages[0].train), first)
    if sources is not None:
        run.source_domains = [_source_domain(corpus) for corpus in sources.corpora]
    return run


def _train(
    plan: Plan, stages: list[_Stage], checkpoint_path: Path, device: torch.device, budget: Budget
) -> tuple[State, Training] | None:
    """The final state of the first stage, and the last training; every stage run or resumed.

    On a CPU a small world trains on one thread: its steps are too short to share, the sums are the
    same on any number of cores, and nothing crawls where other programs want the cores too.
    """
    if (plan.small or plan.size in LAPTOP) and device.type == "cpu":
        torch.set_num_threads(1)
    make_deterministic()
    number, training, first = _begin(plan, stages, checkpoint_path, device)
    if training.state.epoch:
        stages[number].callback.resumed(training.state.epoch)
    while True:

        def write(now: Training, number: int = number, first: State | None = first) -> None:
            if parallel.rank() == 0:
                done = {"plan": plan.id, "stage": number, "first": first and asdict(first)}
                checkpoint.save(checkpoint_path, {**done, **now.snapshot()})

        if not training.run(callback=stages[number].callback, budget=budget, checkpoint=write):
            return None
        first = first or training.state
        if number == len(stages) - 1:
            return first, training
        number += 1
        training = _training(training.model, plan, stages[number])


def _begin(
    plan: Plan, stages: list[_Stage], checkpoint_path: Path, device: torch.device
) -> tuple[int, Training, State | None]:
    """A stage's number, its training, and the final state of the first stage if it ended.

    From the beginning, or from the checkpoint that an interrupted run left.
    """
    stored = parallel.broadcast_from_rank0(lambda: checkpoint.resume(checkpoint_path))
    if stored is not None and stored.get("plan") == plan.id:
        try:
            number = int(stored.get("stage", 0))
            training = _training(_new_model(plan, device), plan, stages[number])
            training.restore(stored)
            return number, training, State(**stored["first"]) if stored.get("first") else None
        except (LookupError, TypeError, ValueError, RuntimeError, AttributeError):
            pass  # of another version, or changed: begun again
    return 0, _training(_new_model(plan, device), plan, stages[0]), None


def _training(model: RetrievalModel, plan: Plan, stage: _Stage) -> Training:
    return Training(model, stage.recipe, stage.train, stage.val, seed=plan.seed)


def _new_model(plan: Plan, device: torch.device) -> RetrievalModel:
    torch.manual_seed(plan.seed)
    return parallel.distribute(plan.build().to(device), plan.seed)


def _pretrained(plan: Plan, clips: int, ended: State) -> Pretrained:
    assert plan.pretrained is not None
    return Pretrained(
        data=plan.recipe.stages[0].data,
        size=plan.size,
        fingerprint=plan.pretrained,
        clips=clips,
        epochs=ended.epoch,
        steps=ended.steps,
        train_seconds=round(ended.seconds, 3),
        losses=[row["loss"] for row in ended.curve],
    )


def _source_domain(corpus: Corpus) -> SourceDomain:
    return SourceDomain(
        data=corpus.name,
        size=corpus.size,
        fingerprint=corpus.fingerprint,
        captions=len(corpus.splits["train"].captions),
    )


def _record(
    plan: Plan,
    data: LoadedData,
    training: Training,
    test: SplitTensors,
    *,
    device: torch.device,
    began: float,
) -> Run:
    start = time.perf_counter()
    table = similarity(training.model, test)
    scores = score_split(data.corpus, table)
    told = minimal_pairs.accuracies(data.corpus, table.numpy(force=True)) if data.pairs else {}
    spent = time.perf_counter() - start
    return Run(
        **_identity(plan, data.corpus, device),
        metrics=scores.metrics,
        intervals=scores.intervals,
        ranks=scores.ranks,
        topics=scores.topics,
        pairs={"model": told, **data.pairs} if told else {},
        reference=data.reference,
        curve=training.state.curve,
        cost=_cost(training, began=began, evaluation=spent, device=device),
    )


def failed(job: Job, data: LoadedData, reason: str) -> Run:
    """The record of a failed run."""
    identity = _identity(job.plan, data.corpus, provenance.device(job.device))
    return Run(
        **identity,
        metrics={},
        intervals={},
        ranks={},
        cost=ZERO_COST,
        status="failed",
        reason=reason,
    )


def _identity(plan: Plan, corpus: Corpus, device: torch.device) -> dict[str, Any]:
    """The fields of a record that exist before any training."""
    commit, dirty = provenance.commit()
    return {
        "id": plan.id,
        "kind": plan.kind,
        "model": plan.model,
        "version": plan.model_class.version,
        "variant": plan.variant,
        "seed": plan.seed,
        "data": data_of(corpus).model_copy(update={"fingerprint": plan.fingerprint}),
        "config": plain(asdict(plan.config)),
        "recipe": plain(settings(plan.recipe)),
        "views": list(plan.views),
        "changes": dict(plan.changes),
        "trial": plan.trial,
        "config_hash": plan.config_hash,
        "code": plan.code,
        "tower": None if plan.tower is None else f"{plan.tower.kind} {plan.tower.digest[:16]}",
        "machine": provenance.machine(device),
        "by": plan.by,
        "stated": dict(plan.stated),
        "commit": commit,
        "dirty": dirty,
        "command": plan.command,
        "date": provenance.now(),
    }


def data_of(corpus: Corpus) -> Data:
    """The data of a record, by the test split."""
    queries, gallery, each = gallery_size(corpus)
    published = {
        name: count
        for name, count in corpus.published.items()
        if count > len(corpus.splits[name].videos)
    }
    return Data(
        name=corpus.name,
        size=corpus.size,
        fingerprint=corpus.fingerprint,
        split="test",
        protocol=corpus.protocol,
        queries=queries,
        gallery=gallery,
        captions_per_video=each,
        probe=_probe_of(corpus.probe),
        gallery_published=published.get("test"),
        train=len(corpus.splits["train"].videos) if "train" in published else None,
        train_published=published.get("train"),
        features=" ".join(f"{expert}={name}" for expert, name in corpus.chosen.items()) or None,
        limit=corpus.limit,
    )


def _probe_of(probe: Probe | None) -> ProbeRecord | None:
    if probe is None:
        return None
    return ProbeRecord(
        mechanism=probe.mechanism,
        level=probe.level,
        seed=probe.seed,
        inputs=list(probe.experts),
    )


def _cost(training: Training, *, began: float, evaluation: float, device: torch.device) -> Cost:
    state, batch = training.state, training.recipe.sampling.batch_size
    speed = state.steps * batch / state.seconds if state.seconds else 0.0
    return Cost(
        seconds=round(time.perf_counter() - began, 3),
        train_seconds=round(state.seconds, 3),
        eval_seconds=round(evaluation, 3),
        epochs=state.epoch,
        steps=state.steps,
        samples_per_second=round(speed, 1),
        parameters=parameters(training.model),
        peak_memory_bytes=provenance.peak_memory(device),
    )


def parameters(model: RetrievalModel) -> int:
    """Trainable numbers."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def plain(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as JSON values: tuples become lists."""
    values: dict[str, Any] = json.loads(json.dumps(settings, default=list))
    return values


def failure_reason(error: BaseException) -> str | None:
    """Why a run failed, in a few words; None for a bug of the program."""
    if isinstance(error, torch.OutOfMemoryError):
        return f"out of memory on the device: {str(error).splitlines()[0]}"
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return "out of memory"
    if isinstance(error, KBError):
        return error.what
    if isinstance(error, OSError):
        return f"{error.strerror or error}"
    return None


def as_sent(run: Run | None) -> dict[str, Any] | None:
    """A record as plain values, to send between processes."""
    return None if run is None else run.model_dump(mode="json")
