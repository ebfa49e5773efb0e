"""JSON: the whole knowledge base in one document, and the files of the site's API."""

from typing import Any

from kb.publish import citation, evidence_level, measured
from kb.publish.exports import facts
from kb.publish.text import json_text
from kb.records import Dataset, Implementation, Library, Paper, Published, Run
from kb.records.schema import Record


def whole(library: Library) -> str:
    """Every record, under the names of the files they come from."""
    return json_text(
        {
            "papers": [plain(paper) for paper in library.papers],
            "implementations": [plain(one) for one in library.implementations],
            "datasets": [plain(dataset) for dataset in library.datasets],
            "published": {
                key: [facts.published(row) for row in rows]
                for key, rows in library.published.items()
            },
            "uses": {one.id: facts.datasets_of(library, one) for one in library.papers},
            "code": {one.id: facts.code_of(library, one) for one in library.papers},
            "leaderboards": facts.leaderboards(library),
            "claims": facts.claims(library),
            "runs": [_run(run) for run in measured.runs(library)],
        }
    )


def plain(record: Record) -> dict[str, Any]:
    """A record as JSON has it: absent values left out."""
    return record.model_dump(mode="json", exclude_none=True, exclude_defaults=True)


def _run(run: Run) -> dict[str, Any]:
    """A run without its per-query ranks, which are as long as the test set."""
    return run.model_dump(mode="json", exclude_none=True, exclude={"ranks"})


def api(library: Library) -> dict[str, str | bytes]:
    """The files under api/, by path."""
    levels = evidence_level.evidence_levels(library)
    told = facts.claims(library)
    papers = {one.id: _paper(library, one, levels[one.id], told) for one in library.papers}
    files = {f"api/papers/{key}.json": json_text(value) for key, value in papers.items()}
    files |= {
        f"api/arxiv/{paper.ids.arxiv}.json": json_text(papers[paper.id])
        for paper in library.papers
        if paper.ids.arxiv
    }
    files |= {
        "api/papers.json": json_text(list(papers.values())),
        "api/datasets.json": json_text([plain(dataset) for dataset in library.datasets]),
        "api/leaderboards.json": json_text(facts.leaderboards(library)),
        "api/claims.json": json_text(facts.claims(library)),
        "api/runs.json": json_text([_run(run) for run in measured.runs(library)]),
        "api/bibtex.json": json_text(
            {one.id: citation.bibtex(one) for one in library.papers}
            | {one.id: citation.bibtex(one) for one in library.datasets}
        ),
        "api/schema.json": json_text(schema()),
    }
    files |= {
        f"api/badges/{name}.json": json_text(badge) for name, badge in _badges(library).items()
    }
    files |= {f"api/papers/{one.id}.ris": citation.ris(one) for one in library.papers}
    listed = sorted(name for name in files if name.count("/") == 1)
    by_id = ["api/papers/{id}.json", "api/papers/{id}.ris", "api/arxiv/{arxiv id}.json"]
    files["api/index.json"] = json_text({"files": [*listed, *by_id]})
    return dict(files)


def _paper(
    library: Library,
    paper: Paper,
    reached: evidence_level.EvidenceLevel,
    claims: list[facts.Row],
) -> dict[str, Any]:
    rows = [facts.published(row) for row in library.published.get(paper.id, [])]
    evidence = {"level": reached.level, "reasons": reached.reasons}
    told = [row for row in claims if row["model"] == paper.model]
    computed = {
        "datasets": facts.datasets_of(library, paper),
        "code": facts.code_of(library, paper),
        "published": rows,
        "verdicts": told,
        "bibtex": citation.bibtex(paper),
    }
    return {**plain(paper), "evidence": evidence, **{k: v for k, v in computed.items() if v}}


def schema() -> dict[str, Any]:
    """JSON Schema of every kind of record."""
    kinds = (Paper, Dataset, Implementation, Published, Run)
    return {kind.__name__: kind.model_json_schema() for kind in kinds}


def _badges(library: Library) -> dict[str, dict[str, Any]]:
    """Endpoints as shields.io reads them."""
    runs = sum(run.kind == "model" for run in measured.runs(library))
    counts = {
        "papers": sum(paper.status == "active" for paper in library.papers),
        "models": sum(
            "implemented" in one.reached for one in evidence_level.evidence_levels(library).values()
        ),
        "runs": runs,
    }
    return {
        name: {"schemaVersion": 1, "label": name, "message": str(count), "color": "0c6067"}
        for name, count in counts.items()
    }
