"""Addresses that lead on: a paper under an older id, or under its model's name."""

from collections.abc import Iterator

from kb.publish.pages.site import Site
from kb.records import Paper


def other_names(site: Site) -> Iterator[tuple[str, Paper]]:
    """Every other name of a paper that no paper has as its id."""
    ids = {paper.id for paper in site.library.papers}
    for paper in site.library.papers:
        for name in dict.fromkeys([*paper.aliases, *([paper.model] if paper.model else [])]):
            if name not in ids:
                yield name, paper


def moved(site: Site, one: Paper) -> str:
    """A page that leads to the paper's own, at once and by a link."""
    meta = {
        "title": one.title,
        "hide": ["navigation", "toc"],
        "search": {"exclude": True},
        "moved": f"../{one.id}/",
    }
    return site.page("moved.md", "../../", meta, paper=one)
