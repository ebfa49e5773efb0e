"""One run as a process can be handed it: made, or recorded as failed with its reason."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from kb.records import Run
from kb.records.errors import KBError
from kb.records.runs import Cost
from kb.repro import provenance
from kb.repro.bench import Bench
from kb.repro.plan import Plan
from kb.repro.progress import Reporter
from kb.repro.run import carry_out, data_of, plain
from kb.repro.train import Budget, Watcher


@dataclass(frozen=True)
class Job:
    """A plan, and where its data and its device are."""

    plan: Plan
    root: Path | None = None  # the folder of real data
    device: str = "auto"

    @property
    def title(self) -> str:
        """What to call it before the user."""
        variant = "" if self.plan.variant == "full" else f" {self.plan.variant}"
        return f"{self.plan.model}{variant} seed {self.plan.seed}"

    def bench(self, reporter: Reporter) -> Bench:
        """Its data; the same object for all jobs of a process that share them."""
        one = self.plan
        return Bench.load(one.data, one.size, self.root, one.protocol, reporter.data)


def attempt(job: Job, kept: Path, *, reporter: Reporter, budget: Budget) -> Run | None:
    """The record of a job, trained from the checkpoint at `kept` if there is one.

    None where the budget ended first. A run that does not fit into memory, onto the disk, or
    whose loss is no number gives a record with status `failed` and the reason.
    """
    if not budget.allows(0):
        return None
    bench = job.bench(reporter)
    try:
        return carry_out(
            job.plan,
            bench,
            kept,
            device=provenance.device(job.device),
            watchers=_watchers(job, reporter),
            budget=budget,
        )
    except (KBError, MemoryError, OSError, RuntimeError) as error:
        reason = why(error)
        if reason is None:
            raise
        return failed(job, bench, reason)


def _watchers(job: Job, reporter: Reporter) -> list[Watcher]:
    """Who follows the job's pre-training, if it has one, and its training."""
    recipe, first = job.plan.recipe, job.plan.recipe.pretraining
    before = [reporter.watch(f"{job.title} on {first.data}", first.epochs)] if first else []
    return [*before, reporter.watch(job.title, recipe.epochs)]


def why(error: BaseException) -> str | None:
    """Why a run failed, in a few words; None for what is a fault of the program."""
    if isinstance(error, torch.OutOfMemoryError):
        return f"out of memory on the device: {str(error).splitlines()[0]}"
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return "out of memory"
    if isinstance(error, KBError):
        return error.what
    if isinstance(error, OSError):
        return f"{error.strerror or error}"
    return None


def failed(job: Job, bench: Bench, reason: str) -> Run:
    """The record of a run that gave no numbers."""
    one = job.plan
    commit, dirty = provenance.commit()
    return Run(
        id=one.id,
        kind=one.kind,
        model=one.model,
        variant=one.variant,
        seed=one.seed,
        data=data_of(bench.corpus),
        config=plain(one.config),
        recipe=plain(asdict(one.recipe)),
        changes=dict(one.changes),
        config_hash=one.config_hash,
        metrics={},
        intervals={},
        ranks={},
        machine=provenance.machine(provenance.device(job.device)),
        cost=NOTHING,
        commit=commit,
        dirty=dirty,
        command=one.command,
        date=provenance.now(),
        status="failed",
        reason=reason,
    )


NOTHING = Cost(
    seconds=0,
    train_seconds=0,
    eval_seconds=0,
    epochs=0,
    steps=0,
    samples_per_second=0,
    parameters=0,
)


def as_sent(run: Run | None) -> dict[str, Any] | None:
    """A record as it goes from process to process."""
    return None if run is None else run.model_dump(mode="json")
