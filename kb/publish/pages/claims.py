"""The claims of the papers, with verdicts."""

from collections import defaultdict
from typing import Any

from markupsafe import Markup

from kb.publish import charts
from kb.publish.pages.site import FULL_WIDTH, Site
from kb.publish.text import number, options

LABELS = {
    "holds-for-its-reason": "holds, for its reason",
    "holds": "holds",
    "holds-not-for-its-reason": "holds, not for its reason",
    "no-difference": "no difference",
    "opposite": "opposite",
    "undecided": "undecided",
    "did-not-learn": "did not learn",
    "cannot-be-shown": "cannot be shown here",
    "not-run": "not run",
}
_DECIDED = ("no-difference", "opposite")
GROUPS = {
    verdict: "holds" if verdict.startswith("holds") else verdict if verdict in _DECIDED else "open"
    for verdict in LABELS
}


def group(verdict: str) -> str:
    """holds, no-difference, opposite, or open."""
    return GROUPS[verdict]


def claims(site: Site) -> str:
    """All claims with their verdicts and the cost of the runs."""
    order = list(LABELS)
    rows = sorted(
        shown(site.claims), key=lambda row: (order.index(row["verdict"]), not row["main"])
    )
    counts = {name: sum(row["verdict"] == name for row in rows) for name in LABELS}
    filters = [
        ("verdict", "Verdict", options(LABELS[row["verdict"]] for row in rows)),
        ("model", "Model", options(row["model"] for row in rows)),
    ]
    return site.page(
        "claims.md",
        "../",
        {
            "title": "Reproducibility",
            "description": "The claims of the papers, in our words, with verdicts from measured runs.",
            **FULL_WIDTH,
        },
        rows=rows,
        counts=[(name, label, counts[name]) for name, label in LABELS.items() if counts[name]],
        filters=[
            {"name": n, "label": label, "options": o} for n, label, o in filters if len(o) > 1
        ],
        chart=differences(rows, "All claims that were run"),
        costs=_costs(site),
        verdict_labels=LABELS,
        verdict_groups=GROUPS,
    )


def shown(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of `kb claims` with the difference at the level without the mechanism's fact."""
    return [row | {"without": _without(row)} for row in rows]


def _without(row: dict[str, Any]) -> dict[str, Any] | None:
    """Of the comparison that decides."""
    if not row["mechanism"] or row["weakest"] is None:
        return None
    weakest = next(one for one in row["comparisons"] if one["other"] == row["weakest"])
    without: dict[str, Any] = weakest[row["mechanism"]["absent"]]
    return without


def differences(rows: list[dict[str, Any]], about: str) -> Markup:
    """One row per claim: the difference with its 95 % interval, around zero; without the fact too."""
    measured = [row for row in rows if row.get("ci95")]
    lines = [
        charts.IntervalRow(
            row["claim"],
            [_dot(row, of) for of in (row, row.get("without")) if of],
            over=row["model"] if len({one["model"] for one in rows}) > 1 else "",
        )
        for row in measured
    ]
    metrics = sorted({row["metric"] for row in measured})
    unit = f"difference in {metrics[0] if len(metrics) == 1 else 'the metric of each claim'}"
    title = f"{about}: {unit}, mean over paired worlds with 95 % interval"
    if any(row.get("without") for row in measured):
        title += "; below it the same without the mechanism's fact"
    return charts.intervals(lines, title=title, unit=unit)


def _dot(row: dict[str, Any], of: dict[str, Any]) -> charts.Dot:
    low, high = of["ci95"]
    gain = f"{row['metric']} {number(of['difference'], 2)}"
    title = f"{gain}, 95 % {number(low, 2)} to {number(high, 2)}: {LABELS[row['verdict']]}"
    return charts.Dot(of["difference"], low, high, title)


def _costs(site: Site) -> list[dict[str, Any]]:
    """The cost of each model's runs, by dataset, size and device."""
    groups: dict[tuple[str, str, str], list[Any]] = defaultdict(list)
    for run in site.runs:
        if run.kind == "model" and run.status == "done":
            data = run.data.title
            groups[run.model, data, run.machine.device].append(run)
    return [
        {
            "model": model,
            "data": data,
            "device": device,
            "runs": len(runs),
            "seconds": sum(run.cost.seconds for run in runs),
            "parameters": max(run.cost.parameters for run in runs),
            "memory": max((run.cost.peak_memory_bytes or 0 for run in runs), default=0),
        }
        for (model, data, device), runs in sorted(groups.items())
    ]
