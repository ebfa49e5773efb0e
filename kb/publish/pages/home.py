"""The front page and the log: who leads, what was replicated, what is new."""

from collections import Counter
from typing import Any

from kb.publish import frontier, health
from kb.publish import log as history
from kb.publish.pages.benchmarks import Leader, label, leaders, split_title
from kb.publish.pages.claims import LABELS
from kb.publish.pages.site import FULL_WIDTH, Site
from kb.publish.verdict_box import UNTESTED

ENOUGH = 10  # results for a second test of a dataset to have a row
LATEST = 6  # rows of "What is new"
TALLIES = (  # class of the mark, words for one and for several, verdicts; else undecided
    ("holds", "holds", "hold", ("holds-for-its-reason", "holds", "holds-not-for-its-reason")),
    ("fails", "fails", "fail", ("opposite",)),
    ("fails", "shows no difference", "show no difference", ("no-difference",)),
    ("undecided", "undecided", "undecided", ("undecided", "did-not-learn", "cannot-be-shown")),
)


def home(site: Site) -> str:
    """Who leads, which claims hold, what is new."""
    active = [one for one in site.papers if one.status == "active"]
    years = [one.year for one in active if one.year]
    rows = leaders(site, enough=ENOUGH)
    return site.page(
        "home.md",
        "",
        {
            "title": site.name,
            "description": site.description,
            "source": "data/papers.yaml",
            **FULL_WIDTH,
        },
        papers=len(active),
        with_code=sum(map(bool, map(site.code, active))),
        years=(min(years), max(years)) if years else None,
        published=sum(map(len, site.library.published.values())),
        models=_models(site),
        remeasured=_reaching(site, "number checked"),
        tallies=_tallies(site),
        tested=sum(row["verdict"] not in UNTESTED for row in site.claims),
        stated=len(site.claims),
        labels=LABELS,
        leaders=rows,
        top=_top(rows),
        split_title=split_title,
        first=rows[0] if rows else None,
        chart=_chart(site, rows),
        reproductions=site.reproductions,
        changed=[one for one in site.events if one.kind != "paper"][:LATEST],
        health=_health(site),
    )


def _models(site: Site) -> dict[str, int]:
    """Models with a file, and how many of them match the authors' code."""
    return {"all": _reaching(site, "implemented"), "matched": _reaching(site, "matched")}


def _reaching(site: Site, level: str) -> int:
    return sum(level in one.reached for one in site.levels.values())


def _tallies(site: Site) -> list[dict[str, Any]]:
    """The tested claims by verdict, each with a mark that leads to it."""
    tested = [row for row in site.claims if row["verdict"] not in UNTESTED]
    tallies = []
    for mark, one, several, verdicts in TALLIES:
        rows = [row for row in tested if row["verdict"] in verdicts]
        if rows:
            words = one if len(rows) == 1 else several
            tallies.append({"mark": mark, "says": f"{len(rows)} {words}", "rows": rows})
    return tallies


def _top(rows: list[Leader]) -> int:
    """The end of the scale of the table of leaders: a multiple of 20 above every value."""
    entries = [entry for row in rows for entry in (row.plain, row.extra) if entry]
    most = max((entry.value("R@1") or 0.0 for entry in entries), default=0.0)
    return max(20, 20 * -(-int(most + 1) // 20))


def _chart(site: Site, rows: list[Leader]) -> str:
    if not rows:
        return ""
    board = rows[0].board
    return frontier.frontier(board, lambda entry: label(site, entry), page=board.path)


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
            "title": "All changes",
            "description": "New papers, new runs, changed verdicts.",
            "hide": ["toc"],
            "search": {"exclude": True},
        },
        days=history.rows(site.events),
    )
