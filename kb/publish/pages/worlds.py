"""The synthetic benchmark: reference points of each dataset, and a page for each."""

from itertools import groupby
from typing import Any

from kb.publish.pages.site import NOT_SEARCHED, Site
from kb.records import worlds as records

QUESTIONS = {
    "mc": "which of five sentences is its own",
    "fib": "which word is missing",
    "moments": "where in the video it is",
}


def worlds(site: Site) -> dict[str, str]:
    """The pages; none if the knowledge base has no data/worlds.json."""
    rows = records.read(site.library.data)
    if not rows:
        return {}
    meta = {
        "title": "The synthetic benchmark",
        "description": "Synthetic counterparts of the nine datasets, with reference points and accuracy on minimal pairs.",
        "hide": ["toc"],
    }
    kinds = sorted({kind for row in rows for kind in row.twins})
    pages = {"worlds.md": site.page("worlds.md", "../", meta, rows=rows, kinds=kinds)}
    for name, own in groupby(rows, key=lambda row: row.name):
        pages[f"worlds/{name}.md"] = _counterpart(site, name, list(own))
    return pages


def _counterpart(site: Site, name: str, rows: list[records.Measured]) -> str:
    meta: dict[str, Any] = {
        "title": name,
        "description": "A dataset of the synthetic benchmark: what it has in common with the real one, and what it omits.",
        **NOT_SEARCHED,
    }
    assets = site.library.root / "site" / "assets"
    pictures = {records.picture(row) for row in rows if (assets / records.picture(row)).is_file()}
    return site.page(
        "counterpart.md",
        "../../",
        meta,
        rows=rows,
        pictures=pictures,
        picture=records.picture,
        questions=QUESTIONS,
    )
