"""Run records: added to data/results, never changed but for intervals, which follow from ranks."""

import glob
import json
import math
from hashlib import sha256
from pathlib import Path
from typing import Any

from kb.datasets import cache
from kb.records import Library, Run, atomic
from kb.records.errors import Exit, KBError
from kb.records.runs import Intervals
from kb.records.store import read_run
from kb.repro.plan import Plan

NEAR = 1e-9  # of an interval, in percent or ranks


def path(library: Library, plan: Plan) -> Path:
    """The path of the plan's record."""
    return library.data / "results" / plan.model / f"{plan.id}.json"


def checkpoint_path(plan: Plan, library: Library | None = None) -> Path:
    """The path of the plan's checkpoint: in the cache, one folder per knowledge base."""
    place = "cluster" if library is None else str(library.data.resolve())
    folder = sha256(place.encode()).hexdigest()[:12]
    return cache.home() / "partial" / folder / f"{plan.model}.{plan.id}.pt"


def existing(library: Library, plan: Plan) -> Run | None:
    """The plan's record, if this code made it before; None for a failed run, which runs again."""
    there = path(library, plan)
    return read_run(there) if there.is_file() else None


def add(library: Library, plan: Plan, run: Run) -> Path:
    """Write a record. Raises KBError where one with other numbers has the same id.

    A failed run gets an id of its own next to the plan's, once for each reason.
    """
    target = path(library, plan)
    with atomic.locked(library.data):
        atomic.sweep(target.parent)
        if run.status == "failed":
            return _add_failure(target, run)
        before = existing(library, plan)
        if before is None:
            atomic.write(target, _text_of(run.model_dump(mode="json")))
        elif _numbers(before) != _numbers(run):
            raise KBError(
                "holds other numbers than this run gave; results are never changed",
                where=target,
                hint="find out which is right: the record names its commit and machine",
                code=Exit.CONFLICT,
            )
    return target


def replace_intervals(library: Library, path: Path, intervals: Intervals) -> bool:
    """Write these intervals into a record, whose other bytes stay; False where it has them.

    Another processor rounds the last digits otherwise: an interval that agrees to NEAR stays.
    """
    with atomic.locked(library.data):
        record = json.loads(path.read_bytes())
        old = record.get("intervals", {})
        record["intervals"] = {
            direction: {
                metric: _kept(old.get(direction, {}).get(metric), interval.model_dump(mode="json"))
                for metric, interval in of.items()
            }
            for direction, of in intervals.items()
        }
        return atomic.write(path, _text_of(record))


def _kept(old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """The interval as it is recorded, where the new one differs in rounding alone."""
    if old is None or old.keys() != new.keys():
        return new
    same = all(
        math.isclose(old[name], value, rel_tol=NEAR, abs_tol=NEAR)
        if isinstance(value, float) and isinstance(old[name], float | int)
        else old[name] == value
        for name, value in new.items()
    )
    return old if same else new


def _numbers(run: Run) -> tuple[Any, ...]:
    return run.metrics, run.ranks, run.config_hash, run.seed


def _add_failure(target: Path, run: Run) -> Path:
    earlier = sorted(target.parent.glob(f"{glob.escape(target.stem)}.failed-*.json"))
    for there in earlier:
        if read_run(there).reason == run.reason:
            return there
    name = f"{target.stem}.failed-{len(earlier) + 1}"
    beside = target.with_name(f"{name}.json")
    atomic.write(beside, _text_of({**run.model_dump(mode="json"), "id": name}))
    return beside


def _text_of(record: dict[str, Any]) -> bytes:
    return f"{json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True)}\n".encode()
