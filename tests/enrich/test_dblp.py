"""DBLP as a second source: its search API, and its dump."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kb.cli import run
from kb.enrich import dblp
from kb.enrich.feed import FeedError
from kb.records import KBError, Library, Paper
from tests.servers import registries

ROOT = Path(__file__).resolve().parents[2]
DUMP = """\
<?xml version="1.0" encoding="ISO-8859-1"?>
<!DOCTYPE dblp SYSTEM "dblp.dtd">
<dblp>
<www key="homepages/1"><author>Nobody</author><title>Home Page</title></www>
<inproceedings mdate="2021-01-01" key="conf/cvpr/ChenZJW20">
<author orcid="0000">Shizhe Chen</author><author>Yida Zhao 0002</author><author>Qin Jin</author>
<title>Fine-Grained Video-Text Retrieval With Hierarchical Graph Reasoning.</title>
<pages>10635-10644</pages><year>2020</year><booktitle>CVPR</booktitle>
<ee type="oa">https://openaccess.example.org/x.pdf</ee>
<ee>https://doi.org/10.1109/CVPR42600.2020.01065</ee><crossref>conf/cvpr/2020</crossref>
</inproceedings>
<article key="journals/corr/abs-1"><author>Shizhe Chen</author>
<title>Fine-Grained Video-Text Retrieval With Hierarchical Graph Reasoning.</title>
<journal>CoRR</journal><year>2020</year></article>
<article key="journals/x/1"><author>J&ouml;rg &Aacute;vila</author>
<title>Of <i>Boats</i> &amp; Rafts &nosuch;.</title><year>2020</year></article>
</dblp>
"""


@pytest.fixture
def library(this_list: Callable[[Callable[[Paper], None]], Path]) -> Path:
    """This list's papers without imprints and DOIs."""
    return this_list(lambda _: None)


@pytest.fixture
def server(registry: Callable[..., registries.Server]) -> registries.Server:
    """DBLP on a local address, with every paper of this list."""
    works: dict[str, dict[str, Any]] = {}
    for paper in Library.open(ROOT).papers:
        imprint = paper.imprint
        works[(paper.ids.doi or f"10.5555/{paper.id}").lower()] = {
            "title": paper.title,
            "authors": [f"{name} 0001" for name in paper.authors],
            "year": paper.year,
            "pages": (imprint.pages if imprint else None) or "1-9",
            "short": "IEEE Trans. Multim.",
        }
    return registry(works, "KB_DBLP_ENDPOINT", "/dblp")


def test_dblp_fills_pages_and_doi_with_their_source(
    library: Path, server: registries.Server
) -> None:
    """One question per paper; the hit that is a preprint is passed over."""
    assert run(["enrich", "-C", str(library), "--source", "dblp"]) == 0
    papers = Library.open(library).papers
    assert [paper.id for paper in papers if not (paper.ids.doi and paper.imprint)] == []
    paper = next(paper for paper in papers if paper.id == "chen2020hgr")
    assert paper.imprint is not None
    assert (paper.imprint.pages, paper.ids.doi) == ("10635-10644", "10.1109/cvpr42600.2020.01065")
    source = paper.provenance["pages"]
    assert (source.source, source.detail) == ("dblp", "10.1109/cvpr42600.2020.01065")
    assert paper.venue == "CVPR"  # the list's own, which stays
    assert {service for service, _ in server.state.asked} == {"dblp"}
    assert len(server.state.asked) == len(papers)


def test_an_empty_venue_is_filled_and_a_preprint_s_is_suggested(
    library: Path, server: registries.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """A venue that the record has is never overwritten."""
    with Library.editing(library) as edited:
        edited.paper("hgr").venue = None
        edited.paper("tce").venue = "arXiv"
        edited.save()
    assert run(["enrich", "-C", str(library), "--source", "dblp", "hgr", "tce", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["suggestions"]
    assert row["id"] == "yang2020tree"
    assert row["why"].startswith("published at IEEE Trans. Multim., 2020 (DBLP, 10.1145/")
    opened = Library.open(library)
    assert (opened.paper("hgr").venue, opened.paper("tce").venue) == (
        "IEEE Trans. Multim.",
        "arXiv",
    )
    assert opened.paper("hgr").provenance["venue"].source == "dblp"


def test_a_work_without_a_doi_is_named_by_its_key(library: Path, server: registries.Server) -> None:
    """As proceedings of some conferences are."""
    work = server.state.works["10.1109/cvpr42600.2020.01065"]
    work["no_doi"], work["pages"] = True, "1-2"
    server.state.works = {"": work}
    assert run(["enrich", "-C", str(library), "--source", "dblp", "hgr"]) == 0
    detail = Library.open(library).paper("hgr").provenance["pages"].detail
    assert detail == "dblp:conf/x/"


def test_silence_is_exit_4_and_loses_nothing(
    library: Path, server: registries.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the service; no record changes."""
    server.state.down["dblp"] = 429
    before = (library / "data" / "papers.yaml").read_bytes()
    assert run(["enrich", "-C", str(library), "--source", "dblp"]) == 4
    assert "DBLP" in capsys.readouterr().err
    assert (library / "data" / "papers.yaml").read_bytes() == before


def test_answers_are_kept(library: Path, server: registries.Server) -> None:
    """A second run asks nobody."""
    for _ in range(2):
        assert run(["enrich", "-C", str(library), "--source", "dblp", "hgr"]) == 0
    assert len(server.state.asked) == 1


@pytest.mark.parametrize("packed", [False, True])
def test_a_dump_is_read_instead(library: Path, tmp_path: Path, packed: bool) -> None:
    """dblp.xml, packed or not; nobody is asked."""
    path = tmp_path / ("dblp.xml.gz" if packed else "dblp.xml")
    path.write_bytes(gzip.compress(DUMP.encode()) if packed else DUMP.encode())
    assert run(["enrich", "-C", str(library), "--source", "dblp", str(path)]) == 0
    papers = [paper for paper in Library.open(library).papers if paper.imprint]
    assert [(paper.id, paper.imprint and paper.imprint.pages) for paper in papers] == [
        ("chen2020hgr", "10635-10644")
    ]
    assert papers[0].ids.doi == "10.1109/cvpr42600.2020.01065"


def test_letters_and_markup_of_a_dump_are_text(tmp_path: Path) -> None:
    """Entities of DBLP's DTD, markup in a title; an entity that nobody knows is left out."""
    path = tmp_path / "dblp.xml"
    path.write_bytes(DUMP.encode())
    ((work,),) = dblp.dump(path, ["Of Boats & Rafts"]).values()
    assert (work.title, work.authors) == ("Of Boats & Rafts", ["J\u00f6rg \u00c1vila"])


BOMB = '<!DOCTYPE d [<!ENTITY a "x"><!ENTITY b "&a;&a;">]>\n<dblp>&b;</dblp>'


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"<html>", "no dump of DBLP"),
        (b"<dblp></dblp>", "has no publication"),
        (BOMB.encode(), "no dump of DBLP"),
        (gzip.compress(DUMP.encode())[:60], "cannot be read"),
        (b"<dblp>" + b"x" * 3_000_000, "a line without end"),
    ],
    ids=["a page", "nothing inside", "a bomb", "cut off", "one line"],
)
def test_another_file_gets_one_line(tmp_path: Path, data: bytes, what: str) -> None:
    """What is wrong, whatever the bytes."""
    path = tmp_path / "dblp.xml"
    path.write_bytes(data)
    with pytest.raises(KBError, match=what):
        dblp.dump(path, ["A title"])


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"<html>", b"[1]", b'{"result": {"hits": 7}}', b"\xff"]
)
def test_other_answers_are_no_results(body: bytes) -> None:
    """Whatever the bytes, they are refused as an answer to retry."""
    with pytest.raises(FeedError):
        dblp.registry()._many(body)
