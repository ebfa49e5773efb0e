"""Execution of runs on this machine: one after another, or in parallel processes."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
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
class _Worker:
    """A process that makes one run after another; libraries and data are loaded once."""

    process: BaseProcess
    place: int
    job: Job | None = None  # at the moment
    tries: int = 0  # starts of that job


Workers = dict[Connection, _Worker]
Waiting = deque[tuple[Job, int]]  # and which start of the job it will be


def side_by_side(
    library: Library, jobs: list[Job], clock: Clock, reporter: Reporter, width: int
) -> Outcomes:
    """Run `width` jobs at a time, each in a process of its own; restart one that is killed.

    It resumes from its checkpoint. Killed for the third time, it is recorded as failed.
    """
    records: Outcomes = {job.plan.id: None for job in jobs}
    waiting: Waiting = deque((job, 1) for job in jobs)
    workers: Workers = {}
    with _ended(workers):
        while busy := _hand_out(library, waiting, clock, workers, width):
            for ready in wait(busy):
                assert isinstance(ready, Connection)
                one, sent = workers[ready], _received(ready)
                job, one.job = one.job, None
                assert job is not None
                if sent is _KILLED:
                    _dismiss(ready, workers)
                    if one.tries < TRIES:
                        reporter.say(f"{job.title}: {_end(one.process)}, begun again")
                        waiting.appendleft((job, one.tries + 1))
                        continue
                run = _outcome(one, job, sent, reporter)
                if ready in workers and run is not None and run.status == "failed":
                    _dismiss(ready, workers)  # who knows what is left of its memory
                records[job.plan.id] = finish(library, job, run)
                report_failure(reporter, job, run)
    return records


_KILLED = object()


def _hand_out(
    library: Library, waiting: Waiting, clock: Clock, workers: Workers, width: int
) -> list[Connection]:
    """Give every idle process a job, start those that lack; the pipes of all that have one."""
    for pipe in [pipe for pipe, one in workers.items() if not one.process.is_alive()]:
        if workers[pipe].job is None:  # killed while it had nothing to do
            _dismiss(pipe, workers)
    while waiting and clock.allows(0):
        idle = [pipe for pipe, one in workers.items() if one.job is None]
        if not idle and len(workers) == width:
            break
        pipe = idle[0] if idle else _start(workers, width)
        job, tries = waiting.popleft()
        workers[pipe].job, workers[pipe].tries = job, tries
        with suppress(OSError):  # one that is killed meanwhile says nothing, and is replaced
            pipe.send((job, store.checkpoint_path(job.plan, library), clock.left))
    return [pipe for pipe, one in workers.items() if one.job is not None]


def _start(workers: Workers, width: int) -> Connection:
    context = multiprocessing.get_context("spawn")  # a forked torch may hang
    ours, theirs = context.Pipe()
    place = min(set(range(width)) - {one.place for one in workers.values()})
    process = context.Process(target=_worker, args=(place, theirs))
    process.start()
    theirs.close()  # so that the end of the process is the end of the pipe
    workers[ours] = _Worker(process, place)
    return ours


def _dismiss(pipe: Connection, workers: Workers) -> None:
    one = workers.pop(pipe)
    pipe.close()  # an idle process ends
    one.process.join()


def _worker(place: int, jobs: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches all: end without a word
    if torch.cuda.is_available():
        torch.cuda.set_device(place % torch.cuda.device_count())
    with suppress(EOFError):
        while True:
            job, checkpoint, budget = jobs.recv()
            try:
                run = run_job(job, checkpoint, reporter=Lines(), budget=Clock(budget))
                jobs.send(as_sent(run))
            except Exception as error:  # noqa: BLE001  (raised again in the parent process)
                jobs.send(error)


def _received(pipe: Connection) -> Any:
    try:
        return pipe.recv()
    except (EOFError, OSError):
        return _KILLED


def _outcome(one: _Worker, job: Job, sent: Any, reporter: Reporter) -> Run | None:
    if sent is _KILLED:
        reason = f"its process was ended {TRIES} times, at last {_end(one.process)}"
        return failed(job, job.load(reporter), reason)
    if isinstance(sent, Exception):
        raise sent
    return None if sent is None else Run.model_validate(sent)


def _end(process: BaseProcess) -> str:
    code = process.exitcode or 0
    if code >= 0:
        return f"with exit code {code}"
    return f"by signal {-code} ({signal.Signals(-code).name})"


@contextmanager
def _ended(workers: Workers) -> Iterator[None]:
    """End every process on exit; checkpoints are complete, so nothing is lost."""
    try:
        yield
    finally:
        for one in workers.values():
            one.process.terminate()
        for one in workers.values():
            one.process.join()
