"""The embedded world: what each of its stagings is worth as a test."""

from kb.publish.pages.site import Site
from kb.records import worlds as records


def worlds(site: Site) -> dict[str, str]:
    """The page, where something was measured; a knowledge base without it has no such page."""
    rows = records.read(site.library.data)
    if not rows:
        return {}
    meta = {
        "title": "The embedded world",
        "description": "The stagings of the generated world, measured: how hard, and how fair.",
        "hide": ["navigation", "toc"],
    }
    return {"worlds.md": site.page("worlds.md", "../", meta, rows=rows)}
