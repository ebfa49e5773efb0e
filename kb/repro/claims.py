"""Claims of papers, tested on stored runs: variants paired by seed on one dataset."""

from collections.abc import Iterable
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np

from kb.records import Claim, Library, Run, pairs, runcode
from kb.records.errors import KBError
from kb.repro import ranks
from kb.repro.statistics import Values, bootstrap, paired_t, sample_size

Document = dict[str, Any]
Comparison = dict[str, Any]
ORDER = ("fails", "undecided", "holds")  # the weakest comparison of a claim decides
OPPOSITE = {"holds": "fails", "fails": "holds"}
RECALLS = {f"{d} R@{k}": ((d, (k,)),) for d in ("t2v", "v2t") for k in (1, 5, 10)} | {
    "SumR": (("t2v", (1, 5, 10)), ("v2t", (1, 5, 10)))
}
EFFECTS = (0.5, 1.0, 2.0, 5.0)  # differences, in the metric's unit, to report sample sizes for


def document(library: Library, key: str = "all") -> list[Document]:
    """A row per claim of one paper or of all. Raises KBError for a paper that does not exist."""
    return [
        check(model, claim, library.runs(model), library.root)
        for model, claim in library.stated(key)
    ]


def check(model: str, claim: Claim, runs: Iterable[Run], root: Path | None = None) -> Document:
    """One claim: the first variant against each other; the weakest comparison decides."""
    paired = pairs.pairs(claim, runs)
    values = {
        name: {seed: _value(run, claim.metric) for seed, run in by_seed.items()}
        for name, by_seed in paired.runs.items()
    }
    row: Document = {
        "model": model,
        "claim": claim.id,
        "text": claim.text,
        "data": paired.data.name if paired.data else claim.data,
        "size": paired.data.size if paired.data else None,
        "metric": claim.metric,
        "relation": claim.relation,
        "seeds": paired.seeds,
        "reported": claim.reported.model_dump() if claim.reported else None,
        "variants": {
            name: _mean_and_sd(list(by_seed.values())) for name, by_seed in values.items()
        },
        # runs that were cut off while validation still rose
        "rising": {
            name: sum(run.rising for run in of.values()) for name, of in paired.runs.items()
        },
        "older_code": root is not None
        and any(runcode.is_older(root, run) for of in paired.runs.values() for run in of.values()),
        "comparisons": [],
    }
    if not paired.enough:
        return {**row, "difference": None, "ci95": None, "power": None, "verdict": "not-run"}
    rows = [_compare(claim, paired, other) for other in claim.variants[1:]]
    weakest = min(rows, key=lambda one: (ORDER.index(one["verdict"]), _strength(claim, one)))
    copied = ("difference", "ci95", "bootstrap95", "power", "verdict")
    return {**row, "comparisons": rows, **{name: weakest[name] for name in copied}}


def _compare(claim: Claim, paired: pairs.Pairs, other: str) -> Comparison:
    """The variant claimed better against another, over the seeds they share."""
    first = claim.variants[0]
    both = [(paired.runs[first][seed], paired.runs[other][seed]) for seed in paired.seeds]
    differences = [_value(a, claim.metric) - _value(b, claim.metric) for a, b in both]
    mean, low, high = paired_t(differences)
    resampled = bootstrap(_by_query(claim.metric, both, differences))
    verdicts = {verdict(claim.relation, low, high), verdict(claim.relation, *resampled)}
    return {
        "other": other,
        "difference": mean,
        "ci95": [low, high],
        "bootstrap95": list(resampled),
        "power": power(mean, stdev(differences)),
        "verdict": verdicts.pop() if len(verdicts) == 1 else "undecided",
    }


def _strength(claim: Claim, row: Comparison) -> float:
    """The difference, signed so that larger supports the claim."""
    difference: float = row["difference"]
    if claim.relation == "equal":
        return -abs(difference)
    return -difference if claim.relation == "less" else difference


def verdict(relation: str, low: float, high: float) -> str:
    """Verdict of the interval of a difference. Equality can be refuted, never shown."""
    if relation == "equal":
        return "undecided" if low <= 0 <= high else "fails"
    outcome = "holds" if low > 0 else "fails" if high < 0 else "undecided"
    return OPPOSITE.get(outcome, outcome) if relation == "less" else outcome


def power(difference: float, sd: float) -> Document:
    """Seeds needed to detect the observed difference, and others, with a power of 0.8."""
    return {
        "sd": sd,
        "seeds": sample_size(difference, sd),
        "seeds_for": {f"{effect:g}": sample_size(effect, sd) for effect in EFFECTS},
    }


def _by_query(metric: str, both: list[tuple[Run, Run]], differences: list[float]) -> list[Values]:
    """(seeds, queries) differences by direction; their means over queries add up to the seeds' differences.

    Where the metric is no mean that ranks give back (MedR, mAP): (seeds, 1), the differences themselves.
    """
    if metric == "t2v infAP" and all(run.topics for pair in both for run in pair):
        return [
            np.stack([ranks.by_topic(a, "infAP") - ranks.by_topic(b, "infAP") for a, b in both])
        ]
    parts = RECALLS.get(metric)
    if parts is None or not all(
        ranks.has(run, part[0]) for part in parts for pair in both for run in pair
    ):
        return [np.asarray(differences)[:, None]]
    tables = []
    for direction, cutoffs in parts:
        rows = [[_recalled(run, direction, cutoffs) for run in pair] for pair in both]
        tables.append(np.stack([first - other for first, other in rows]))
    return tables


def _recalled(run: Run, direction: str, cutoffs: tuple[int, ...]) -> Values:
    """(queries,) R@K of each query in percent, added over the cutoffs."""
    return np.asarray(100 * sum(ranks.hits(run, direction, cutoff) for cutoff in cutoffs))


def _value(run: Run, metric: str) -> float:
    """`SumR`, or `t2v R@1`."""
    value: Any = run.metrics
    for name in metric.split():
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, int | float):
        raise KBError(f"no run has a metric {metric!r}", hint="write SumR, or t2v R@1")
    return float(value)


def _mean_and_sd(values: list[float]) -> Document:
    return {
        "mean": fmean(values) if values else None,
        "sd": stdev(values) if len(values) > 1 else None,
        "n": len(values),
    }


def text(rows: list[Document]) -> str:
    """The claims as text."""
    return "\n\n".join(_text(row) for row in rows) or "no record states a claim yet"


def _text(row: Document) -> str:
    size = f", {row['size']}" if row["size"] else ""
    where = f" on {row['data']}{size}, {len(row['seeds'])} seeds" if row["seeds"] else ""
    older = ", measured with older code" if row["older_code"] else ""
    lines = [f"{row['model']} {row['claim']}: {row['verdict']}{where}{older}. {row['text']}"]
    for name, of in row["variants"].items():
        spread = f" ± {of['sd']:.2f}" if of["sd"] is not None else ""
        mean = f"{of['mean']:.2f}{spread}" if of["n"] else "no run"
        cut = f", {row['rising'][name]} still rising" if row["rising"][name] else ""
        lines.append(f"    {name:<16} {row['metric']} {mean}, n = {of['n']}{cut}")
    lines += [f"    reported: {_reported(row['reported'])}"] if row["reported"] else []
    for one in row["comparisons"]:
        (low, high), (left, right) = one["ci95"], one["bootstrap95"]
        lines.append(
            f"    over {one['other']:<11} {one['difference']:+.2f}, 95 % {low:+.2f} to {high:+.2f}"
            f" (bootstrap {left:+.2f} to {right:+.2f}): {one['verdict']}"
        )
    if row["power"]:
        lines.append(f"    power: {_seeds_needed(row['power'])}")
    return "\n".join(lines)


def _reported(reported: Document) -> str:
    """`SumR full 148.6, level1 129.9 on MSR-VTT, full (Table 2)`."""
    figures = ", ".join(f"{name} {value:g}" for name, value in reported["figures"].items())
    return f"{reported['metric']} {figures} on {reported['test']} ({reported['source']})"


def _seeds_needed(power_of_claim: Document) -> str:
    """The standard deviation, and the seeds that differences need at a power of 0.8."""
    needs = [
        f"{difference} needs {n or 'over 10,000'}"
        for difference, n in power_of_claim["seeds_for"].items()
    ]
    return f"sd of the paired difference {power_of_claim['sd']:.2f}; seeds: {', '.join(needs)}"
