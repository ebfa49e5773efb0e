"""One claim of a paper, tested on runs in probe worlds."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from kb.records import Claim, Run, pairs, runcode
from kb.records.errors import KBError
from kb.repro import verdicts
from kb.repro.verdicts import Difference

Document = dict[str, Any]
Values = dict[str, dict[str, list[float]]]  # level -> variant -> value in each world
# Of several comparisons the first of these that one has is the claim's.
WEAKEST = (
    "cannot-be-shown",
    "did-not-learn",
    "opposite",
    "no-difference",
    "undecided",
    "holds",
    "holds-not-for-its-reason",
    "holds-for-its-reason",
)


def check(
    model: str,
    claim: Claim,
    runs: Iterable[Run],
    baselines: Iterable[Run] = (),
    root: Path | None = None,
    size: str = pairs.SIZE,
) -> Document:
    """One claim with its comparisons; the weakest one decides."""
    cells = pairs.cells(claim, runs, size)
    values = values_of(claim, cells, cells.seeds)
    row: Document = {
        "model": model,
        "claim": claim.id,
        "main": claim.main,
        "text": claim.text,
        "data": "diorama-probe",
        "metric": claim.metric,
        "relation": claim.relation,
        "margin": claim.margin,
        "mechanism": claim.mechanism.model_dump() if claim.mechanism else None,
        "worlds": cells.seeds,
        "reported": claim.reported.model_dump() if claim.reported else None,
        "variants": _variants(values_of(claim, cells)),
        "twins_told": _twins_told(cells),
        "not_converged": sum(run.rising for run in cells.all),
        "older_code": root is not None and any(runcode.is_older(root, one) for one in cells.all),
        "comparisons": [],
        "weakest": None,
        "difference": None,
        "ci95": None,
        "effect": {"ours": None, "paper": _reported_effect(claim), "unit": "percent"},
        "needs": None,
    }
    if not cells.enough:
        return row | {"verdict": "not-run"}
    comparisons = [_compare(claim, values, other) for other in claim.than]
    weakest = min(
        comparisons, key=lambda one: (WEAKEST.index(one["verdict"]), _support(claim, one))
    )
    on = weakest[claim.levels[-1]]
    decided = _failed(claim, cells, values, list(baselines)) or weakest["verdict"]
    return row | {
        "comparisons": comparisons,
        "weakest": weakest["other"],
        "difference": on["difference"],
        "ci95": on["ci95"],
        "effect": row["effect"] | {"ours": _effect(claim, values, weakest["other"])},
        "needs": weakest["needs"] if decided == "undecided" else None,
        "verdict": decided,
    }


def values_of(claim: Claim, cells: pairs.Cells, seeds: list[int] | None = None) -> Values:
    """The claim's metric in each world, of these seeds or of all."""
    return {
        level: {
            name: [value(run, claim.metric) for s, run in sorted(of.items()) if _among(s, seeds)]
            for name, of in by_variant.items()
        }
        for level, by_variant in cells.runs.items()
    }


def _among(seed: int, seeds: list[int] | None) -> bool:
    return seeds is None or seed in seeds


def value(run: Run, metric: str) -> float:
    """`SumR`, or `t2v R@1`. KBError for a metric that the run has not."""
    entry: Any = run.metrics
    for name in metric.split():
        entry = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(entry, int | float):
        raise KBError(f"no run has a metric {metric!r}", hint="write SumR, or t2v R@1")
    return float(entry)


def _variants(values: Values) -> dict[str, dict[str, Document]]:
    """Variant -> level -> mean, sd and number of runs."""
    table: dict[str, dict[str, Document]] = {}
    for level, by_variant in values.items():
        for name, of in by_variant.items():
            table.setdefault(name, {})[level] = {
                "mean": fmean(of) if of else None,
                "sd": stdev(of) if len(of) > 1 else None,
                "n": len(of),
            }
    return table


def _compare(claim: Claim, values: Values, other: str) -> Document:
    """The variant claimed better against another, at each level."""
    of = {
        level: verdicts.paired(by_variant[claim.better], by_variant[other])
        for level, by_variant in values.items()
    }
    row: Document = {"other": other} | {level: _interval(one) for level, one in of.items()}
    on = of[claim.levels[-1]]
    row["needs"] = verdicts.worlds_needed(on, claim.margin)
    row |= {"interaction": None, "verdict": verdict(claim, of)}
    if claim.mechanism is not None:
        absent = of[claim.mechanism.absent]
        row["interaction"] = _interval(verdicts.paired(on.values, absent.values))
    return row


def verdict(claim: Claim, of: Mapping[str, Difference]) -> str:
    """The verdict on one comparison from its differences by level."""
    on = of[claim.levels[-1]]
    if claim.mechanism is None:
        return verdicts.plain(on, claim.relation, claim.margin)
    absent, predicts = of[claim.mechanism.absent], claim.mechanism.predicts
    return verdicts.with_mechanism(absent, on, claim.relation, claim.margin, predicts)


def _interval(difference: Difference) -> Document:
    return {
        "difference": difference.mean,
        "ci95": list(difference.interval()),
        "n": difference.n,
    }


def _support(claim: Claim, row: Document) -> float:
    """The difference at the deciding level, signed so that larger supports the claim."""
    difference: float = row[claim.levels[-1]]["difference"]
    if claim.relation == "equal":
        return -abs(difference)
    return -difference if claim.relation == "less" else difference


def _failed(claim: Claim, cells: pairs.Cells, values: Values, baselines: list[Run]) -> str | None:
    """Why the runs decide nothing: the inputs do not show the fact, or a variant did not learn."""
    told = _twins_told(cells)["features"]
    if told is not None and told < verdicts.TOLD:
        return "cannot-be-shown"
    for level, by_variant in values.items():
        floor = _baseline(claim, cells, level, baselines)
        if floor is not None and any(
            fmean(of) < verdicts.LEARNT * floor for of in by_variant.values()
        ):
            return "did-not-learn"
    return None


def _baseline(
    claim: Claim, cells: pairs.Cells, level: str, baselines: Iterable[Run]
) -> float | None:
    """Mean of the baseline in the worlds of a level; None where it did not run there."""
    prints = {run.data.fingerprint for of in cells.runs[level].values() for run in of.values()}
    scores = [value(run, claim.metric) for run in baselines if run.data.fingerprint in prints]
    return fmean(scores) if scores else None


def _twins_told(cells: pairs.Cells) -> dict[str, float | None]:
    """Percent of the twins told apart in the worlds with twins: features' probe, each variant."""
    table: dict[str, list[float]] = {"features": []}
    for variant, of in cells.runs.get("twins", {}).items():
        for run in of.values():
            for kind, percent in run.pairs.get("model", {}).items():
                table.setdefault(variant, []).append(percent)
                table["features"].append(run.pairs["features"][kind])
    return {name: fmean(of) if of else None for name, of in table.items()}


def _effect(claim: Claim, values: Values, other: str) -> float | None:
    """Relative change of the metric at the deciding level, in percent of the other variant's."""
    by_variant = values[claim.levels[-1]]
    return _relative(fmean(by_variant[claim.better]), fmean(by_variant[other]))


def _reported_effect(claim: Claim) -> float | None:
    """The same change in the source's figures, against the best of the others."""
    if claim.reported is None or claim.better not in claim.reported.figures:
        return None
    figures: Mapping[str, float] = claim.reported.figures
    others = [figures[name] for name in claim.than if name in figures]
    smaller = claim.reported.metric.endswith(("MedR", "MnR"))
    best = min(others, default=None) if smaller else max(others, default=None)
    effect = None if best is None else _relative(figures[claim.better], best)
    return -effect if smaller and effect is not None else effect


def _relative(value: float, other: float) -> float | None:
    return 100 * (value / other - 1) if other else None
