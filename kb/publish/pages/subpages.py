"""The pages about reproductions, as the row of tabs on each of them."""

from typing import Any

from kb.publish.pages.site import Site


def tabs(site: Site, here: str) -> list[dict[str, Any]]:
    """The pages of this part of the site, with how much each holds."""
    pages = [
        ("reproductions/", "Claims", len(site.claims)),
        ("models/", "Models", len({one.model for bench in site.benches for one in bench.models})),
        ("compare/", "Compare", None),
        ("results/", "All runs", len(site.runs)),
    ]
    return [
        {"href": href, "label": label, "count": count, "here": href == here}
        for href, label, count in pages
    ]
