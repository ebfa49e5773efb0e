"""CSV: papers, published numbers, leaderboards and claims, a row each."""

import csv
import io
from collections.abc import Iterable

from kb.publish.exports import facts
from kb.publish.text import clean, web_address
from kb.records import Library, Paper, Published, protocol

COLUMNS = (
    "id",
    "model",
    "basis",
    "title",
    "authors",
    "et_al",
    "venue",
    "year",
    "arxiv",
    "doi",
    "section",
    "datasets",
    "paper",
    "code",
    "swhid",
    "status",
)
METRICS = ("R@1", "R@5", "R@10", "R@50", "MedR", "MnR", "mAP", "infAP", "nDCG", "SumR")
PUBLISHED = (
    *("paper", "dataset", "test_split", "train_split", "direction", "captions_per_video"),
    *("gallery", "queries", "unit", "variant", "features", "pretraining", "postproc"),
    *("reported_by", "dataset_detail", "not_stated", "note"),
    *(f"source_{name}" for name in ("name", "url", "version", "table", "row", "column", "page")),
    *("source_quote", *METRICS, "other_metrics"),
)
LEADERBOARD = (
    *("dataset", "test", "title", "paper", "model", "variant", "year", "position", "rank", "of"),
    *("ranked_by", "no_rank", *facts.CONDITIONS, *METRICS, "other_metrics", "source"),
    "source_url",
)
CLAIMS = (
    *("paper", "model", "claim", "main", "text", "metric", "relation", "margin", "mechanism"),
    *("verdict", "against", "difference", "low", "high", "worlds", "older_code", "answers"),
    *("by", "reproducers", "contradictions", "stated_commit", "stated_date"),
)
_FORMULA = ("=", "+", "-", "@")


def csv_text(library: Library) -> str:
    """RFC 4180, UTF-8; lists are joined with "; "."""
    return csv_of(COLUMNS, (_row(library, paper) for paper in library.papers))


def published(library: Library) -> str:
    """Every published number with its protocol and its source, one a row."""
    rows = ((key, row) for key, rows in library.published.items() for row in rows)
    return csv_of(PUBLISHED, (_published(key, row) for key, row in rows))


def leaderboards(library: Library) -> str:
    """Every test of every dataset, its rows with rank or the reason why there is none."""
    return csv_of(
        LEADERBOARD,
        (
            [(test | row | _metrics(row["metrics"])).get(name) for name in LEADERBOARD]
            for test in facts.leaderboards(library)
            for row in test["rows"]
        ),
    )


def claims(library: Library) -> str:
    """Every claim with its verdict and interval."""
    return csv_of(CLAIMS, ([row[name] for name in CLAIMS] for row in facts.claims(library)))


def csv_of(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """RFC 4180, UTF-8; no cell is a formula."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_value(value) for value in row])
    return stream.getvalue()


def _row(library: Library, paper: Paper) -> list[object]:
    return [
        paper.id,
        paper.model,
        paper.basis,
        paper.title,
        "; ".join(paper.authors),
        paper.et_al,
        paper.venue,
        paper.year,
        paper.ids.arxiv,
        paper.ids.doi,
        paper.section,
        "; ".join(facts.datasets_of(library, paper)),
        _first(paper, "paper"),
        "; ".join(facts.code_of(library, paper)),
        "; ".join(facts.swhids_of(library, paper)),
        paper.status,
    ]


def _published(key: str, row: Published) -> list[object]:
    source = {f"source_{name}": value for name, value in row.source.model_dump().items()}
    stated = {"paper": key, "not_stated": "; ".join(protocol.not_stated(row))}
    values = row.model_dump(exclude={"source", "metrics"}) | source | stated
    values |= _metrics(row.metrics)
    return [values.get(name) for name in PUBLISHED]


def _metrics(metrics: dict[str, float | None]) -> dict[str, object]:
    """A column a metric; those that have none are in `other_metrics`: name=value, ..."""
    given = {name: value for name, value in metrics.items() if value is not None}
    others = [f"{name}={value}" for name, value in given.items() if name not in METRICS]
    columns = {name: value for name, value in given.items() if name in METRICS}
    return {**columns, "other_metrics": "; ".join(others)}


def _first(paper: Paper, kind: str) -> str | None:
    links = (web_address(link.url) for link in paper.links if link.kind == kind)
    return next((url for url in links if url), None)


def _value(value: object) -> str:
    """A number as it is, also a negative one; text as a cell."""
    return str(value) if isinstance(value, (int, float)) else cell(value)


def cell(value: object) -> str:
    """A cell; what a spreadsheet would run as a formula is made text by an apostrophe."""
    text = "" if value is None else clean(str(value))
    return f"'{text}" if text.startswith(_FORMULA) else text
