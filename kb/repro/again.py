"""`kb repro NAME`: train a recorded run of a claim anew, and hold the result against the records.

It is reproduced where it lies within the 95 % prediction interval of one more run: the mean of the
recorded worlds plus or minus t times their deviation times sqrt(1 + 1 / n).
"""

import math
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any

from kb.records import Claim, Library, Run, pairs, reproducers
from kb.records.errors import Exit, KBError
from kb.repro import claim_runs, claims, contract_check, model_package, provenance
from kb.repro.budget import Clock
from kb.repro.claim_runs import Cell
from kb.repro.plan import plan
from kb.repro.progress import Reporter
from kb.repro.reproduce import Request, load_probe, resolve
from kb.repro.run import Job, run_unstored
from kb.repro.statistics import t_quantile

METRICS = ("SumR", "t2v R@1")  # the first decides


@dataclass(frozen=True)
class Recorded:
    """The recorded runs of a claim: the better variant at the deciding level."""

    model: str
    claim: Claim
    runs: dict[int, Run]  # by seed

    @property
    def level(self) -> str:
        """The deciding level."""
        return self.claim.levels[-1]

    def summary(self, metric: str) -> dict[str, Any]:
        """Mean, deviation, number of runs, and the 95 % prediction interval of one more."""
        values = [claims.value(run, metric) for run in self.runs.values()]
        mean, sd, n = fmean(values), stdev(values), len(values)
        half = t_quantile(n - 1) * sd * math.sqrt(1 + 1 / n)
        return {"mean": mean, "sd": sd, "n": n, "low": mean - half, "high": mean + half}

    def document(self) -> dict[str, Any]:
        """What is recorded, as JSON."""
        return {
            "model": self.model,
            "claim": self.claim.id,
            "variant": self.claim.better,
            "world": {"mechanism": self.claim.world, "level": self.level},
            "recorded": {metric: self.summary(metric) for metric in METRICS},
        }


def recorded(library: Library, key: str) -> Recorded | None:
    """The recorded runs of a model's claim, of the main one if it has any; None with fewer than two."""
    model_package.use(library.root)
    name, _ = resolve(library, key)
    stated = [claim for model, claim in library.stated() if model == name]
    made = reproducers.own(library.runs(name))
    for claim in sorted(stated, key=lambda one: not one.main):
        runs = pairs.cells(claim, made).runs[claim.levels[-1]][claim.better]
        kept = {seed: runs[seed] for seed in sorted(runs) if seed < pairs.EXTENDED}
        if len(kept) >= pairs.PAIRED:
            return Recorded(name, claim, kept)
    return None


def again(of: Recorded, *, device: str, clock: Clock, reporter: Reporter) -> dict[str, Any]:
    """Train the first recorded world anew; nothing is stored. KBError where the budget is too short."""
    seed, run = next(iter(of.runs.items()))
    contract_check.refuse_what_cannot_run(of.model, of.claim.better)
    provenance.device(device)
    job = _job(of, seed, float(run.recipe["learning_rate"]), device, reporter)
    made = run_unstored(job, reporter=reporter, budget=clock)
    if made is None:
        raise KBError("the budget ended before the run", hint="raise --budget, or leave it out")
    if made.status == "failed":
        raise KBError(f"the run failed: {made.reason}", code=Exit.UNREACHABLE)
    values = {metric: claims.value(made, metric) for metric in METRICS}
    document = of.document()
    decides = document["recorded"][METRICS[0]]
    return document | {
        "seed": seed,
        "measured": values,
        "seconds": made.cost.seconds,
        "device": made.machine.device,
        "reproduced": decides["low"] <= values[METRICS[0]] <= decides["high"],
    }


def _job(of: Recorded, seed: int, rate: float, device: str, reporter: Reporter) -> Job:
    cell: Cell = claim_runs.cell(of.model, of.claim.better, of.claim, of.level, pairs.SIZE)
    request = cell.request(Request, (seed,), rate)
    assert request.probe is not None
    source, data = load_probe(replace(request.probe, seed=seed), reporter)
    one = plan(
        of.model,
        data.corpus,
        data.vocabulary,
        seed=seed,
        variant=of.claim.better,
        changes=request.changes,
        progress=reporter.data,
    )
    return Job(one, source, device)


def text(document: dict[str, Any]) -> str:
    """One line per metric, and where it was measured."""
    world = " ".join(document["world"].values())
    lines = [f"{document['model']} {document['variant']}, probe world {world}"]
    for metric, of in document["recorded"].items():
        stored = f"recorded {of['mean']:.1f} ± {of['sd']:.1f} over {of['n']} worlds"
        if "measured" not in document:
            lines.append(f"    {metric}: {stored}")
            continue
        value = document["measured"][metric]
        lines.append(
            f"    {metric} {value:.1f}; {stored}, one more within {of['low']:.1f} to {of['high']:.1f}"
        )
    if "measured" in document:
        word = "reproduced" if document["reproduced"] else "not reproduced"
        where = f"world {document['seed']}, {document['seconds']:.0f} s on {document['device']}"
        lines.append(f"    {word} ({METRICS[0]}; {where})")
    return "\n".join(lines)
