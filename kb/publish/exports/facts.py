"""What every export says alike: datasets and code of papers, leaderboards, verdicts."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from kb.publish import protocols, verdicts
from kb.publish.boards import Board, boards
from kb.publish.text import web_address
from kb.records import Dataset, Library, Link, Paper, Published, protocol, reproducers

Row = dict[str, Any]
CONDITIONS = ("train_split", "features", "pretraining", "postproc", "reported_by")


def datasets_of(library: Library, paper: Paper) -> list[str]:
    """Ids of the list's datasets that a paper names or has published numbers on."""
    known = {one.id for one in library.datasets}
    measured = [row.dataset for row in library.published.get(paper.id, [])]
    return [name for name in dict.fromkeys([*paper.datasets, *measured]) if name in known]


def links_of(library: Library, paper: Paper) -> list[Link]:
    """The paper's links, then the code that the list names elsewhere as this paper's."""
    named = [one for one in library.implementations if one.paper in {paper.id, *paper.aliases}]
    known = {_place(link.url) for link in paper.links} if named else set()
    elsewhere = [
        Link(kind="code", url=one.url, swhid=one.swhid)
        for one in named
        if _place(one.url) not in known
    ]
    return [*paper.links, *elsewhere]


def code_of(library: Library, paper: Paper) -> list[str]:
    """Addresses of a paper's code."""
    urls = (web_address(link.url) for link in links_of(library, paper) if link.kind == "code")
    return list(dict.fromkeys(url for url in urls if url))


def swhids_of(library: Library, paper: Paper) -> list[str]:
    """Software Heritage identifiers of a paper's code."""
    return list(dict.fromkeys(one.swhid for one in links_of(library, paper) if one.swhid))


def _place(url: str) -> str:
    """An address as far as it tells two repositories apart."""
    parts = urlsplit(url.strip())
    path = parts.path.rstrip("/").removesuffix(".git")
    return f"{parts.netloc.removeprefix('www.')}{path}".casefold()


def published(row: Published) -> Row:
    """A published number as JSON has it: its source whole, and what the source leaves out."""
    document = row.model_dump(mode="json", exclude_none=True)
    document["source"] = row.source.model_dump(
        mode="json", exclude_none=True, exclude_defaults=True
    )
    return {**document, "not_stated": protocol.not_stated(row)}


@lru_cache(maxsize=4)
def leaderboards(library: Library) -> list[Row]:
    """The published numbers by test: what shares a table, and what has which rank in it.

    Of one opened library they are computed once.
    """
    works: list[Paper | Dataset] = [*library.papers, *library.datasets]
    return [
        _leaderboard(dataset.id, board)
        for dataset in library.datasets
        for board in boards(dataset.id, protocols.tests(works, library.published, dataset.id))
    ]


def _leaderboard(dataset: str, board: Board) -> Row:
    test, head = board.test, board.test.head
    places = {id(entry.row): entry.position for entry in board.entries}
    keys = ("test_split", "direction", "captions_per_video", "gallery", "unit", "dataset_detail")
    return {
        "dataset": dataset,
        "test": test.id,
        "title": test.title,
        **{key: getattr(head, key) for key in keys},
        "rows": [_ranked(row, places.get(id(row))) for row in test.rows],
    }


def _ranked(row: protocols.ResultRow, position: int | None) -> Row:
    """`position`: on the page, best first; `rank`: among rows whose every condition is the same."""
    one = row.result
    return {
        "paper": row.paper.id,
        "model": row.model,
        "variant": one.variant,
        "year": row.paper.year,
        "position": position,
        "rank": row.rank,
        "of": row.of,
        "ranked_by": row.by,
        "no_rank": row.unranked,
        **{key: getattr(one, key) for key in CONDITIONS},
        "metrics": {name: value for name, value in one.metrics.items() if value is not None},
        "source": str(one.source),
        "source_url": one.source.url,
    }


@lru_cache(maxsize=4)
def claims(library: Library) -> list[Row]:
    """Each claim with its verdict, the deciding difference and its interval, and the runs behind.

    Empty without numpy, which the statistics need. Of one opened library they are made once.
    """
    if importlib.util.find_spec("numpy") is None:
        return []
    papers = {paper.model: paper.id for paper in library.papers if paper.model}
    answers = {
        (model, claim.id): "; ".join(f"{one.by} {one.says}: {one.url}" for one in claim.answers)
        for model, claim in library.stated()
    }
    return [
        {
            "paper": papers.get(row["model"], row["model"]),
            "model": row["model"],
            "claim": row["claim"],
            "main": row["main"],
            "text": row["text"],
            "metric": row["metric"],
            "relation": row["relation"],
            "margin": row["margin"],
            "mechanism": row["mechanism"]["world"] if row["mechanism"] else None,
            "verdict": row["verdict"],
            "against": row["weakest"],
            "difference": row["difference"],
            "low": row["ci95"][0] if row["ci95"] else None,
            "high": row["ci95"][1] if row["ci95"] else None,
            "worlds": len(row["worlds"] or []),
            "older_code": row["older_code"],
            "answers": answers.get((row["model"], row["claim"])) or None,
            "by": row["by"],
            "reproducers": "; ".join(_verdict_of(one) for one in row["reproducers"]) or None,
            "contradictions": "; ".join(_pair(one) for one in row["contradictions"]) or None,
            "stated_commit": row["stated"]["commit"],
            "stated_date": row["stated"]["date"],
        }
        for row in verdicts.document(library)
    ]


def _verdict_of(one: Row) -> str:
    return f"{reproducers.name(one['by'])}: {one['verdict']}"


def _pair(names: list[str | None]) -> str:
    return " and ".join(reproducers.name(by) for by in names)
