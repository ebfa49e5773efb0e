"""What runs come to: one document, with the reference points and the published numbers beside it."""

from collections.abc import Mapping
from statistics import fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.records import Paper, Published, Run
from kb.repro import store
from kb.repro.baseline import NAME as BASELINE
from kb.repro.bench import Bench
from kb.repro.plan import Plan

Document = dict[str, Any]
OTHER_DATA = "other data: the published numbers were measured on the real data set"
NOT_COMPARED = "features and protocol were not held against the published ones"
STOPPED = "stopped at the budget; run the same command again to go on"
METRICS = ("R@1", "R@5", "R@10", "MedR", "MnR", "MRR", "mAP")


def document(
    bench: Bench,
    paper: Paper | None,
    plans: list[Plan],
    runs: Mapping[str, tuple[Run | None, bool]],
    published: list[Published],
) -> Document:
    """The document of `kb repro --json`.

    `runs` has, by plan id, the record (None: the budget ended first) and whether it stood there.
    """
    corpus, main = bench.corpus, next(one for one in plans if one.kind == "model")
    ours, base = _of(plans, runs, "model"), _of(plans, runs, "baseline")
    stopped = any(run is None for run, _ in runs.values())
    return {
        "model": main.model,
        "paper": paper.id if paper else None,
        "title": paper.title if paper else None,
        "variant": main.variant,
        "data": corpus.name,
        "size": corpus.size,
        "fingerprint": corpus.fingerprint,
        "status": "stopped" if stopped else "done",
        "runs": [_row(one, *runs[one.id]) for one in plans],
        "summary": summary(ours) if ours else None,
        "reference": {
            "chance": bench.reference["chance"],
            "baseline": {"model": BASELINE, **summary(base)} if base else None,
            "oracle": bench.reference.get("oracle"),
        },
        "published": [
            row.model_dump(exclude_none=True) for row in published if row.dataset in corpus.name
        ],
        "comparable": False,
        "reason": OTHER_DATA if corpus.size else NOT_COMPARED,
        "verdict": STOPPED if stopped else verdict(ours, base),
    }


def _of(plans: list[Plan], runs: Mapping[str, tuple[Run | None, bool]], kind: str) -> list[Run]:
    return [run for one in plans if one.kind == kind and (run := runs[one.id][0])]


def _row(one: Plan, run: Run | None, existed: bool) -> Document:
    row: Document = {"id": one.id, "model": one.model, "variant": one.variant, "seed": one.seed}
    if run is None:
        return {**row, "status": "stopped"}
    kept = run.model_dump(include={"metrics", "intervals", "cost", "machine", "data", "commit"})
    return {**row, "status": "existing" if existed else "new", **kept}


def summary(runs: list[Run]) -> Document:
    """Means over seeds, standard deviations where there are several, R@1's interval."""
    found: Document = {"seeds": [run.seed for run in runs]}
    for direction in ("t2v", "v2t"):
        found[direction] = {m: fmean(r.metrics[direction][m] for r in runs) for m in METRICS}
    found["SumR"] = fmean(run.metrics["SumR"] for run in runs)
    found["sd"] = _deviations(runs) if len(runs) > 1 else None
    found["ci95"] = {
        direction: {
            "R@1": [
                fmean(getattr(r.intervals[direction]["R@1"], end) for r in runs)
                for end in ("low", "high")
            ]
        }
        for direction in ("t2v", "v2t")
    }
    return found


def _deviations(runs: list[Run]) -> Document:
    found: Document = {
        direction: {m: stdev(run.metrics[direction][m] for run in runs) for m in METRICS}
        for direction in ("t2v", "v2t")
    }
    return {**found, "SumR": stdev(run.metrics["SumR"] for run in runs)}


def verdict(ours: list[Run], base: list[Run]) -> str:
    """One line: against the baseline, query by query, at the same seeds."""
    gain, low, high = difference(ours, base)
    gap = (
        f"t2v R@1 {gain:+.1f} over {BASELINE}, 95 % interval {low:+.1f} to {high:+.1f},"
        f" {len(ours)} seed{'s' * (len(ours) > 1)}"
    )
    if low > 0:
        return f"above the baseline; {gap}"
    return f"{'below the baseline' if high < 0 else 'undecided'}; {gap}"


def difference(ours: list[Run], base: list[Run], samples: int = 2000) -> tuple[float, float, float]:
    """Difference in t2v R@1 and its 95 % bootstrap interval, paired by query and seed."""
    gain = 100 * (_first(ours) - _first(base))
    rng = np.random.default_rng(0)
    means = [gain[rng.integers(len(gain), size=len(gain))].mean() for _ in range(samples)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(gain.mean()), float(low), float(high)


def _first(runs: list[Run]) -> NDArray[np.float64]:
    """(queries,) probability of the right video in the first place, over the seeds."""
    return np.asarray(np.mean([store.hits(run, "t2v", 1) for run in runs], axis=0))
