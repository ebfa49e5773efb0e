"""Runs on the machines of a Ray cluster; every record is stored in this knowledge base.

Every machine needs this package at the same commit, and real data under the same path; missing
generated data are made there. A run whose worker or machine dies restarts elsewhere.
"""

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from kb.records import Library, Run
from kb.records.errors import Exit, KBError
from kb.repro import model_package, store
from kb.repro.budget import Clock
from kb.repro.engines import TRIES, Outcomes, finish, report_failure
from kb.repro.progress import Lines, Reporter
from kb.repro.run import Job, as_sent, failed, run_job

PATIENCE = 10.0  # seconds for the head of a cluster to answer
MOST = 65_535  # the last port


def run_on_cluster(
    library: Library, jobs: list[Job], clock: Clock, reporter: Reporter, address: str | None
) -> Outcomes:
    """The records of the jobs, run wherever the cluster has room: one CPU or GPU each.

    Without an address: the cluster of RAY_ADDRESS, else one of this machine alone, for the time of
    the call. Raises KBError where no cluster answers.
    """
    with _connected(address or os.environ.get("RAY_ADDRESS")) as gpus:
        deadline = None if clock.left is None else time.time() + clock.left
        root = str(library.root.resolve())
        waiting = {_submitted(job, deadline, root, gpus=gpus): job for job in jobs}
        records: Outcomes = {}
        while waiting:
            ready, _ = ray.wait(list(waiting), num_returns=1)
            job = waiting.pop(ready[0])
            run = _collected(ready[0], job, reporter)
            records[job.plan.id] = finish(library, job, run)
            report_failure(reporter, job, run)
    return records


def _collected(ready: Any, job: Job, reporter: Reporter) -> Run | None:
    try:
        sent = ray.get(ready)
    except RayTaskError as error:
        raise RuntimeError(str(error.cause or error)) from error
    except RayError as error:
        what = f"its worker was ended {TRIES} times, at last {type(error).__name__}"
        return failed(job, job.load(reporter), what)
    return None if sent is None else Run.model_validate(sent)


def work(job: Job, deadline: float | None, root: str) -> dict[str, Any] | None:
    """Run one job on this machine; the record as plain values, None at the deadline.

    The checkpoint stays in the machine's cache: a run restarted there resumes from it.
    """
    if Path(root).is_dir():  # on another machine the knowledge base may be elsewhere: KB_ROOT there
        model_package.use(Path(root))
    checkpoint = store.checkpoint_path(job.plan)
    budget = Clock(None if deadline is None else deadline - time.time())
    run = run_job(job, checkpoint, reporter=Lines(), budget=budget)
    if run is not None:
        checkpoint.unlink(missing_ok=True)
    return as_sent(run)


@contextmanager
def _connected(address: str | None) -> Iterator[bool]:
    """A connection that is closed again; whether the cluster has GPUs."""
    # A task without a reserved GPU may still see one: the training decides, not Ray.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    options: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    if address is None:
        options["include_dashboard"] = False
    if address is not None:
        _refuse_unreachable(address)
    with redirect_stdout(sys.stderr):  # Ray reports dead workers on stdout, where the result goes
        try:
            ray.init(address=address, **options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _silent(address, error) from error
    try:
        with redirect_stdout(sys.stderr):
            yield bool(ray.cluster_resources().get("GPU", 0))  # type: ignore[no-untyped-call]
    finally:
        ray.shutdown()


def _refuse_unreachable(address: str) -> None:
    """Raise KBError at once where nothing listens: Ray itself would retry for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address in {"auto", "local"}:
        return
    if not host or not port.isdecimal() or int(port) > MOST:
        raise KBError(f"{address!r} is no address", hint="write HOST:PORT")
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()
    except OSError as error:
        raise _silent(address, error) from error


def _silent(address: str | None, error: Exception) -> KBError:
    what = f"no Ray cluster answers ({str(error).splitlines()[0]})"
    hint = "`ray start --head` starts one"
    return KBError(what, where=address, hint=hint, code=Exit.UNREACHABLE)


def _submitted(job: Job, deadline: float | None, root: str, *, gpus: bool) -> Any:
    """The Ray reference to the job's record."""
    needs = {"num_gpus": 1} if gpus and job.device != "cpu" else {"num_cpus": 1}
    task = ray.remote(work).options(**needs, max_retries=TRIES - 1, name=f"kb {job.title}")
    return task.remote(job, deadline, root)
