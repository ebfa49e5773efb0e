"""The links of the list: dead, moved, blocked, and their archived copies."""

from collections import Counter
from typing import Any

from kb.publish import health
from kb.publish.pages.site import NOT_SEARCHED, Site
from kb.publish.text import options
from kb.records import Paper


def links(site: Site) -> str:
    """All links of the records, those with a problem first."""
    named = health.named([*site.papers, *site.library.datasets])
    rows = [_row(site, one) for one in named]
    rows.sort(key=lambda row: (row["rank"], row["title"].lower()))
    counts = Counter(row["state"] for row in rows)
    known = [site.health[one.link.url] for one in named if one.link.url in site.health]
    filters = [
        {"name": "state", "label": "State", "options": options(row["state"] for row in rows)},
        {"name": "kind", "label": "Kind", "options": options(row["kind"] for row in rows)},
    ]
    return site.page(
        "links.md",
        "../",
        {
            "title": "Links",
            "description": "Every link of the list with the verdict of the last check.",
            **NOT_SEARCHED,
        },
        rows=rows,
        counts=counts.most_common(),
        filters=[one for one in filters if len(one["options"]) > 1],
        span=(min(h.checked for h in known)[:10], max(h.checked for h in known)[:10])
        if known
        else None,
    )


def _row(site: Site, one: health.RecordLink) -> dict[str, Any]:
    state = site.health.get(one.link.url)
    room = "papers" if isinstance(one.record, Paper) else "benchmarks"
    order = {"bad": 0, "doubtful": 1, "good": 2}
    return {
        "title": one.record.title if isinstance(one.record, Paper) else one.record.name,
        "page": f"{room}/{one.record.id}/",
        "kind": one.link.kind,
        "url": one.link.url,
        "health": state,
        "state": state.word if state else "not checked yet",
        "rank": order[state.tone] if state else len(order),
    }
