"""Reproductions: every claim with its verdict as a dot with its interval, and the effects compared."""

from collections import defaultdict
from typing import Any

from kb.publish import effects, scatter, verdict_box
from kb.publish.effects import Effect
from kb.publish.pages.claim_effects import ClaimEffects, claim_effects
from kb.publish.pages.site import FULL_WIDTH, Site
from kb.publish.pages.subpages import tabs
from kb.publish.text import options
from kb.records import error_rates, reproducers

LABELS = {
    "holds-for-its-reason": "holds, for its reason",
    "holds": "holds",
    "holds-not-for-its-reason": "holds, not for its reason",
    "no-difference": "no difference",
    "opposite": "opposite",
    "undecided": "undecided",
    "did-not-learn": "did not learn",
    "cannot-be-shown": "cannot be shown here",
    "not-run": "not tested",
    "to-be-run-again": "to be run again",
}
GROUPS = verdict_box.KINDS
DEVICES = {"cpu": "processors without a GPU"}  # of runs, in words


def claims(site: Site) -> str:
    """The page of all claims, the effects against the papers', and the cost of the runs."""
    rows = sorted(shown(site), key=_order)
    filters = [
        ("verdict", "Verdict", options(LABELS[one.row["verdict"]] for one in rows)),
        ("model", "Model", options(one.row["model"] for one in rows)),
        ("by", "Reproducer", options(name for one in rows for name in _reproducers(one))),
    ]
    tested = [one for one in rows if one.row["verdict"] not in verdict_box.UNTESTED]
    costs = _costs(site)
    return site.page(
        "claims.md",
        "../",
        {
            "title": "Reproductions",
            "description": _tally([one.row for one in rows]),
            **FULL_WIDTH,
        },
        rows=rows,
        tested=len(tested),
        marks=verdict_box.tally(one.row for one in rows),
        filters=[
            {"name": n, "label": label, "options": o} for n, label, o in filters if len(o) > 1
        ],
        chips=filters[0][2],
        reproducers=_reproducers,
        axes=_axes(rows),
        pairs=scatter.pairs(one.row for one in rows),
        cloud=scatter.cloud(scatter.pairs(one.row for one in rows), site.short),
        costs=costs,
        hours=sum(one["seconds"] for one in costs) / 3600,
        devices=sorted({DEVICES.get(one["device"], one["device"]) for one in costs}),
        errors=error_rates.read(site.library.root),
        verdict_labels=LABELS,
        kinds=GROUPS,
        tabs=tabs(site, "reproductions/"),
    )


def shown(site: Site, model: str | None = None) -> list[ClaimEffects]:
    """The claims of one model, or of all, with what was measured of each."""
    rows = site.claims if model is None else site.claims_of.get(model, [])
    return claim_effects(site, rows)


def _reproducers(one: ClaimEffects) -> list[str]:
    """Who made runs of a claim."""
    return [reproducers.name(of["by"]) for of in one.row["reproducers"]]


def _order(one: ClaimEffects) -> tuple[int, bool, float]:
    return (
        list(LABELS).index(one.row["verdict"]),
        not one.row["main"],
        -(one.row["difference"] or 0.0),
    )


def _tally(rows: list[dict[str, Any]]) -> str:
    papers = len({row["model"] for row in rows})
    marks = ", ".join(mark.words for mark in verdict_box.tally(rows))
    tested = sum(row["verdict"] not in verdict_box.UNTESTED for row in rows)
    return f"{len(rows)} claims of {papers} papers, {tested} of them tested so far: {marks}."


def _axes(rows: list[ClaimEffects]) -> dict[str, Any]:
    """One scale for each metric, over all claims that were tested in it; the commonest first."""
    of: dict[str, list[Effect]] = defaultdict(list)
    for one in rows:
        of[one.row["metric"]] += [one.decisive] if one.decisive else []
    known = sorted(of.items(), key=lambda one: -len(one[1]))
    return {metric: effects.scale(values) for metric, values in known if values}


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
