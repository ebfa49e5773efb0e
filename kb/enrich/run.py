"""`kb enrich`: query arXiv, judge the answers, fill empty fields, report the rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kb.enrich import matching
from kb.enrich.arxiv import Arxiv, Cache
from kb.enrich.feed import DATACITE, OAI, ArxivRecord
from kb.enrich.matching import in_address
from kb.enrich.report import EnrichReport, Row
from kb.records import Ids, Library, Paper, Provenance


@dataclass
class Judgement:
    """The outcome for one paper: match, mismatches, suggestions."""

    match: ArxivRecord | None = None
    mismatches: list[Row] = field(default_factory=list)
    suggestions: list[Row] = field(default_factory=list)


def identifier(paper: Paper) -> str | None:
    """The paper's own arXiv identifier in its one form; None where it has none."""
    return matching.base_of(paper.ids.arxiv) if paper.ids.arxiv else None


def linked(paper: Paper) -> list[str]:
    """Base identifiers of the paper's own arXiv addresses."""
    refs = (in_address(link.url) for link in paper.links if link.kind == "paper")
    return list(dict.fromkeys(ref.base for ref in refs if ref))


def enrich(
    root: Path | None,
    keys: Sequence[str] = (),
    *,
    address: str | None = None,
    dry_run: bool = False,
    arxiv: Arxiv | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> EnrichReport:
    """Match papers with arXiv and fill empty fields of their records.

    Raises Unreachable (exit 4) when arXiv gives no usable answer; then no record was changed.
    """
    library = Library.open(root)
    papers = [library.paper(key) for key in keys] or [
        p for p in library.papers if p.status == "active"
    ]
    if arxiv is None:
        cache = Cache(library.data / "arxiv.json", keep=not dry_run)
        arxiv = Arxiv(cache, address=address, progress=progress)
    arxiv.fetch([base for p in papers for base in (identifier(p), *linked(p)) if base])
    owners = {matching.plain(p.title): p.id for p in library.papers}
    owners |= {base: p.id for p in library.papers if (base := identifier(p))}
    report = EnrichReport()
    judged = {p.id: judge(p, arxiv, owners) for p in papers}
    for judgement in judged.values():
        report.mismatches += judgement.mismatches
        report.suggestions += judgement.suggestions
    matches = {key: j.match for key, j in judged.items() if j.match}
    report.matched = len(matches)
    report.withdrawn = [
        row for key, record in matches.items() if (row := withdrawal(key, record, arxiv))
    ]
    gone = {row["id"] for row in report.withdrawn if row["confirmed"]}
    if dry_run:
        report.changed = fill(library, matches, gone, arxiv.cache)
        return report
    with Library.editing(library.root) as edited:
        report.changed = fill(edited, matches, gone, arxiv.cache)
        if report.changed:
            edited.save()
    return report


def judge(paper: Paper, arxiv: Arxiv, owners: dict[str, str]) -> Judgement:
    """Match by identifier first; a title search only ever suggests."""
    judgement = Judgement()
    for base in dict.fromkeys(b for b in (identifier(paper), *linked(paper)) if b):
        record = arxiv.cache.get(base)
        if record is None:
            judgement.mismatches.append(mismatch(paper, base, None, "unknown_id", owners))
        elif agrees(paper, base, record):
            judgement.match = judgement.match or record
            if not matching.same_title(paper.title, record.title):
                judgement.mismatches.append(mismatch(paper, base, record, "title", owners))
        else:
            judgement.mismatches.append(mismatch(paper, base, record, "other_paper", owners))
    if judgement.match is None:
        judgement.suggestions = suggest(paper, arxiv)
    return judgement


def agrees(paper: Paper, base: str, record: ArxivRecord) -> bool:
    """Whether arXiv's record of an identifier is this paper: a shared surname and the same title.

    For the record's own identifier the title may differ: authors change titles.
    """
    if not matching.share_author(paper.authors, record.authors):
        return False
    own = base == identifier(paper) and bool(paper.authors)
    return own or matching.same_title(paper.title, record.title)


def mismatch(
    paper: Paper, base: str, record: ArxivRecord | None, kind: str, owners: dict[str, str]
) -> Row:
    """One disagreement between list and arXiv; `owners`: papers by identifier and plain title."""
    owner = owners.get(base) or (record and owners.get(matching.plain(record.title)))
    return {
        "id": paper.id,
        "kind": kind,  # unknown_id, title, other_paper
        "arxiv": base,
        "from": "text" if base == identifier(paper) else "link",
        "title": paper.title,
        "arxiv_title": record.title if record else None,
        "belongs_to": owner if owner != paper.id else None,
    }


def suggest(paper: Paper, arxiv: Arxiv) -> list[Row]:
    """Papers of the same title, with a shared surname and a year at most one apart."""
    return [
        {"id": paper.id, "arxiv": record.id, "title": record.title, "authors": record.authors}
        for record in arxiv.search(paper.title)
        if matching.same_title(paper.title, record.title)
        and matching.share_author(paper.authors, record.authors)
        and matching.near_year(paper.year, int(record.published[:4] or 0) or None)
    ]


def withdrawal(key: str, record: ArxivRecord, arxiv: Arxiv) -> Row | None:
    """A suspected withdrawal, and whether arXivRaw confirms it."""
    if not matching.mentions_withdrawal(record.comment):
        return None
    confirmed = arxiv.withdrawn(record.id)
    return {"id": key, "arxiv": record.id, "comment": record.comment, "confirmed": confirmed}


def fill(
    library: Library, matches: dict[str, ArxivRecord], gone: set[str], cache: Cache
) -> list[Row]:
    """Fill empty fields with arXiv's values; returns the changes, [old, new] by field.

    A paper with another title gets no values: they may be another paper's.
    """
    rows = []
    for paper in library.papers:
        record = matches.get(paper.id)
        if record is None or not matching.same_title(paper.title, record.title):
            continue
        source = _provenance(record, cache.date(record.id))
        if fields := complete(paper, record, source, withdrawn=paper.id in gone):
            rows.append({"id": paper.id, "fields": fields})
    return rows


def _provenance(record: ArxivRecord, date: str) -> Provenance:
    """The service that gave the values: arXiv's API or OAI record, or DataCite's."""
    if record.via == DATACITE:
        return Provenance(source="datacite", date=date, detail=f"10.48550/arXiv.{record.id}")
    if record.via == OAI:
        return Provenance(source="arxiv", date=date, detail=f"{record.id}, OAI-PMH")
    return Provenance(source="arxiv", date=date, detail=f"{record.id}v{record.version}")


def complete(
    paper: Paper, record: ArxivRecord, source: Provenance, *, withdrawn: bool
) -> dict[str, list[Any]]:
    """Fill one paper's empty fields in place; keeps values of persons and better sources."""
    wanted: dict[str, tuple[Any, Any]] = {}
    if paper.et_al and record.authors and "authors" not in paper.provenance:
        wanted["authors"] = (paper.authors, record.authors)
    if paper.ids.arxiv is None:
        wanted["arxiv"] = (None, record.id)
    if paper.ids.doi is None and (doi := _doi(record)):
        wanted["doi"] = (None, doi)
    if withdrawn and paper.status == "active" and "status" not in paper.provenance:
        wanted["status"] = (paper.status, "withdrawn")
    for name, (_, new) in wanted.items():
        setattr(paper.ids if name in Ids.model_fields else paper, name, new)
    if "authors" in wanted:
        paper.et_al = False
    paper.provenance = {**paper.provenance, **dict.fromkeys(wanted, source)}
    return {name: [old, new] for name, (old, new) in wanted.items()}


def _doi(record: ArxivRecord) -> str | None:
    """ArXiv's DOI if it is well-formed: authors type it by hand."""
    try:
        return Ids(doi=matching.doi_in(record.doi or "")).doi
    except ValueError:
        return None
