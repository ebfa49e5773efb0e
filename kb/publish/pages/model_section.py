"""The section of a paper's or a dataset's page about its model: file, basis, claims, runs."""

from typing import Any

from kb.publish import measured, recipes, repository, sources
from kb.publish.pages.claims import GROUPS, LABELS, differences, shown
from kb.publish.pages.site import Site
from kb.records import Dataset, Paper
from kb.records.basis import is_guessed


def model_section(site: Site, name: str, record: Paper | Dataset) -> dict[str, Any]:
    """Values of the template `model.md`: the model's file, its basis, its claims, its runs."""
    claimed = shown(site.claims_of.get(name, []))
    model = sources.model(site.library.root, name, site.source_url)
    return {
        "model": model,
        "basis": record.basis,
        "equations_wanted": _equations_wanted(site, model, record),
        "recipe": recipes.settings(site.library.root, name, site.runs_of.get(name, [])),
        "claims": claimed,
        "claim_chart": differences(claimed, name),
        "verdict_labels": LABELS,
        "verdict_groups": GROUPS,
        "benches": measured.benches(site.runs_of.get(name, []), site.library.root),
    }


def _equations_wanted(
    site: Site, model: sources.Model | None, record: Paper | Dataset
) -> str | None:
    """The address of an issue to send the paper's equations with; None where none is asked for."""
    if model is None or site.repository is None or not is_guessed(record.basis):
        return None
    return repository.equations_wanted(site.repository, record, model.path)
