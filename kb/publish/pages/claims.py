"""The claims of the papers, with verdicts."""

from collections import defaultdict
from typing import Any

from markupsafe import Markup

from kb.publish import charts
from kb.publish.pages.site import FULL_WIDTH, Site
from kb.publish.text import number, options

VERDICTS = ("holds", "fails", "undecided", "not-run")
LABELS = {"not-run": "not run"}


def claims(site: Site) -> str:
    """All claims with their verdicts and the cost of the runs."""
    rows = sorted(site.claims, key=lambda row: VERDICTS.index(row["verdict"]))
    counts = {name: sum(row["verdict"] == name for row in rows) for name in VERDICTS}
    filters = [
        ("verdict", "Verdict", options(LABELS.get(r["verdict"], r["verdict"]) for r in rows)),
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
        counts=[(name, LABELS.get(name, name), counts[name]) for name in VERDICTS],
        filters=[
            {"name": n, "label": label, "options": o} for n, label, o in filters if len(o) > 1
        ],
        chart=differences(rows, "All claims that were run"),
        costs=_costs(site),
        verdict_labels=LABELS,
    )


def differences(rows: list[dict[str, Any]], about: str) -> Markup:
    """One row per claim: the mean difference over seeds with its 95 % interval, around zero."""
    shown = [row for row in rows if row.get("ci95")]
    lines = [
        charts.IntervalRow(
            row["claim"],
            [charts.Dot(row["difference"], row["ci95"][0], row["ci95"][1], _title(row))],
            over=row["model"] if len({one["model"] for one in rows}) > 1 else "",
        )
        for row in shown
    ]
    metrics = sorted({row["metric"] for row in shown})
    unit = f"difference in {metrics[0] if len(metrics) == 1 else 'the metric of each claim'}"
    title = f"{about}: {unit}, mean over paired seeds with 95 % interval"
    return charts.intervals(lines, title=title, unit=unit)


def _title(row: dict[str, Any]) -> str:
    low, high = row["ci95"]
    gain = f"{row['metric']} {number(row['difference'], 2)}"
    return f"{gain}, 95 % {number(low, 2)} to {number(high, 2)}: {row['verdict']}"


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
