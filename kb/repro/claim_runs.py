"""The runs that claims need: learning rates chosen first, then every variant in the same worlds.

Each variant's rate is chosen by validation among a third of its recipe's, the recipe's and three
times that, and one further while the best is at an end, in a world that never counts. The counted
worlds are fixed in advance: seeds 0 to 5, and 6 to 11 where a claim stayed undecided.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from kb.datasets.synthetic import probes
from kb.datasets.synthetic.probes import Probe
from kb.records import Claim, Library, Run, pairs
from kb.records.errors import KBError
from kb.repro import model_package, models
from kb.repro.plan import model_class
from kb.repro.reproduce import Request

FACTOR = 3.0  # between two learning rates
FURTHER = 2  # steps beyond the first three rates, at most
# As many captions of each video as there are, one of a video per batch; training ends when
# validation rests.
SETTINGS: dict[str, Any] = {
    "captions_per_video": probes.SIZES[pairs.SIZE].captions,
    "epochs": 40,
    "early_stopping_patience": 4,
}
Reproduce = Callable[[list[Request]], list[dict[str, Any]]]


@dataclass(frozen=True)
class Cell:
    """One variant of a model at one level of a mechanism."""

    model: str
    variant: str
    probe: Probe  # of any seed

    def request(
        self,
        make: Callable[..., Request],
        seeds: tuple[int, ...],
        rate: float,
        claim: Claim | None = None,
    ) -> Request:
        """Runs of it at a learning rate, for a claim where they are to count for one."""
        settings = SETTINGS | {"learning_rate": rate}
        if self.probe.twins:
            settings["clips_per_video"] = probes.PAIR
        own = {"model": self.model, "variant": self.variant, "probe": self.probe}
        return make(**own, seeds=seeds, settings=settings, claim=claim)


def missing(  # noqa: PLR0913  (each is another thing)
    library: Library,
    key: str,
    make: Callable[..., Request],
    reproduce: Reproduce,
    *,
    worlds: int,
    size: str = pairs.SIZE,
    wanted: Callable[[Claim], bool] = lambda _: True,
    by: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """Make the runs that the claims of one paper, or of all with a model file, lack.

    Main claims first; `wanted` chooses among all. `make` takes the fields of a Request that
    differ; `reproduce` runs requests; `say` is told what is to come. Only runs by the same
    reproducer `by` are not made again. Raises KBError for a paper that does not exist.
    """
    model_package.use(library.root)
    there = models.names()
    stated = [
        (model, claim) for model, claim in library.stated(key) if model in there and wanted(claim)
    ]
    documents: list[dict[str, Any]] = []
    for model, claim in sorted(stated, key=lambda one: not one[1].main):
        rates: dict[str, float] = {}
        for variant in claim.variants:
            last = cell(model, variant, claim, claim.levels[-1], size)
            made, rates[variant] = _tuned(library, last, by, make, reproduce)
            documents += made
        seeds = tuple(range(worlds))
        say(estimate(library, model, claim, worlds, size, by))
        documents += reproduce(
            [
                cell(model, variant, claim, level, size).request(make, seeds, rates[variant], claim)
                for level in reversed(claim.levels)
                for variant in claim.variants
            ]
        )
    return documents


def estimate(
    library: Library,
    model: str,
    claim: Claim,
    worlds: int,
    size: str = pairs.SIZE,
    by: str | None = None,
) -> str:
    """How many runs a claim still lacks, and the CPU time they take if they take what tuning did."""
    made = [run for run in library.runs(model) if run.by == by]
    there = pairs.cells(claim, library.statements.counted(claim, made), size).runs
    due = {
        name: sum(
            seed not in there[level][name] for level in claim.levels for seed in range(worlds)
        )
        for name in claim.variants
    }
    seconds = 0.0
    for name, runs in due.items():
        last = cell(model, name, claim, claim.levels[-1], size)
        tuned = [run.cost.seconds for run in _tuning_runs(library, last, by)]
        seconds += runs * (fmean(tuned) if tuned else 0.0)
    total = sum(due.values())
    return f"{model} {claim.id}: {total} runs to make, about {seconds / 60:.0f} minutes of one core"


def cell(model: str, variant: str, claim: Claim, level: str, size: str) -> Cell:
    """The cell of a claim's variant at a level."""
    return Cell(model, variant, Probe(claim.world, level, inputs=tuple(claim.read), size=size))


def _tuned(
    library: Library,
    last: Cell,
    by: str | None,
    make: Callable[..., Request],
    reproduce: Reproduce,
) -> tuple[list[dict[str, Any]], float]:
    """The tuning runs of a variant, and the rate whose validation score is best."""
    cls = model_class(last.model, last.variant)
    own = cls.small_recipe.but(**cls.recipe_by_variant.get(last.variant, {}))
    base = own.optimiser.learning_rate
    rates = [base / FACTOR, base, base * FACTOR]
    documents: list[dict[str, Any]] = []
    for _ in range(FURTHER + 1):
        requests = [last.request(make, (pairs.TUNING,), _rounded(rate)) for rate in rates]
        documents += reproduce(requests)
        scores = _validation(library, last, by)
        tried = [_rounded(rate) for rate in rates if _rounded(rate) in scores]
        if len(tried) < len(rates):  # the budget ended first, or a run failed
            return documents, _rounded(base)
        best = max(tried, key=lambda rate: scores[rate])
        if best not in (tried[0], tried[-1]):
            break
        rates = [best / FACTOR, *tried] if best == tried[0] else [*tried, best * FACTOR]
    return documents, best


def _rounded(rate: float) -> float:
    """Three digits: the rate as a record states it."""
    return float(f"{rate:.3g}")


def _validation(library: Library, last: Cell, by: str | None) -> dict[float, float]:
    """Learning rate -> best validation SumR of the tuning runs."""
    return {
        float(run.recipe["learning_rate"]): max(row["SumR"] for row in run.curve)
        for run in _tuning_runs(library, last, by)
        if run.curve
    }


def _tuning_runs(library: Library, last: Cell, by: str | None) -> Iterator[Run]:
    for run in library.runs(last.model):
        probe = run.data.probe
        if (
            probe is not None
            and run.status == "done"
            and not run.trial
            and (run.by, run.seed, run.variant) == (by, pairs.TUNING, last.variant)
            and (probe.mechanism, probe.level) == (last.probe.mechanism, last.probe.level)
            and tuple(probe.inputs) == last.probe.experts
            and run.data.size == last.probe.size
        ):
            yield run


def worlds_of(count: int) -> int:
    """The number of worlds; KBError where it is not that of one of the two looks."""
    if count not in {pairs.WORLDS, pairs.EXTENDED}:
        what = f"{count} worlds are not one of the two looks"
        raise KBError(what, hint=f"write --worlds {pairs.WORLDS}, or {pairs.EXTENDED}")
    return count
