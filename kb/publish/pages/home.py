"""The front page and the log: the state of the list at a glance, and recent changes."""

from collections import Counter

from kb.publish import evidence_level, health
from kb.publish import log as history
from kb.publish.pages.papers import has_code
from kb.publish.pages.site import FULL_WIDTH, NOT_SEARCHED, Site
from kb.records import Run

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
    rows_of_levels = [
        {
            "name": step.name,
            "meaning": step.meaning,
            "count": sum(step.name in site.levels[one.id].reached for one in active),
        }
        for step in evidence_level.STEPS
    ]
    return site.page(
        "home.md",
        "",
        {"title": site.name, "description": site.description, **FULL_WIDTH},
        figures=[{"name": name, "count": f"{n:,}", "to": to} for name, n, to in figures],
        rows_of_levels=rows_of_levels,
        papers=active,
        latest=_latest(site),
        newest=active[:LATEST],
        changed=[one for one in site.events if one.kind != "paper"][:LATEST],
        health=_health(site),
        levels=site.levels,
    )


def _latest(site: Site) -> list[Run]:
    """The newest finished runs of models; runs in probe worlds are told by the claims they decide."""
    runs = (run for run in site.runs if run.kind == "model" and run.status == "done")
    return [run for run in runs if run.data.probe is None][:LATEST]


def _health(site: Site) -> list[tuple[str, int]]:
    """Number of links by state, most first; empty before the first check."""
    urls = [one.link.url for one in health.named([*site.papers, *site.library.datasets])]
    return Counter(site.health[url].word for url in urls if url in site.health).most_common()


def log(site: Site) -> str:
    """All dated events, by day, newest first."""
    return site.page(
        "log.md",
        "../",
        {
            "title": "Log",
            "description": "New papers, new runs, changed verdicts.",
            **NOT_SEARCHED,
        },
        days=history.rows(site.events),
    )
