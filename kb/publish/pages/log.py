"""The log: what came, what was measured, which verdict turned."""

from kb.publish import log as history
from kb.publish.pages.site import Site


def log(site: Site) -> str:
    """Everything that can be dated, by day, newest first."""
    return site.page(
        "log.md",
        "../",
        {
            "title": "Log",
            "description": "New papers, runs that were made, verdicts that turned.",
            "hide": ["navigation", "toc"],
            "search": {"exclude": True},
        },
        days=history.rows(site.events),
    )
