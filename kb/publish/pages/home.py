"""The first page: the state of the list at a glance."""

from collections import Counter

from kb.publish import health, standing
from kb.publish.pages.papers import has_code
from kb.publish.pages.site import Site

LATEST = 8  # rows of "latest runs" and "newest papers"


def home(site: Site) -> str:
    """The state of the list at a glance."""
    active = [one for one in site.papers if one.status == "active"]
    figures = [
        ("papers", len(active), "papers/"),
        ("with code", sum(has_code(one) for one in active), "papers/?code=yes"),
        ("datasets", len(site.datasets), "datasets/"),
        ("published numbers", sum(map(len, site.library.published.values())), "datasets/"),
        ("measured runs", len(site.runs), "results/"),
    ]
    rungs = [
        {
            "name": step.name,
            "meaning": step.meaning,
            "count": sum(step.name in site.standing[one.id].reached for one in active),
        }
        for step in standing.STEPS
    ]
    return site.page(
        "home.md",
        "",
        {"title": site.name, "description": site.description, "hide": ["navigation", "toc"]},
        figures=[{"name": name, "count": f"{n:,}", "to": to} for name, n, to in figures],
        rungs=rungs,
        papers=active,
        latest=[run for run in site.runs if run.kind == "model" and run.status == "done"][:LATEST],
        newest=active[:LATEST],
        changed=[one for one in site.events if one.kind != "paper"][:LATEST],
        health=_health(site),
        standing=site.standing,
    )


def _health(site: Site) -> list[tuple[str, int]]:
    """How many links of the list are in which state, most first; empty before the first check."""
    urls = [one.link.url for one in health.named([*site.papers, *site.library.datasets])]
    return Counter(site.health[url].word for url in urls if url in site.health).most_common()
