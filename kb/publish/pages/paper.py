"""The page of one paper."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from kb.publish import citation, protocols, structured, text, verdict_box
from kb.publish.exports import facts
from kb.publish.pages import searching
from kb.publish.pages.model_section import model_section
from kb.publish.pages.site import Site
from kb.records import Dataset, Link, Paper, Version

CLOSE = 4  # papers on the same tests that a page names
WRITTEN = {  # what a summary was written from
    "code": "Written from a specification of the method that was read from the authors\u2019 code.",
    "abstract": "Written from the abstract alone.",
    "title": "Written from the title alone.",
}
FIELDS = {"arxiv": "arXiv id", "doi": "DOI"}  # of a record, as a reader calls them
SOURCES = {
    "readme": "the list",
    "arxiv": "arXiv",
    "datacite": "DataCite",
    "crossref": "Crossref",
    "openalex": "OpenAlex",
    "dblp": "DBLP",
    "bibtex": "a bibliography",
    "yaml": "a file of records",
    "curated": "a person",
}


def paper(site: Site, one: Paper) -> str:
    """The page of one paper."""
    level, section = site.levels[one.id], model_section(site, one.model or "", one)
    rows = site.library.published.get(one.id, [])
    box = verdict_box.verdict_box(
        [claim.row for claim in section["claims"]], level, published=len(rows), status=one.status
    )
    return site.page(
        "paper.md",
        "../../",
        {
            "title": one.title,
            "description": _summary(one),
            "hide": ["navigation"],
            "search": {"boost": 2},
            **site.origins.of("data/papers.yaml", one.id, one.model),
            "tags": searching.tags(site, one),
            "scholar": structured.scholar(one),
            "jsonld": structured.article(one),
            "verdict": {"kind": box.kind, "says": box.sentence},
        },
        paper=one,
        level=level,
        box=box,
        summary=site.summaries.get(one.id),
        written=WRITTEN,
        links=links(facts.links_of(site.library, one), one.ids.arxiv, one.ids.doi),
        health=site.health,
        facts=[("Appeared", _appearance(v)) for v in one.versions],
        datasets=site.uses(one),
        ancestor=site.by_id.get(one.extends or ""),
        descendants=site.extended_by.get(one.id, []),
        neighbours=_neighbours(site, one),
        bibtex=citation.bibtex(one),
        ris=citation.ris(one),
        fields=FIELDS,
        sources=SOURCES,
        published=published(site, one),
        **section,
    )


def _neighbours(site: Site, one: Paper) -> list[Paper]:
    """Papers with a result on the same tests, those that share most of them first."""
    shared = Counter(key for here in site.tested_with.get(one.id, []) for key in here - {one.id})
    known = [site.by_id[key] for key, _ in sorted(shared.items(), key=_most) if key in site.by_id]
    return known[:CLOSE]


def _most(shared: tuple[str, int]) -> tuple[int, str]:
    return -shared[1], shared[0]


def _summary(one: Paper) -> str:
    where = " ".join(str(part) for part in (one.venue, one.year) if part)
    return ", ".join(part for part in (text.names(one.authors, et_al=one.et_al), where) if part)


def _appearance(version: Version) -> str:
    title = f" as \N{LEFT DOUBLE QUOTATION MARK}{version.title}\N{RIGHT DOUBLE QUOTATION MARK}"
    return f"{version.venue} {version.year} ({version.kind}){title if version.title else ''}"


def links(listed: list[Link], arxiv: str | None, doi: str | None) -> list[dict[str, str]]:
    """The record's links, then those of its identifiers, without duplicates."""
    rows = [
        {
            "kind": one.kind,
            "label": f"{one.kind} (official)" if one.official else one.kind,
            "url": one.url,
            "swhid": one.swhid or "",
        }
        for one in listed
    ]
    extra = [("arxiv", f"arXiv:{arxiv}", f"https://arxiv.org/abs/{arxiv}")] if arxiv else []
    extra += [("doi", f"doi:{doi}", f"https://doi.org/{doi}")] if doi else []
    known = {one["url"] for one in rows}
    return rows + [
        {"kind": k, "label": n, "url": u, "swhid": ""} for k, n, u in extra if u not in known
    ]


@dataclass
class NamedDataset:
    """A dataset that results name; `page`: whether it has a page of its own."""

    id: str
    name: str
    page: bool


def published(site: Site, one: Paper | Dataset) -> list[tuple[NamedDataset, list[protocols.Test]]]:
    """The published results of its model, by dataset and test."""
    names = dict.fromkeys(result.dataset for result in site.library.published.get(one.id, []))
    groups = []
    for name in names:
        known = site.datasets.get(name)
        shown = known.name if known else ("Other tasks" if name == "other" else name)
        tests = protocols.tests([one], site.library.published, name)
        groups.append((NamedDataset(name, shown, known is not None), tests))
    return groups


def other_names(site: Site) -> Iterator[tuple[str, Paper]]:
    """All other names of papers that are no paper's id."""
    ids = {paper.id for paper in site.library.papers}
    for paper in site.library.papers:
        for name in dict.fromkeys([*paper.aliases, *([paper.model] if paper.model else [])]):
            if name not in ids:
                yield name, paper


def moved(site: Site, one: Paper) -> str:
    """A page that redirects to the paper's own."""
    return site.moved("papers/-/", f"papers/{one.id}/", one.title)
