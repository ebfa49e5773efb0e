"""Shows that later code gives the same numbers: `kb check --same-code`.

A run keeps the digest of the code that made it. Where that code changed since, the cheapest run of
each digest is made again; if every metric and rank is equal, the two digests are noted as the same
in data/same_code.json, and the runs no longer count as measured with older code.
"""

from collections.abc import Callable, Iterable

from kb.records import Library, Run, runcode
from kb.repro import contract_check, model_package
from kb.repro.budget import Clock
from kb.repro.intervals import probe_of
from kb.repro.plan import plan
from kb.repro.progress import Reporter
from kb.repro.reproduce import load_probe
from kb.repro.run import Job, run_unstored


def show(library: Library, reporter: Reporter, say: Callable[[str], None]) -> tuple[int, int]:
    """Run what is to be shown; how many digests gave the same numbers, of how many."""
    model_package.use(library.root)
    same, due = 0, list(_cheapest(library))
    for run in due:
        again = _again(run, reporter)
        equal = again is not None and (again.metrics, again.ranks) == (run.metrics, run.ranks)
        name = f"{run.model} {run.id}"
        say(f"{name}: {'the same numbers' if equal else 'other numbers than recorded'}")
        if equal and again is not None and again.code and run.code:
            runcode.note_same(library.root, again.code, run.code)
            same += 1
    return same, len(due)


def _cheapest(library: Library) -> Iterable[Run]:
    """The cheapest run in a probe world of each digest that is not today's."""
    cheapest: dict[str, Run] = {}
    for run in library.runs():
        if run.status != "done" or run.code is None or run.data.probe is None:
            continue
        if runcode.is_older(library.root, run):
            best = cheapest.get(run.code)
            if best is None or run.cost.seconds < best.cost.seconds:
                cheapest[run.code] = run
    return cheapest.values()


def _again(run: Run, reporter: Reporter) -> Run | None:
    """The same run by today's code, not stored; None where it cannot be planned or ends early."""
    contract_check.refuse_what_cannot_run(run.model, run.variant) if run.kind == "model" else None
    source, data = load_probe(probe_of(run.data), reporter)
    one = plan(
        run.model,
        data.corpus,
        data.vocabulary,
        seed=run.seed,
        variant=run.variant,
        changes=run.changes,
        progress=reporter.data,
    )
    job = Job(one, source, "cpu" if run.machine.device == "cpu" else "cuda")
    return run_unstored(job, reporter=reporter, budget=Clock())
