"""The filterable table of papers."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from kb.publish import evidence_level, text
from kb.publish.exports import facts
from kb.publish.pages.site import NOT_SEARCHED, Site
from kb.publish.text import options
from kb.records import Dataset, Link, Paper
from kb.records.basis import Basis
from kb.records.summaries import FACETS

AT_ONCE = 100  # rows in the page itself; a script loads the rest of a longer list
PART = 400  # rows in each file of the rest


def papers(site: Site) -> dict[str, str]:
    """The filterable table of papers; for a long list also the files with its other rows.

    A long list also has all its rows on one plain page, for readers without scripts.
    """
    rows = [_paper_row(site, one) for one in site.papers]
    rest = [rows[start : start + PART] for start in range(AT_ONCE, len(rows), PART)]
    files = {"papers/index.md": _table(site, rows, len(rest))}
    if rest:
        meta = {
            "title": "All papers",
            "description": "Every paper of the list on one page.",
            **NOT_SEARCHED,
        }
        files["papers/all.md"] = site.page("all.md", "../../", meta, rows=rows)
        macro = site.jinja.get_template("rows.html").module.paper_rows  # type: ignore[attr-defined]
    for number, part in enumerate(rest, start=1):
        files[f"api/rows/{number}.json"] = text.json_text({"rows": str(macro(part, "../"))})
    return files


@dataclass
class PaperRow:
    """One row of the table of papers."""

    paper: Paper
    level: evidence_level.EvidenceLevel
    datasets: list[Dataset]
    links: list[Link]
    basis: Basis | None  # of its model, where one is written
    facets: dict[str, list[str]] = field(
        default_factory=dict
    )  # of its summary: task, encoder, loss

    @property
    def code(self) -> bool:
        """Whether it has a code link."""
        return any(link.kind == "code" for link in self.links)

    @property
    def reached(self) -> list[str]:
        """The levels reached, as filter values."""
        return [text.slug(name) for name in self.level.reached]

    @property
    def topic(self) -> str | None:
        """The last part of the section, if it is not just a year."""
        last = (self.paper.section or "").rpartition("/")[2].strip()
        return last if last and not last.isdigit() else None


def _paper_row(site: Site, one: Paper) -> PaperRow:
    written = "drafted" in site.levels[one.id].reached
    basis = one.basis if written else None
    summary = site.summaries.get(one.id)
    facets = {facet: getattr(summary, facet) for facet in FACETS} if summary else {}
    links = facts.links_of(site.library, one)
    return PaperRow(one, site.levels[one.id], site.uses(one), links, basis, facets)


def _table(site: Site, rows: list[PaperRow], parts: int) -> str:
    years = options((str(one.paper.year) if one.paper.year else None for one in rows), newest=True)
    filters = [
        ("year", "Year", years),
        ("venue", "Venue", options(one.paper.venue for one in rows)),
        ("data", "Dataset", _dataset_options(rows)),
        ("topic", "Section", options(one.topic for one in rows if one.topic)),
        ("code", "Code", options(("no", "yes")[one.code] for one in rows)),
        ("evidence", "Evidence", _evidence_options(rows)),
        ("basis", "Basis", options(one.basis for one in rows)),
    ]
    filters += [(facet, facet.capitalize(), _facet_options(rows, facet)) for facet in FACETS]
    return site.page(
        "papers.md",
        "../",
        {
            "title": "Papers",
            "description": "Filter and sort; the address of the page keeps the filters. Evidence: what was checked of our re-implementation. Basis: what its equations were read from.",
            **NOT_SEARCHED,
        },
        rows=rows[:AT_ONCE],
        total=f"{len(rows):,}",
        parts=parts,
        filters=[
            {"name": n, "label": label, "options": o} for n, label, o in filters if len(o) > 1
        ],
    )


def _dataset_options(rows: list[PaperRow]) -> list[dict[str, Any]]:
    names = {dataset.id: dataset.name for row in rows for dataset in row.datasets}
    counts = Counter(dataset.id for row in rows for dataset in row.datasets)
    return [
        {"value": key, "label": name, "count": counts[key]}
        for key, name in sorted(names.items(), key=lambda item: item[1].lower())
    ]


def _facet_options(rows: list[PaperRow], facet: str) -> list[dict[str, Any]]:
    return options(value for row in rows for value in row.facets.get(facet, ()))


def _evidence_options(rows: list[PaperRow]) -> list[dict[str, Any]]:
    counts = Counter(name for row in rows for name in row.level.reached)
    names = [step.name for step in evidence_level.STEPS if counts[step.name]]
    return [{"value": text.slug(name), "label": name, "count": counts[name]} for name in names]
