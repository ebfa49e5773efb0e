"""`kb enrich --source crossref|openalex|dblp`: what registries know of the published version fills empty fields.

A work is taken for a paper's where it has its DOI, or where title, a surname and the year agree.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from kb.enrich import dblp, matching
from kb.enrich.polite import Unreachable
from kb.enrich.registries import Registry, Work, registries
from kb.enrich.report import EnrichReport, Row
from kb.records import Ids, Imprint, KBError, Library, Paper, Provenance, atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

FRESH = timedelta(days=7)  # registries change seldom what is published
PREPRINT = "arXiv"  # the venue of a paper that nobody else has published
FILLED = ("volume", "number", "pages")


class Kept:
    """data/registries.json: works by registry and question, with the time of the answer."""

    def __init__(self, path: Path, *, keep: bool) -> None:
        self.path, self.keep = path, keep
        self.now = datetime.now(timezone.utc)
        self.rows: dict[str, Row] = self._load()

    def _load(self) -> dict[str, Row]:
        if not self.path.exists():
            return {}
        try:
            rows = json.loads(self.path.read_text(encoding="utf-8"))["answers"]
            for row in rows.values():
                datetime.fromisoformat(row["fetched"])
                [Work(**work) for work in row["works"]]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            what = "not readable as a cache of registries' answers"
            raise KBError(what, where=self.path, hint="delete it; kb makes a new one") from error
        return dict(rows)

    def works(self, question: str, ask: Callable[[], list[Work]]) -> list[Work]:
        """The answer to a question, less than a week old, or else asked for and kept."""
        row = self.rows.get(question)
        if row is None or self.now - datetime.fromisoformat(row["fetched"]) >= FRESH:
            works = [asdict(work) for work in ask()]
            row = {"fetched": self.now.isoformat(timespec="seconds"), "works": works}
            self.rows[question] = row
            self.save({question: row})
        return [Work(**work) for work in row["works"]]

    def save(self, new: dict[str, Row]) -> None:
        """Write the file atomically, with what other processes added in the meantime."""
        if self.keep:
            with atomic.locked(self.path.parent):
                rows = self._load() | new
                document = {"version": 1, "answers": dict(sorted(rows.items()))}
                text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
                atomic.write(self.path, text.encode())


def enrich(
    root: Path | None,
    keys: Sequence[str] = (),
    *,
    only: str | None = None,
    dump: Path | None = None,
    dry_run: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> EnrichReport:
    """Fill DOI, volume, number and pages, an empty venue too, and report retractions.

    Args:
        root: the knowledge base.
        keys: ids or models; all papers of the list where there are none.
        only: the one registry to ask; None: Crossref, then OpenAlex.
        dump: a dump of DBLP, read instead of asking.
        dry_run: write nothing.
        progress: is given what is being asked.

    Raises Unreachable (exit 4) when no registry answers; then no record was changed.
    """
    library = Library.open(root)
    papers = [library.paper(key) for key in keys] or [
        paper for paper in library.papers if paper.status == "active"
    ]
    if dump is None:
        kept = Kept(library.data / "registries.json", keep=not dry_run)
        works_of = _ask(papers, _registries(only), kept, progress)
    else:
        works_of = _from_dump(papers, dump)
    report = EnrichReport(matched=sum(bool(works) for works in works_of.values()))
    report.withdrawn = [row for key, works in works_of.items() if (row := _retracted(key, works))]
    if dry_run:
        _fill(library, works_of, report)
        return report
    with Library.editing(library.root) as edited:
        _fill(edited, works_of, report)
        if report.changed:
            edited.save()
    return report


def _registries(only: str | None) -> list[Registry]:
    return [dblp.registry()] if only == dblp.NAME.lower() else registries(only=only)


def _from_dump(papers: list[Paper], path: Path) -> dict[str, list[Work]]:
    """The work of each paper in a dump of DBLP."""
    works = dblp.dump(path, [paper.title for paper in papers])
    return {
        paper.id: _chosen(paper, works.get(matching.plain(paper.title), [])) for paper in papers
    }


def _ask(
    papers: list[Paper], asked: list[Registry], kept: Kept, progress: Callable[[str], None]
) -> dict[str, list[Work]]:
    """The work of each paper in each registry that answers."""
    works_of: dict[str, list[Work]] = {paper.id: [] for paper in papers}
    down: dict[str, str] = {}
    for paper in papers:
        for registry in asked:
            if registry.name in down:
                continue
            progress(f"{registry.name}: {paper.id}")
            try:
                works_of[paper.id] += _of(paper, registry, kept)
            except Unreachable as error:
                down[registry.name] = error.what
        if len(down) == len(asked):
            raise Unreachable("; ".join(down.values()))
    return works_of


def _of(paper: Paper, registry: Registry, kept: Kept) -> list[Work]:
    doi = paper.ids.doi
    if doi and registry.work is not None:

        def by_doi() -> list[Work]:
            work = registry.by_doi(doi)
            return [work] if work else []

        return kept.works(f"{registry.name} doi:{doi.lower()}", by_doi)
    title = matching.plain(paper.title)
    works = kept.works(f"{registry.name} title:{title}", lambda: registry.by_title(paper.title))
    return _chosen(paper, works)


def _chosen(paper: Paper, works: list[Work]) -> list[Work]:
    """The one work that is the paper: of its DOI, where both have one."""
    doi = (paper.ids.doi or "").lower()
    same = [
        work for work in works if _same(paper, work) and not (doi and work.doi not in {"", doi})
    ]
    return sorted(same, key=lambda work: work.doi != doi)[:1]


def _same(paper: Paper, work: Work) -> bool:
    return (
        matching.same_title(paper.title, work.title)
        and matching.share_author(paper.authors, work.authors)
        and matching.near_year(paper.year, work.year)
    )


def _retracted(key: str, works: list[Work]) -> Row | None:
    """A retraction that a registry reports; confirmed where both do."""
    by = [work.registry for work in works if work.retracted]
    if not by:
        return None
    sure = True if len(by) > 1 else None
    comment = f"retracted, say {' and '.join(by)}" if sure else f"retracted, says {by[0]}"
    return {"id": key, "doi": works[0].doi, "comment": comment, "confirmed": sure}


def _fill(library: Library, works_of: dict[str, list[Work]], report: EnrichReport) -> None:
    date = datetime.now(timezone.utc).date().isoformat()
    for paper in library.papers:
        for work in works_of.get(paper.id, []):
            fields = _complete(paper, work, date, report)
            if fields:
                report.changed.append({"id": paper.id, "fields": fields})


def _complete(paper: Paper, work: Work, date: str, report: EnrichReport) -> dict[str, list[Any]]:
    """Fill one paper's empty fields in place; what disagrees is reported."""
    source = Provenance.model_validate(
        {"source": work.registry.lower(), "date": date, "detail": work.detail}
    )
    before = paper.imprint or Imprint()
    given = {name: value for name, value in work.imprint.items() if name in FILLED}
    for name, value in given.items():
        has = getattr(before, name)
        if has is not None and _digits(has) != _digits(value):
            row = {"id": paper.id, "field": name, "record": has, "source": value}
            report.mismatches.append({**row, "detail": f"{work.registry}, {work.detail}"})
    new = {name: value for name, value in given.items() if getattr(before, name) is None}
    fields: dict[str, list[Any]] = {name: [None, value] for name, value in new.items()}
    if new:
        paper.imprint = Imprint.model_validate({**before.model_dump(), **new})
    if paper.ids.doi is None and (doi := _doi(work.doi)):
        paper.ids.doi = doi
        fields["doi"] = [None, doi]
    if paper.venue is None and work.venue:
        paper.venue = work.venue
        fields["venue"] = [None, work.venue]
    elif paper.venue == PREPRINT and work.venue:
        why = f"published at {work.venue}, {work.year} ({work.registry}, {work.detail})"
        report.suggestions.append({"id": paper.id, "why": why})
    paper.provenance = {**paper.provenance, **dict.fromkeys(fields, source)}
    return fields


def _digits(text: str) -> list[str]:
    """The numbers of a page range, whatever stands between them."""
    return "".join(char if char.isalnum() else " " for char in text).split()


def _doi(text: str) -> str | None:
    try:
        return Ids(doi=text).doi
    except ValueError:
        return None
