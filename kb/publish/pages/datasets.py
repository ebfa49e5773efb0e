"""The table of datasets, and a page for each with one table of results per test."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from kb.publish import charts, citation, protocols, text
from kb.publish.pages.model_section import model_section
from kb.publish.pages.paper import links, published
from kb.publish.pages.site import FULL_WIDTH, NOT_SEARCHED, Site
from kb.publish.text import options
from kb.records import Dataset


def datasets(site: Site) -> str:
    """The table of datasets."""
    results = Counter(r.dataset for rows in site.library.published.values() for r in rows)
    used = Counter(dataset.id for one in site.papers for dataset in site.uses(one))
    rows = [
        {"dataset": one, "papers": used[one.id], "results": results[one.id]}
        for one in site.library.datasets
    ]
    meta = {
        "title": "Datasets",
        "description": "Splits and protocols, and the published results of each.",
        **NOT_SEARCHED,
    }
    return site.page("datasets.md", "../", meta, rows=rows)


def dataset(site: Site, one: Dataset) -> str:
    """The page of one dataset: its splits, and one table of results per test."""
    tests = site.tests[one.id]
    return site.page(
        "dataset.md",
        "../../",
        {
            "title": one.name,
            "description": one.title,
            **FULL_WIDTH,
            "jsonld": citation.dataset(one),
        },
        dataset=one,
        links=links(one.links, one.ids.arxiv, one.ids.doi),
        tests=tests,
        filters=_result_filters(tests),
        charts={test.id: _course(test) for test in tests},
        columns=_columns(one),
        published=published(site, one),
        papers=[paper for paper in site.papers if one in site.uses(paper)],
        **model_section(site, one.id if f"datasets/{one.id}/" in site.pages.values() else "", one),
    )


def _columns(one: Dataset) -> list[tuple[str, str]]:
    """Field and heading of the columns of its splits that are not empty."""
    columns = [
        ("train", "Train"),
        ("val", "Validation"),
        ("test", "Test"),
        ("queries", "Queries"),
    ]
    return [(name, head) for name, head in columns if any(getattr(s, name) for s in one.splits)]


def _result_filters(tests: list[protocols.Test]) -> list[dict[str, Any]]:
    rows = [row for test in tests for row in test.rows]
    titles = [test.title for test in tests for _ in test.rows]
    kinds: list[tuple[str, str, Callable[[protocols.ResultRow], str]]] = [
        ("pretraining", "Pre-training", lambda row: row.result.pretraining or "not stated"),
        ("training", "Trained on", lambda row: row.result.train_split or "not stated"),
        ("postproc", "Post-processing", lambda row: row.result.postproc),
    ]
    filters = [{"name": "test", "label": "Test", "options": options(titles)}]
    filters += [
        {"name": name, "label": label, "options": options(read(row) for row in rows)}
        for name, label, read in kinds
    ]
    tiers = Counter(row.result.reported_by for row in rows)
    sources = [
        {"value": text.slug(tier), "label": protocols.TIER[tier], "count": count}
        for tier, count in tiers.items()
    ]
    filters.append({"name": "source", "label": "Source", "options": sources})
    return [one for one in filters if len(one["options"]) > 1]


def _course(test: protocols.Test) -> Markup:
    """The first metric over the years, of all rows that have it."""
    metric = test.metrics[0]
    points = [
        (
            row.paper.year,
            charts.Dot(value, title=f"{row.model or row.paper.title}: {value:g}"),
        )
        for row in test.rows
        if row.paper.year and (value := row.result.metrics.get(metric)) is not None
    ]
    title = f"{test.title}: {metric} by year of the paper, whatever the training conditions"
    return charts.progress(points, title=title, unit=protocols.with_unit(metric))
