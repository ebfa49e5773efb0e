"""Where arXiv is silent, other services answer: OAI-PMH, DataCite, Crossref, OpenAlex."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kb.cli import run
from kb.enrich.feed import FeedError, read_oai
from kb.enrich.second_sources import read_datacite
from kb.records import Library, Paper
from tests.servers import registries
from tests.servers.arxiv import Server as Arxiv

ROOT = Path(__file__).resolve().parents[2]
Services = tuple[Arxiv, registries.Server]


@pytest.fixture
def library(this_list: Callable[[Callable[[Paper], None]], Path]) -> Path:
    """This list's papers, their authors and DOIs taken away."""

    def first_alone(paper: Paper) -> None:
        paper.et_al, paper.authors = True, [paper.authors[0].split()[-1]]

    return this_list(first_alone)


def work(paper: Any) -> dict[str, Any]:
    """A published work of a paper of this list."""
    imprint = paper.imprint
    return {
        "title": paper.title,
        "authors": paper.authors,
        "year": paper.year,
        "volume": imprint.volume if imprint else None,
        "pages": (imprint.pages if imprint else None) or "1-9",
    }


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Services]:
    """ArXiv that answers 429 for an hour, and the other services."""
    papers = Library.open(ROOT).papers
    preprints = {
        paper.ids.arxiv: {
            "id": paper.ids.arxiv,
            "title": paper.title,
            "authors": paper.authors,
            "published": f"{paper.year}-01-02T00:00:00Z",
        }
        for paper in papers
        if paper.ids.arxiv
    }
    works = {(paper.ids.doi or f"10.5555/{paper.id}").lower(): work(paper) for paper in papers}
    arxiv, others = Arxiv(), registries.Server(registries.State(preprints, works))
    arxiv.state.faults = ["429-long"] * 1000
    arxiv.start()
    others.start()
    for name, path in [
        ("KB_ARXIV_OAI", "/oai"),
        ("KB_DATACITE_ENDPOINT", "/dois"),
        ("KB_CROSSREF_ENDPOINT", "/crossref"),
        ("KB_OPENALEX_ENDPOINT", "/openalex"),
        ("KB_DBLP_ENDPOINT", "/dblp"),
    ]:
        monkeypatch.setenv(name, others.address + path)
    monkeypatch.setenv("KB_ARXIV_ENDPOINT", f"{arxiv.address}/api/query")
    monkeypatch.setenv("KB_ARXIV_INTERVAL", "0.001")
    monkeypatch.setenv("KB_CACHE", str(tmp_path / "cache"))
    yield arxiv, others
    arxiv.stop()
    others.stop()


def test_all_papers_are_filled_while_arxiv_is_silent(library: Path, services: Services) -> None:
    """OAI-PMH and Crossref together fill every paper; each value names its source."""
    arxiv, others = services
    assert run(["enrich", "-C", str(library)]) == 0
    assert run(["enrich", "-C", str(library), "--source", "crossref"]) == 0
    papers = Library.open(library).papers
    assert len(papers) == 41
    assert [paper.id for paper in papers if not (paper.ids.doi and paper.imprint)] == []
    assert len(arxiv.state.log) == 1  # an hour is what it asked for
    coded = [paper for paper in papers if paper.ids.arxiv]
    assert all(len(paper.authors) > 1 and not paper.et_al for paper in coded)
    assert all("OAI-PMH" in str(paper.provenance["authors"].detail) for paper in coded)
    assert {str(paper.provenance["doi"].source) for paper in papers} == {"crossref"}
    assert {service for service, _ in others.state.asked} == {"oai", "crossref", "openalex"}


def test_datacite_answers_where_oai_does_not(library: Path, services: Services) -> None:
    """The source of the values is DataCite's record of the paper."""
    services[1].state.down["oai"] = 503
    assert run(["enrich", "-C", str(library), "hgr", "coot"]) == 0
    paper = Library.open(library).paper("hgr")
    assert paper.authors == ["Shizhe Chen", "Yida Zhao", "Qin Jin", "Qi Wu"]
    source = paper.provenance["authors"]
    assert (source.source, source.detail) == ("datacite", "10.48550/arXiv.2003.00392")


@pytest.mark.parametrize("source", ["arxiv", "crossref", "openalex"])
def test_all_down_is_exit_4_and_loses_nothing(
    library: Path, services: Services, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No record changes; the message names every service that was asked."""
    services[1].state.down = dict.fromkeys(("oai", "datacite", "crossref", "openalex"), 429)
    before = (library / "data" / "papers.yaml").read_bytes()
    assert run(["enrich", "-C", str(library), "--source", source, "--json"]) == 4
    out, err = capsys.readouterr()
    assert json.loads(out)["unreachable"] is True
    assert (library / "data" / "papers.yaml").read_bytes() == before
    names = {"arxiv": ("arXiv", "OAI-PMH", "DataCite"), "crossref": ("Crossref", "OpenAlex")}
    assert all(name in err for name in names.get(source, ("OpenAlex",)))


def test_openalex_answers_for_crossref(library: Path, services: Services) -> None:
    """One registry that is down costs nothing; it is asked once."""
    services[1].state.down["crossref"] = 429
    assert run(["enrich", "-C", str(library), "--source", "crossref", "hgr", "tce"]) == 0
    paper = Library.open(library).paper("hgr")
    assert paper.imprint is not None
    assert paper.imprint.pages == "10635-10644"
    assert str(paper.provenance["pages"].source) == "openalex"
    assert [service for service, _ in services[1].state.asked].count("crossref") == 1


def test_answers_are_kept_for_a_week(library: Path, services: Services) -> None:
    """A second run asks nobody and changes nothing."""
    command = ["enrich", "-C", str(library), "--source", "crossref", "hgr"]
    assert run(command) == 0
    asked, text = len(services[1].state.asked), (library / "data" / "papers.yaml").read_bytes()
    assert run(command) == 0
    by_doi = len(services[1].state.asked) - asked  # the DOI is known now, and asked for once
    assert by_doi == 2
    assert run(command) == 0
    assert len(services[1].state.asked) == asked + by_doi
    assert (library / "data" / "papers.yaml").read_bytes() == text


@pytest.mark.parametrize("both", [True, False])
def test_a_retraction_is_reported(
    library: Path, services: Services, both: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Confirmed where both registries say so; nothing is overwritten."""
    state = services[1].state
    state.works["10.1109/cvpr42600.2020.01065"]["retracted"] = True
    if not both:
        state.down["openalex"] = 503
    assert run(["enrich", "-C", str(library), "--source", "crossref", "hgr", "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)["withdrawn"]
    assert (row["id"], row["confirmed"]) == ("chen2020hgr", True if both else None)
    assert Library.open(library).paper("hgr").status == "active"


def test_what_disagrees_is_reported_and_stays(
    library: Path, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pages of the record are kept; dashes do not count."""
    with Library.editing(library) as edited:
        edited.paper("hgr").imprint = {"pages": "10635--10644"}
        edited.paper("tce").imprint = {"pages": "1-2"}
        edited.save()
    assert run(["enrich", "-C", str(library), "--source", "crossref", "hgr", "tce", "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)["mismatches"]
    assert {(row["id"], row["field"], row["record"]) for row in rows} == {
        ("yang2020tree", "pages", "1-2")
    }


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"<html>", b"[1]", b'{"data": {"attributes": {"titles": []}}}', b"\xff"]
)
def test_other_answers_are_no_records(body: bytes) -> None:
    """Whatever the bytes, they are refused as an answer to retry."""
    for read in (read_datacite, read_oai):
        with pytest.raises(FeedError):
            read(body)
