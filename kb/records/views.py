"""Views of records: one with its results and runs, or many under a filter."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kb.records.basis import is_guessed
from kb.records.canonical import plain
from kb.records.errors import KBError
from kb.records.keys import fold
from kb.records.schema import Dataset, Implementation, Paper, Source

if TYPE_CHECKING:
    from kb.records.library import Library
    from kb.records.runs import Run

View = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """A filter of records; a field that is None matches everything."""

    venue: str | None = None
    years: tuple[int, int] | None = None
    author: str | None = None
    dataset: str | None = None
    section: str | None = None
    model: str | None = None
    has_code: bool | None = None
    status: str | None = None


def years(text: str | None) -> tuple[int, int] | None:
    """`2019` or `2018-2020` as a span of years."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{4})(?:-(\d{4}))?", text.strip())
    if not match:
        raise KBError(f"--year {text}: not a year", hint="2019, or 2018-2020")
    return int(match[1]), int(match[2] or match[1])


def many(library: Library, kind: str, wanted: Wanted) -> list[View]:
    """The records of a kind that pass the filter; papers by year, the newest first."""
    if kind == "paper":
        papers = [p for p in library.papers if _passes(p, wanted, _datasets(library, p))]
        papers.sort(key=lambda paper: (-(paper.year or 0), paper.id))
        return [_shown(paper) for paper in papers]
    if kind == "dataset":
        return [_shown(d) for d in library.datasets if _passes(d, wanted, {d.id, *d.aliases})]
    codes = (code for code in library.implementations if code.kind == kind)
    return [_shown(code) for code in codes if _passes_code(code, wanted)]


def _shown(record: Paper | Dataset | Implementation) -> View:
    """The record as plain data, always with its status."""
    return {**plain(record), "status": record.status}


def _datasets(library: Library, paper: Paper) -> set[str]:
    """The datasets a paper names or has published results on."""
    return {*paper.datasets, *(row.dataset for row in library.published.get(paper.id, []))}


def _passes(record: Paper | Dataset, wanted: Wanted, datasets: set[str]) -> bool:
    first, last = wanted.years or (0, 9999)
    return (
        (wanted.venue is None or fold(record.venue or "") == fold(wanted.venue))
        and first <= (record.year or 0) <= last
        and (wanted.author is None or _within(wanted.author, " / ".join(record.authors)))
        and (wanted.dataset is None or wanted.dataset in datasets)
        and (wanted.section is None or _within(wanted.section, record.section or ""))
        and (wanted.model is None or wanted.model == getattr(record, "model", None))
        and wanted.has_code in (None, any(link.kind == "code" for link in record.links))
        and wanted.status in (None, record.status)
    )


def _passes_code(code: Implementation, wanted: Wanted) -> bool:
    section = wanted.section is None or _within(wanted.section, code.section or "")
    return section and wanted.status in (None, code.status)


def _within(part: str, text: str) -> bool:
    return fold(part) in fold(text)


def row(view: View) -> str:
    """One line of a listing."""
    name = view.get("title") or view.get("name") or ""
    when = f"{view.get('venue') or view.get('framework') or ''} {view.get('year') or ''}"
    gone = "" if view["status"] == "active" else f"  [{view['status']}]"
    return f"{view['id']:<24} {view.get('model') or '':<28} {when:<20} {name}{gone}"


def one(library: Library, key: str) -> View:
    """A record by any of its keys, with published results, runs and code.

    Raises KBError where no record has the key.
    """
    record = find(library, key)
    kind = record.kind if isinstance(record, Implementation) else type(record).__name__.lower()
    view: View = {"kind": kind, **_shown(record)}
    if not isinstance(record, Implementation):  # a dataset's own paper publishes results too
        view["published"] = [plain(row) for row in library.published.get(record.id, [])]
    if isinstance(record, Paper):
        view["runs"] = [_run(run) for run in library.runs(record.model)] if record.model else []
        codes = [code for code in library.implementations if code.paper == record.id]
        view["implementations"] = [plain(code) for code in codes]
    if isinstance(record, Dataset):
        papers = [p.id for p in library.papers if record.id in _datasets(library, p)]
        view["papers"] = papers
    return view


def find(library: Library, key: str) -> Paper | Dataset | Implementation:
    """The record with this id, model name, alias or, of code, name; KBError where there is none."""
    _ = library.papers, library.datasets, library.implementations  # raise for a broken file first
    for look in (library.paper, library.dataset, library.implementation):
        with suppress(KBError):
            return look(key)
    raise KBError(f"no record is called {key!r}", hint="`kb list` shows them all")


def _run(run: Run) -> View:
    """A run without its per-query ranks and curve."""
    fields = {
        "id",
        "kind",
        "variant",
        "seed",
        "data",
        "metrics",
        "date",
        "status",
        "by",
        "reason",
        "commit",
    }
    return run.model_dump(include=fields, exclude_none=True)


def text(view: View) -> str:
    """A record as text."""
    out = [f"{view['id']}  ({view['kind']}, {view['status']})"]
    hidden = {"id", "kind", "status", "published", "runs", "implementations", "provenance", "links"}
    for name, value in view.items():
        if name in hidden or value in ([], {}):
            continue
        out.append(f"  {name + ':':<10} {_formatted(value)}")
    out += [f"  {link['kind'] + ':':<10} {link['url']}" for link in view.get("links", [])]
    out += [f"  code:      {c['name']}  {c['url']}" for c in view.get("implementations", [])]
    if view.get("published") and not is_guessed(view.get("basis")):
        out += ["", "published results", *map(_result, view["published"])]
    if view.get("runs"):
        out += ["", "measured runs", *map(_measured, view["runs"])]
    return "\n".join(out)


def _formatted(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    if isinstance(value, list):
        rows = [_formatted(item) for item in value]
        return ", ".join(rows) if not any(map(_structured, value)) else "\n             ".join(rows)
    return str(value)


def _structured(value: Any) -> bool:
    return isinstance(value, dict)


def _result(result: View) -> str:
    metrics = "  ".join(f"{name} {value}" for name, value in result["metrics"].items())
    protocol = f"{result['dataset']} {result['test_split']} {result['direction']}"
    given = result["source"]
    source = Source.model_validate(given if isinstance(given, dict) else {"name": given})
    place = f"\n      {source.url}" if source.url else ""
    return f"  {protocol:<28} {metrics}\n      {result['reported_by']}: {source}{place}"


def _measured(run: View) -> str:
    numbers = {
        f"{direction} {name}" if isinstance(value, dict) else direction: number
        for direction, value in run["metrics"].items()
        for name, number in (value.items() if isinstance(value, dict) else [("", value)])
        if name in ("", "R@1")
    }
    metrics = "  ".join(
        f"{name} {number:.1f}"
        for name, number in numbers.items()
        if isinstance(number, int | float)
    )
    return (
        f"  {run['data']['name']} {run['variant']} seed {run['seed']}  {metrics}  ({run['date']})"
    )
