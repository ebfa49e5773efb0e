"""`kb repro NAME`: train a recorded run anew, and hold the result against the records.

Runs of a claim come first, then those of the synthetic benchmark. It is reproduced where it lies
within the 95 % prediction interval of one more run: the mean of the recorded worlds or seeds plus or
minus t times their deviation times sqrt(1 + 1 / n); of a single run, within its own 95 % interval.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any

from kb.records import Claim, Library, Run, pairs, reproducers
from kb.records.errors import Exit, KBError
from kb.repro import claim_runs, claims, contract_check, model_package, models, provenance
from kb.repro.budget import Clock
from kb.repro.loaded_data import DataSource, LoadedData
from kb.repro.plan import plan
from kb.repro.progress import Reporter
from kb.repro.reproduce import Request, load_probe, resolve
from kb.repro.run import Job, run_unstored
from kb.repro.statistics import t_quantile

METRICS = ("SumR", "t2v R@1")  # the first decides
FULL = "full"


@dataclass(frozen=True)
class Recorded:
    """Recorded runs of a claim, its better variant at the deciding level; or of the benchmark."""

    model: str
    claim: Claim | None  # None: the whole model on a synthetic dataset
    runs: dict[int, Run]  # by seed

    @property
    def first(self) -> Run:
        """The run that is trained again."""
        return next(iter(self.runs.values()))

    @property
    def variant(self) -> str:
        """The variant that ran."""
        return FULL if self.claim is None else self.claim.better

    @property
    def world(self) -> dict[str, str]:
        """The data of the runs."""
        if self.claim is None:
            return {"data": self.first.data.name, "size": str(self.first.data.size)}
        return {"mechanism": self.claim.world, "level": self.claim.levels[-1]}

    def summary(self, metric: str) -> dict[str, Any]:
        """Mean, deviation, number of runs, and the 95 % interval that one more should lie in."""
        values = [claims.value(run, metric) for run in self.runs.values()]
        mean, n = fmean(values), len(values)
        if n == 1:
            interval = _interval(self.first, metric)
            return {"mean": mean, "sd": None, "n": 1, "low": interval[0], "high": interval[1]}
        sd = stdev(values)
        half = t_quantile(n - 1) * sd * math.sqrt(1 + 1 / n)
        return {"mean": mean, "sd": sd, "n": n, "low": mean - half, "high": mean + half}

    def document(self) -> dict[str, Any]:
        """What is recorded, as JSON."""
        return {
            "model": self.model,
            "claim": None if self.claim is None else self.claim.id,
            "variant": self.variant,
            "world": self.world,
            "recorded": {metric: self.summary(metric) for metric in METRICS},
        }


def recorded(library: Library, key: str) -> Recorded | None:
    """The recorded runs of a model; None where nothing is recorded of it as it is now.

    Of a claim, two at least, the main one first; or of the synthetic benchmark.
    """
    model_package.use(library.root)
    name, _ = resolve(library, key)
    stated = [claim for model, claim in library.stated() if model == name]
    made = reproducers.own(library.runs(name))
    for claim in sorted(stated, key=lambda one: not one.main):
        runs = pairs.cells(claim, made).runs[claim.levels[-1]][claim.better]
        kept = {seed: runs[seed] for seed in sorted(runs) if seed < pairs.EXTENDED}
        if len(kept) >= pairs.PAIRED:
            return Recorded(name, claim, kept)
    return _on_benchmark(name, made)


def _on_benchmark(name: str, made: Iterable[Run]) -> Recorded | None:
    """Runs of the model's present version with its own recipe: those with most seeds, then the latest."""
    version = models.load(name).version
    groups: dict[str, dict[int, Run]] = {}
    for run in sorted(made, key=lambda run: run.date):
        own = run.variant == FULL and not run.changes and run.version == version
        generated = run.data.probe is None and run.data.size is not None
        if run.status == "done" and own and generated and METRICS[0] in run.metrics:
            groups.setdefault(run.config_hash, {})[run.seed] = run
    if not groups:
        return None
    runs = max(groups.values(), key=lambda of: (len(of), max(run.date for run in of.values())))
    return Recorded(name, None, dict(sorted(runs.items())))


def _interval(run: Run, metric: str) -> tuple[float, float]:
    """The 95 % interval of one run: its test videos resampled."""
    direction, _, name = metric.rpartition(" ")
    interval = run.intervals[direction or "both"][name]
    return interval.low, interval.high


def again(of: Recorded, *, device: str, clock: Clock, reporter: Reporter) -> dict[str, Any]:
    """Train the first recorded world anew; nothing is stored. KBError where the budget is too short."""
    run = of.first
    contract_check.refuse_what_cannot_run(of.model, of.variant)
    provenance.device(device)
    job = _job(of, run, device, reporter)
    made = run_unstored(job, reporter=reporter, budget=clock)
    if made is None:
        raise KBError("the budget ended before the run", hint="raise --budget, or leave it out")
    if made.status == "failed":
        raise KBError(f"the run failed: {made.reason}", code=Exit.UNREACHABLE)
    values = {metric: claims.value(made, metric) for metric in METRICS}
    document = of.document()
    decides = document["recorded"][METRICS[0]]
    return document | {
        "seed": run.seed,
        "measured": values,
        "seconds": made.cost.seconds,
        "device": made.machine.device,
        "reproduced": decides["low"] <= values[METRICS[0]] <= decides["high"],
    }


def _job(of: Recorded, run: Run, device: str, reporter: Reporter) -> Job:
    """The run's job. KBError where the recipe is not the recorded one any more."""
    changes: dict[str, Any] | None = None
    if of.claim is None:
        source = DataSource(run.data.name, run.data.size, None, run.data.protocol)
        data = LoadedData.load(source, reporter.data)
    else:
        cell = claim_runs.cell(of.model, of.variant, of.claim, of.world["level"], pairs.SIZE)
        request = cell.request(Request, (run.seed,), float(run.recipe["learning_rate"]))
        assert request.probe is not None
        source, data = load_probe(replace(request.probe, seed=run.seed), reporter)
        changes = request.changes
    one = plan(
        of.model,
        data.corpus,
        data.vocabulary,
        seed=run.seed,
        variant=of.variant,
        changes=changes,
        progress=reporter.data,
    )
    if of.claim is None and one.config_hash != run.config_hash:
        hint = f"kb repro {of.model} --seed {run.seed} makes a new one"
        raise KBError(f"{of.model}: data or recipe are not those of the recorded run", hint=hint)
    return Job(one, source, device)


def text(document: dict[str, Any]) -> str:
    """One line per metric, and where it was measured."""
    world = " ".join(document["world"].values())
    place = world if document["claim"] is None else f"probe world {world}"
    lines = [f"{document['model']} {document['variant']}, {place}"]
    for metric, of in document["recorded"].items():
        stored = f"recorded {_stored(of, document['claim'])}"
        if "measured" not in document:
            lines.append(f"    {metric}: {stored}")
            continue
        value, interval = document["measured"][metric], f"{of['low']:.1f} to {of['high']:.1f}"
        within = "one more within" if of["n"] > 1 else "its 95 %"
        lines.append(f"    {metric} {value:.1f}; {stored}, {within} {interval}")
    if "measured" in document:
        word = "reproduced" if document["reproduced"] else "not reproduced"
        what = "seed" if document["claim"] is None else "world"
        where = f"{what} {document['seed']}, {document['seconds']:.0f} s on {document['device']}"
        lines.append(f"    {word} ({METRICS[0]}; {where})")
    return "\n".join(lines)


def _stored(of: dict[str, Any], claim: str | None) -> str:
    if of["n"] == 1:
        return f"{of['mean']:.1f} in one run"
    what = "seeds" if claim is None else "worlds"
    return f"{of['mean']:.1f} ± {of['sd']:.1f} over {of['n']} {what}"
