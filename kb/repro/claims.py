"""What papers claim, held against stored runs: variants paired by seed, in one world."""

import json
import math
from collections.abc import Iterable
from statistics import fmean, stdev
from typing import Any

from kb.records import Claim, Library, Run
from kb.records.errors import KBError

Document = dict[str, Any]
Seeds = dict[int, float]  # seed -> value of the claim's metric
LEVEL = 0.975  # two-sided 95 %


def document(library: Library, key: str = "all") -> list[Document]:
    """A row per claim of one paper or of all. Raises KBError for a paper that does not exist."""
    papers = library.papers if key == "all" else [library.paper(key)]
    return [
        check(paper.model, claim, library.runs(paper.model))
        for paper in papers
        for claim in paper.claims
        if paper.model
    ]


def check(model: str, claim: Claim, runs: Iterable[Run]) -> Document:
    """One claim: the first variant against each other one; the weakest comparison decides."""
    world, values = _best_covered(claim, runs)
    pairs = [compared(values[claim.variants[0]], values[v]) for v in claim.variants[1:]]
    found = [pair for pair in pairs if pair is not None]
    row: Document = {
        "model": model,
        "claim": claim.id,
        "text": claim.text,
        "data": world.name if world else claim.data,
        "size": world.size if world else None,
        "metric": claim.metric,
        "relation": claim.relation,
        "variants": {name: _told(values[name]) for name in claim.variants},
    }
    if len(found) < len(pairs):
        return {**row, "difference": None, "ci95": None, "verdict": "not-run"}
    weakest = max(found) if claim.relation == "less" else min(found)
    verdicts = {verdict(claim.relation, low, high) for _, low, high in found}
    order = ("fails", "undecided", "holds")
    return {
        **row,
        "difference": weakest[0],
        "ci95": list(weakest[1:]),
        "verdict": next(name for name in order if name in verdicts),
    }


def verdict(relation: str, low: float, high: float) -> str:
    """What the interval of a difference says. Equality can be refuted, never shown."""
    if relation == "equal":
        return "undecided" if low <= 0 <= high else "fails"
    if relation == "less":
        low, high = -high, -low
    return "holds" if low > 0 else "fails" if high < 0 else "undecided"


def compared(better: Seeds, other: Seeds) -> tuple[float, float, float] | None:
    """Mean difference over the shared seeds and its 95 % interval (paired t); None below two."""
    gains = [better[seed] - other[seed] for seed in sorted(better.keys() & other.keys())]
    if len(gains) < 2:  # noqa: PLR2004  (one difference has no spread)
        return None
    mean, half = fmean(gains), quantile(len(gains) - 1) * stdev(gains) / math.sqrt(len(gains))
    return mean, mean - half, mean + half


def quantile(freedom: int, level: float = LEVEL) -> float:
    """Student's t by bisection: its density integrated by Simpson's rule after x = tan(u)."""
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        below = _mass(middle, freedom) < level - 0.5
        low, high = (middle, high) if below else (low, middle)
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def _mass(end: float, freedom: int, steps: int = 200) -> float:
    """P(0 < t < sqrt(freedom) tan(end)): the integral of cos(u)^(freedom - 1), scaled."""
    width = end / steps
    weights = (1 if i in {0, steps} else 4 if i % 2 else 2 for i in range(steps + 1))
    area = sum(w * math.cos(i * width) ** (freedom - 1) for i, w in enumerate(weights)) * width / 3
    log_scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    return area * math.exp(log_scale) / math.sqrt(math.pi)


def _best_covered(claim: Claim, runs: Iterable[Run]) -> tuple[Any, dict[str, Seeds]]:
    """The data and recipe under which most seeds pair, and the values there by variant."""
    groups: dict[str, tuple[Any, dict[str, Seeds]]] = {}
    for run in runs:
        wanted = run.variant in claim.variants and claim.data in (None, run.data.name)
        if run.status != "done" or not wanted:
            continue
        # Runs of different length or on different data never pair.
        key = run.data.fingerprint + json.dumps(run.recipe, sort_keys=True)
        empty: dict[str, Seeds] = {name: {} for name in claim.variants}
        _, values = groups.setdefault(key, (run.data, empty))
        values[run.variant][run.seed] = _value(run, claim.metric)
    none: tuple[Any, dict[str, Seeds]] = (None, {name: {} for name in claim.variants})
    return max(groups.values(), key=lambda g: _paired(g[1]), default=none)


def _paired(values: dict[str, Seeds]) -> tuple[int, int]:
    shared = set.intersection(*(set(seeds) for seeds in values.values()))
    return len(shared), sum(len(seeds) for seeds in values.values())


def _value(run: Run, metric: str) -> float:
    """`SumR`, or `t2v R@1`."""
    found: Any = run.metrics
    for name in metric.split():
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, (int, float)):
        raise KBError(f"no run has a metric {metric!r}", mend="write SumR, or t2v R@1")
    return float(found)


def _told(seeds: Seeds) -> Document:
    values = list(seeds.values())
    return {
        "mean": fmean(values) if values else None,
        "sd": stdev(values) if len(values) > 1 else None,
        "n": len(values),
    }


def text(rows: list[Document]) -> str:
    """The claims for people."""
    lines = []
    for row in rows:
        lines.append(f"{row['model']} {row['claim']}: {row['verdict']}. {row['text']}")
        for name, of in row["variants"].items():
            spread = f" ± {of['sd']:.2f}" if of["sd"] is not None else ""
            mean = f"{of['mean']:.2f}{spread}" if of["n"] else "no run"
            lines.append(f"    {name:<16} {row['metric']} {mean}, n = {of['n']}")
        if row["ci95"]:
            low, high = row["ci95"]
            lines.append(f"    difference {row['difference']:+.2f}, 95 % {low:+.2f} to {high:+.2f}")
    return "\n".join(lines) or "no record states a claim yet"
