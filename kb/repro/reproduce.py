"""`kb repro`: the runs a request asks for, and what they come to."""

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from kb.records import Library, Paper, Run
from kb.records.errors import Exit, KBError
from kb.repro import models, provenance, report, store
from kb.repro.baseline import NAME as BASELINE
from kb.repro.bench import Bench
from kb.repro.budget import Clock
from kb.repro.plan import Plan, official_plan, plan
from kb.repro.progress import Lines, Reporter
from kb.repro.run import carry_out

DEFAULT_DATA = "diorama-msrvtt"


@dataclass(frozen=True)
class Request:
    """What a user asked for."""

    model: str  # a model's name or a paper's id
    data: str = DEFAULT_DATA
    root: Path | None = None  # the folder of real data
    size: str | None = None
    seeds: tuple[int, ...] = (0,)
    variant: str = "full"
    device: str = "auto"
    jobs: int = 1
    budget: float | None = None  # seconds
    epochs: int | None = None
    checkpoint: Path | None = None  # official weights, evaluated as they are

    def bench(self, reporter: Reporter) -> Bench:
        """Its data."""
        return Bench.load(self.data, self.size, self.root, reporter.data)


def reproduce(library: Library, request: Request, reporter: Reporter) -> dict[str, Any]:
    """Make the runs that are missing; the document that `kb repro --json` prints.

    Raises KBError for a model, variant, data set or device that does not exist.
    """
    name, paper = resolve(library, request.model)
    models.load(name)
    provenance.device(request.device)
    bench = request.bench(reporter)
    plans = _plans(name, request, bench)
    made = _runs(library, request, bench, plans, reporter)
    published = library.published.get(paper.id, []) if paper else []
    return report.document(bench, paper, plans, made, published)


def run_claims(
    library: Library,
    key: str,
    reporter: Reporter,
    *,
    seeds: int,
    size: str | None = None,
    jobs: int = 1,
) -> None:
    """Make the runs that the claims of one paper, or of all that have a model file, need."""
    papers = library.papers if key == "all" else [library.paper(key)]
    for paper in papers:
        if paper.model not in models.names():
            continue
        for claim in paper.claims:
            for variant in claim.variants:
                request = Request(
                    model=str(paper.model),
                    data=claim.data or DEFAULT_DATA,
                    variant=variant,
                    seeds=tuple(range(seeds)),
                    size=size,
                    jobs=jobs,
                )
                reproduce(library, request, reporter)


def _plans(name: str, request: Request, bench: Bench) -> list[Plan]:
    """The model's runs, each after the baseline's at the same seed."""
    corpus, words = bench.corpus, bench.vocabulary
    if request.checkpoint is not None:
        baseline = plan(BASELINE, corpus, words, seed=0, epochs=request.epochs)
        return [baseline, official_plan(name, corpus, words, request.checkpoint)]
    return [
        plan(model, corpus, words, seed=seed, variant=variant, epochs=request.epochs)
        for seed in request.seeds
        for model, variant in ((BASELINE, "full"), (name, request.variant))
    ]


def resolve(library: Library, key: str) -> tuple[str, Paper | None]:
    """The model's name and its paper. Raises KBError where there is no such model."""
    if key not in models.names():
        named = [p for p in library.papers if key in (p.id, p.model, *p.aliases)]
        there = ", ".join(models.names()) or "none yet"
        if not named:
            raise KBError(f"no model or paper is called {key!r}", mend=f"models: {there}")
        if named[0].model not in models.names():
            what = f"{named[0].id} has no model file yet"
            raise KBError(what, mend=f"models: {there}", code=Exit.USAGE)
        return str(named[0].model), named[0]
    return key, next((paper for paper in library.papers if paper.model == key), None)


def _runs(
    library: Library, request: Request, bench: Bench, plans: list[Plan], reporter: Reporter
) -> dict[str, tuple[Run | None, bool]]:
    """Plan id -> its record (None: stopped at the budget), and whether it was there before."""
    found = {one.id: store.existing(library, one) for one in plans}
    missing = [one for one in plans if found[one.id] is None]
    for one in plans:
        if one not in missing:
            reporter.say(f"{one.model} {one.id}: there already, not run again")
    clock = Clock(request.budget)
    if request.jobs > 1 and len(missing) > 1:
        made = _side_by_side(library, request, missing, clock)
    else:
        made = {one.id: _here(library, request, bench, one, clock, reporter) for one in missing}
    return {one.id: (found[one.id] or made.get(one.id), one not in missing) for one in plans}


def _here(
    library: Library, request: Request, bench: Bench, one: Plan, clock: Clock, reporter: Reporter
) -> Run | None:
    if not clock.allows(0):
        return None
    return carry_out(
        library,
        one,
        bench,
        device=provenance.device(request.device),
        watcher=reporter.watch(f"{one.model} seed {one.seed}", one.recipe.epochs),
        budget=clock,
    )


def _side_by_side(
    library: Library, request: Request, plans: list[Plan], clock: Clock
) -> dict[str, Run | None]:
    """Several processes; each reads the data for itself and writes its own records."""
    threads = max(1, (os.cpu_count() or 1) // request.jobs)
    context = multiprocessing.get_context("spawn")  # a forked torch may hang
    with ProcessPoolExecutor(request.jobs, mp_context=context, initializer=_quiet_ends) as pool:
        started = {
            one.id: pool.submit(_worker, library.root, request, one, clock.left, threads)
            for one in plans
        }
        try:
            return {name: future.result() for name, future in started.items()}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()  # checkpoints are written whole: nothing is lost
            raise


def _quiet_ends() -> None:
    """Ctrl-C reaches every process of a terminal: the workers end without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _worker(
    root: Path, request: Request, one: Plan, budget: float | None, threads: int
) -> Run | None:
    torch.set_num_threads(threads)
    lines = Lines()
    bench = request.bench(lines)
    return _here(Library(root), request, bench, one, Clock(budget), lines)
