"""`kb suggest` proposes papers that fit a list, as draft lines, and adds none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kb.cli import run
from kb.enrich import candidates
from kb.records import KBError, Library
from tests.servers.arxiv_feed import entry, feed

ROOT = Path(__file__).resolve().parents[2]
QUERY = {"search_query": "", "id_list": "", "start": "0", "max_results": "10"}
TITLES = [
    ("A Video-Text Retrieval Model with Cross-Modal Attention", 2022, True),
    ("Text-Video Embedding for Video Retrieval by Language", 2023, True),
    ("Folding Proteins with Attention", 2023, False),
    ("Video Compression on a Phone", 2022, False),
    ("Video-Text Retrieval with Cross-Modal Encoders of Old", 2018, False),
    ("Dual Encoding for Zero-Example Video Retrieval", 2022, False),  # an entry already
]


def work(number: int, title: str, year: int, cites: tuple[int, ...] = ()) -> dict[str, Any]:
    """A work as OpenAlex sends it."""
    return {
        "id": f"https://openalex.org/W{number}",
        "doi": f"https://doi.org/10.5555/{number}",
        "title": title,
        "publication_year": year,
        "authorships": [
            {"author": {"display_name": "Ada Kestrel"}},
            {"author": {"display_name": "Bo"}},
        ],
        "primary_location": {"source": {"display_name": "CVPR"}},
        "locations": [{"landing_page_url": f"https://arxiv.org/abs/2201.0000{number}v2"}],
        "referenced_works": [f"https://openalex.org/W{one}" for one in cites],
    }


def written(path: Path, works: list[dict[str, Any]]) -> Path:
    """A page of OpenAlex's results."""
    path.write_text(json.dumps({"meta": {"count": len(works)}, "results": works}), "utf-8")
    return path


def test_what_fits_and_is_not_there_is_proposed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the words of the list's titles, since a year, and never an entry again."""
    works = [work(at, title, year) for at, (title, year, _) in enumerate(TITLES)]
    file = written(tmp_path / "works.json", works)
    before = (ROOT / "data" / "papers.yaml").read_bytes()
    command = ["suggest", str(file), "--source", "openalex", "--since", "2021", "-C", str(ROOT)]
    assert run(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split("` ")[1].split(". ")[0] for line in lines} == {
        title for title, _, wanted in TITLES if wanted
    }
    assert all(line.startswith("* `[Kestrel et al. CVPR2") for line in lines)
    assert all("[[paper]](https://arxiv.org/abs/2201.0000" in line for line in lines)
    assert (ROOT / "data" / "papers.yaml").read_bytes() == before


def test_a_paper_that_cites_entries_is_proposed(tmp_path: Path) -> None:
    """Two citations are enough, whatever the title; the reasons say so."""
    entries = [
        work(1, "Dual Encoding for Zero-Example Video Retrieval", 2019),
        work(
            2,
            "Use What You Have: Video Retrieval Using Representations From Collaborative Experts",
            2019,
        ),
    ]
    offered = [
        *entries,
        work(3, "Looking Again", 2022, (1, 2)),
        work(4, "Looking Away", 2022, (1,)),
    ]
    file = written(tmp_path / "works.json", offered)
    found = candidates.suggest(Library(ROOT).papers, candidates.read(file, "openalex"))
    assert [(one.title, one.reasons) for one in found] == [
        ("Looking Again", ["cites 2 of the list's papers"])
    ]


def test_an_answer_of_arxiv_is_read_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The Atom feed as the API sends it."""
    papers = [
        {"id": f"2201.0000{at}", "title": title, "authors": ["Ada Kestrel"], "published": f"{year}-01-01T00:00:00Z"}
        for at, (title, year, _) in enumerate(TITLES)
    ]  # fmt: skip
    file = tmp_path / "feed.xml"
    file.write_bytes(feed(QUERY, len(papers), [entry(one, 1) for one in papers]))
    assert run(["suggest", str(file), "--since", "2021", "-C", str(ROOT), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["arxiv"] for row in rows} == {"2201.00000", "2201.00001"}
    assert all(row["reasons"] and row["line"].startswith("* `[Kestrel") for row in rows)


def test_precision_is_told_on_a_held_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Entries since a year are hidden from the judgement and counted among the proposals."""
    held = [paper for paper in Library(ROOT).papers if (paper.year or 0) >= 2021]
    works = [work(at, paper.title, 2021) for at, paper in enumerate(held)]
    works.append(work(90, "Video-Text Retrieval with Cross-Modal Attention of Others", 2021))
    file = written(tmp_path / "works.json", works)
    command = ["suggest", str(file), "--source", "openalex", "--hold-out", "2021"]
    assert run([*command, "-C", str(ROOT), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["held"] == len(held)
    assert 0 < told["right"] < told["proposed"]
    assert told["precision"] == told["right"] / told["proposed"]


@pytest.mark.parametrize("source", ["arxiv", "openalex"])
@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"[1]", b'{"results": 3}', b"\xff\xfe"])
def test_a_file_of_another_form_is_one_line(tmp_path: Path, source: str, body: bytes) -> None:
    """What is wrong and where."""
    file = tmp_path / "x"
    file.write_bytes(body)
    if body == b"" and source == "openalex":
        assert candidates.read(file, source) == []
        return
    with pytest.raises(KBError, match="not an answer"):
        candidates.read(file, source)
