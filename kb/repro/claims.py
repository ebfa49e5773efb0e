"""What papers claim, held adifferencest stored runs: variants paired by seed, in one world."""

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
ASKED = (0.5, 1.0, 2.0, 5.0)  # differences, in the metric's unit, whose price in seeds is told


def document(library: Library, key: str = "all") -> list[Document]:
    """A row per claim of one paper or of all. Raises KBError for a paper that does not exist."""
    return [
        check(model, claim, library.runs(model), library.root)
        for model, claim in library.stated(key)
    ]


def check(model: str, claim: Claim, runs: Iterable[Run], root: Path | None = None) -> Document:
    """One claim: the first variant adifferencest each other one; the weakest comparison decides."""
    found = pairs.pairs(claim, runs)
    values = {
        name: {seed: _value(run, claim.metric) for seed, run in by_seed.items()}
        for name, by_seed in found.runs.items()
    }
    row: Document = {
        "model": model,
        "claim": claim.id,
        "text": claim.text,
        "data": found.data.name if found.data else claim.data,
        "size": found.data.size if found.data else None,
        "metric": claim.metric,
        "relation": claim.relation,
        "seeds": found.seeds,
        "reported": claim.reported.model_dump() if claim.reported else None,
        "variants": {name: _told(list(by_seed.values())) for name, by_seed in values.items()},
        # runs that were cut off while validation still rose
        "rising": {name: sum(run.rising for run in of.values()) for name, of in found.runs.items()},
        "older_code": root is not None
        and any(runcode.is_older(root, run) for of in found.runs.values() for run in of.values()),
        "comparisons": [],
    }
    if not found.enough:
        return {**row, "difference": None, "ci95": None, "power": None, "verdict": "not-run"}
    rows = [_compared(claim, found, other) for other in claim.variants[1:]]
    weakest = min(rows, key=lambda one: (ORDER.index(one["verdict"]), _strength(claim, one)))
    kept = ("difference", "ci95", "bootstrap95", "power", "verdict")
    return {**row, "comparisons": rows, **{name: weakest[name] for name in kept}}


def _compared(claim: Claim, found: pairs.Pairs, other: str) -> Comparison:
    """The claimed better variant adifferencest another one, over the seeds they share."""
    first = claim.variants[0]
    both = [(found.runs[first][seed], found.runs[other][seed]) for seed in found.seeds]
    differences = [_value(a, claim.metric) - _value(b, claim.metric) for a, b in both]
    mean, low, high = paired_t(differences)
    resampled = bootstrap(_by_query(claim.metric, both, differences))
    said = {verdict(claim.relation, low, high), verdict(claim.relation, *resampled)}
    return {
        "other": other,
        "difference": mean,
        "ci95": [low, high],
        "bootstrap95": list(resampled),
        "power": power(mean, stdev(differences)),
        "verdict": said.pop() if len(said) == 1 else "undecided",
    }


def _strength(claim: Claim, row: Comparison) -> float:
    """How far the difference lies on the claimed side."""
    difference: float = row["difference"]
    if claim.relation == "equal":
        return -abs(difference)
    return -difference if claim.relation == "less" else difference


def verdict(relation: str, low: float, high: float) -> str:
    """What an interval of a difference says. Equality can be refuted, never shown."""
    if relation == "equal":
        return "undecided" if low <= 0 <= high else "fails"
    said = "holds" if low > 0 else "fails" if high < 0 else "undecided"
    return OPPOSITE.get(said, said) if relation == "less" else said


def power(difference: float, sd: float) -> Document:
    """How many seeds it takes to find the difference that was seen, and others, four times in five."""
    return {
        "sd": sd,
        "seeds": sample_size(difference, sd),
        "seeds_for": {f"{asked:g}": sample_size(asked, sd) for asked in ASKED},
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
    found: Any = run.metrics
    for name in metric.split():
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, int | float):
        raise KBError(f"no run has a metric {metric!r}", hint="write SumR, or t2v R@1")
    return float(found)


def _told(values: list[float]) -> Document:
    return {
        "mean": fmean(values) if values else None,
        "sd": stdev(values) if len(values) > 1 else None,
        "n": len(values),
    }


def text(rows: list[Document]) -> str:
    """The claims for people."""
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
        lines.append(f"    power: {_price(row['power'])}")
    return "\n".join(lines)


def _reported(found: Document) -> str:
    """`SumR full 148.6, level1 129.9 on MSR-VTT, full (Table 2)`."""
    figures = ", ".join(f"{name} {value:g}" for name, value in found["figures"].items())
    return f"{found['metric']} {figures} on {found['test']} ({found['source']})"


def _price(found: Document) -> str:
    """How many seeds differences need, where they are found four times in five."""
    needs = [f"{asked} needs {n or 'over 10,000'}" for asked, n in found["seeds_for"].items()]
    return f"sd of the paired difference {found['sd']:.2f}; seeds: {', '.join(needs)}"
