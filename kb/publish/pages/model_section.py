"""The section of a paper's or a dataset's page about its model: file, claims, runs."""

from typing import Any

from kb.publish import measured, recipes, sources
from kb.publish.pages.claims import GROUPS, LABELS, differences, shown
from kb.publish.pages.site import Site


def model_section(site: Site, name: str) -> dict[str, Any]:
    """Values of the template `model.md`: the model's file, its claims, its runs."""
    claimed = shown(site.claims_of.get(name, []))
    return {
        "model": sources.model(site.library.root, name, site.source_url),
        "recipe": recipes.settings(site.library.root, name, site.runs_of.get(name, [])),
        "claims": claimed,
        "claim_chart": differences(claimed, name),
        "verdict_labels": LABELS,
        "verdict_groups": GROUPS,
        "benches": measured.benches(site.runs_of.get(name, []), site.library.root),
    }
