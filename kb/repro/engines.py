"""Execution of runs on this machine: one after another, or in parallel processes."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch

from kb.records import Library, Run
from kb.repro import parallel, store
from kb.repro.budget import Clock
from kb.repro.progress import Lines, Reporter
from kb.repro.run import Job, as_sent, failed, run_job

TRIES = 3  # of a run whose process is killed
Outcomes = dict[str, Run | None]  # plan id -> record; None: the budget ended first


def finish(library: Library, job: Job, run: Run | None) -> Run | None:
    """Store a record and delete its checkpoint."""
    if run is None or parallel.rank() != 0:
        return run
    store.add(library, job.plan, run)
    store.checkpoint_path(job.plan, library).unlink(missing_ok=True)
    return run


def one_by_one(library: Library, jobs: list[Job], clock: Clock, reporter: Reporter) -> Outcomes:
    """Every job in this process."""
    records: Outcomes = {}
    for job in jobs:
        run = run_job(
            job, store.checkpoint_path(job.plan, library), reporter=reporter, budget=clock
        )
        records[job.plan.id] = finish(library, job, run)
        report_failure(reporter, job, run)
    return records


def report_failure(reporter: Reporter, job: Job, run: Run | None) -> None:
    """One line where a run failed."""
    if run is not None and run.status == "failed":
        reporter.say(f"{job.title}: failed, {run.reason}")


@dataclass
class _Running:
    """A running job and the number of its starts."""

    job: Job
    process: BaseProcess
    tries: int
    place: int


def side_by_side(
    library: Library, jobs: list[Job], clock: Clock, reporter: Reporter, width: int
) -> Outcomes:
    """Run `width` jobs at a time, each in its own process; restart one that is killed.

    It resumes from its checkpoint. Killed for the third time, it is recorded as failed.
    """
    records: Outcomes = {job.plan.id: None for job in jobs}
    waiting = deque((job, 1) for job in jobs)
    running: dict[Connection, _Running] = {}
    with _ended(running):
        while waiting or running:
            while waiting and len(running) < width and clock.allows(0):
                place = min(set(range(width)) - {one.place for one in running.values()})
                _start(library, *waiting.popleft(), clock, place, running)
            if not running:
                break
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                one = running.pop(ready)
                sent = _received(ready)
                one.process.join()
                if sent is _KILLED and one.tries < TRIES:
                    reporter.say(f"{one.job.title}: {_end(one.process)}, begun again")
                    waiting.appendleft((one.job, one.tries + 1))
                    continue
                run = _outcome(one, sent, reporter)
                records[one.job.plan.id] = finish(library, one.job, run)
                report_failure(reporter, one.job, run)
    return records


_KILLED = object()


def _start(
    library: Library,
    job: Job,
    tries: int,
    clock: Clock,
    place: int,
    running: dict[Connection, _Running],
) -> None:
    context = multiprocessing.get_context("spawn")  # a forked torch may hang
    ours, theirs = context.Pipe(duplex=False)
    work = (job, store.checkpoint_path(job.plan, library), clock.left, place, theirs)
    process = context.Process(target=_worker, args=work)
    process.start()
    theirs.close()  # so that the end of the process is the end of the pipe
    running[ours] = _Running(job, process, tries, place)


def _worker(
    job: Job, checkpoint: Path, budget: float | None, place: int, results: Connection
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches all: end without a word
    if torch.cuda.is_available():
        torch.cuda.set_device(place % torch.cuda.device_count())
    try:
        run = run_job(job, checkpoint, reporter=Lines(), budget=Clock(budget))
        results.send(as_sent(run))
    except Exception as error:  # noqa: BLE001  (raised again in the parent process)
        results.send(error)


def _received(pipe: Connection) -> Any:
    with pipe:
        try:
            return pipe.recv()
        except EOFError:
            return _KILLED


def _outcome(one: _Running, sent: Any, reporter: Reporter) -> Run | None:
    if sent is _KILLED:
        reason = f"its process was ended {TRIES} times, at last {_end(one.process)}"
        return failed(one.job, one.job.load(reporter), reason)
    if isinstance(sent, Exception):
        raise sent
    return None if sent is None else Run.model_validate(sent)


def _end(process: BaseProcess) -> str:
    code = process.exitcode or 0
    if code >= 0:
        return f"with exit code {code}"
    return f"by signal {-code} ({signal.Signals(-code).name})"


@contextmanager
def _ended(running: dict[Connection, _Running]) -> Iterator[None]:
    """End every process on exit; checkpoints are complete, so nothing is lost."""
    try:
        yield
    finally:
        for one in running.values():
            one.process.terminate()
        for one in running.values():
            one.process.join()
