"""What stays different from the authors, over all models in one table."""

from collections.abc import Iterator
from typing import Any

from kb.publish import corrected, recipes, settings_tried, sources
from kb.publish.pages.site import NOT_SEARCHED, Site
from kb.publish.text import options
from kb.records import corrections

KINDS = {
    "paper": "differs from the paper",
    "release": "the released code differs from the paper",
    "training": "trained otherwise here",
}


def departures(site: Site) -> str:
    """All departures of all models, by model."""
    rows = [row for name in sorted(site.pages) for row in _rows(site, name)]
    filters = [
        {"name": "model", "label": "Model", "options": options(row["model"] for row in rows)},
        {"name": "kind", "label": "Kind", "options": options(row["kind"] for row in rows)},
    ]
    return site.page(
        "departures.md",
        "../",
        {
            "title": "Departures",
            "description": "Where models and their training differ from the authors'.",
            **NOT_SEARCHED,
        },
        rows=rows,
        models=len({row["model"] for row in rows}),
        trials=list(settings_tried.trials(site.runs)),
        changes=list(corrected.changes(corrections.read(site.library.data), site.runs)),
        filters=[one for one in filters if len(one["options"]) > 1],
    )


def _rows(site: Site, name: str) -> Iterator[dict[str, Any]]:
    """Labels of the model's header, of its release, and settings of training that differ."""
    model = sources.model(site.library.root, name, site.source_url)
    if model is None:
        return
    about = {"model": name, "page": site.pages[name]}
    for kind, labelled in (("paper", model.trace.departures), ("release", model.quirks)):
        for one in labelled:
            yield about | {"kind": KINDS[kind], "label": one.number, "says": one.says}
    for setting in recipes.settings(site.library.root, name, site.runs_of.get(name, [])):
        if setting.differs:
            says = (
                f"{setting.name}: {setting.ours}; published {setting.published} ({setting.source})"
            )
            yield about | {"kind": KINDS["training"], "label": "", "says": says}
