"""`kb suggest` without a file asks arXiv or OpenAlex; lines are accepted one by one, by a person."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from kb.cli import run
from kb.enrich import offers
from kb.records import Library
from tests.servers import registries
from tests.servers.arxiv import Server

ROOT = Path(__file__).resolve().parents[2]
NEW = [
    ("2203.00001", "A Video-Text Retrieval Model with Cross-Modal Attention", "2022-03-01", True),
    ("2301.00002", "Text-Video Embedding for Video Retrieval by Language", "2023-01-05", True),
    ("2203.00003", "Video Compression on a Phone", "2022-03-02", False),
    ("2203.00004", "Cross-Modal Retrieval of Text and Sound", "2022-03-02", False),
    ("1803.00005", "Older Video-Text Retrieval with Cross-Modal Encoders", "2018-03-01", False),
]
WORKS = {
    "10.1109/tmm.2018.2832602": {"title": "Predicting visual features from text", "authors": ["Jianfeng Dong"], "year": 2018},
    "10.48550/arxiv.1809.06181": {"title": "Dual Encoding for Zero-Example Video Retrieval", "authors": ["Jianfeng Dong"], "year": 2019},
    "10.5555/one": {"title": "Looking Again", "authors": ["Ada Kestrel", "Bo"], "year": 2022, "venue": "CVPR", "cites": ["10.1109/tmm.2018.2832602", "10.48550/arxiv.1809.06181"]},
    "10.5555/two": {"title": "Looking Away", "authors": ["Ada Kestrel"], "year": 2022, "cites": ["10.1109/tmm.2018.2832602"]},
    "10.5555/old": {"title": "Looking Back", "authors": ["Ada Kestrel"], "year": 2019, "cites": ["10.1109/tmm.2018.2832602", "10.48550/arxiv.1809.06181"]},
}  # fmt: skip


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """This list and its records, to be changed."""
    (tmp_path / "data").mkdir()
    for name in ("papers", "datasets"):
        shutil.copy(ROOT / "data" / f"{name}.yaml", tmp_path / "data")
    shutil.copy(ROOT / "README.md", tmp_path)
    return tmp_path


@pytest.fixture
def arxiv(server: Server) -> Server:
    """A local arXiv with new papers beside those it has."""
    for ident, title, day, _ in NEW:
        server.state.papers[ident] = {"id": ident, "title": title, "authors": ["Ada Kestrel", "Bo"], "published": f"{day}T00:00:00Z"}  # fmt: skip
    return server


@pytest.fixture
def openalex(registry: Callable[..., registries.Server]) -> registries.Server:
    """A local OpenAlex."""
    return registry(dict(WORKS), "KB_OPENALEX_ENDPOINT", "/openalex")


def test_arxiv_is_asked_for_the_lists_own_words_since_a_year(
    base: Path, arxiv: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, newest first; what fits is printed as lines, and nothing is written."""
    monkeypatch.setattr(offers, "PAGE", 2)
    before = {path: path.read_bytes() for path in base.rglob("*.*") if path.is_file()}
    assert run(["-C", str(base), "suggest", "--since", "2021"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == sum(fits for *_, fits in NEW)
    assert all(line.startswith("* `[Kestrel et al. arXiv2") for line in lines)
    assert {path: path.read_bytes() for path in before} == before
    asked = [parse_qs(urlsplit(row["path"]).query) for row in arxiv.state.log]
    assert len(asked) > 1
    assert asked[0]["search_query"][0].startswith("ti:video AND (ti:retrieval OR ti:text OR ")
    assert "submittedDate:[202101010000 TO " in asked[0]["search_query"][0]


def test_openalex_is_asked_for_what_cites_the_list(
    base: Path, openalex: registries.Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """The entries by DOI, then works that cite them, over all pages, since the year."""
    monkeypatch.setattr(offers, "WORKS", 1)
    call = ["-C", str(base), "suggest", "--source", "openalex", "--since", "2021", "--json"]
    assert run(call) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["title"], row["reasons"][0]) for row in rows] == [
        ("Looking Again", "cites 2 of the list's papers")
    ]
    assert rows[0]["line"].startswith("* `[Kestrel et al. CVPR22]` Looking Again.")
    assert any("cites%3AW1%7CW2" in path for _, path in openalex.state.asked)


def test_precision_is_told_on_what_the_source_offers(
    base: Path, arxiv: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """The query is made from the entries before that year alone."""
    assert run(["-C", str(base), "suggest", "--hold-out", "2021", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["proposed"] >= told["right"]
    assert told["held"] >= 1  # entries since then that the local arXiv knows
    assert arxiv.state.log


@pytest.mark.parametrize("source", ["arxiv", "openalex"])
def test_a_service_out_of_reach_is_exit_four(
    base: Path, source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One line, nothing written."""
    monkeypatch.setenv("KB_ARXIV_ENDPOINT", "http://127.0.0.1:9/api/query")
    monkeypatch.setenv("KB_OPENALEX_ENDPOINT", "http://127.0.0.1:9/works")
    monkeypatch.setenv("KB_ARXIV_INTERVAL", "0.01")
    monkeypatch.setenv("KB_CACHE", str(tmp_path / "cache"))
    assert run(["-C", str(base), "suggest", "--source", source]) == 4


def test_a_list_without_words_of_its_own_asks_nothing(tmp_path: Path, arxiv: Server) -> None:
    """Two papers share no words: there is no query."""
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "papers.yaml").write_text("papers: []\n")
    assert offers.ask("arxiv", Library(tmp_path).papers, 2021) == []
    assert not arxiv.state.log


def test_on_a_terminal_a_person_accepts_each_line(base: Path, arxiv: Server) -> None:
    """Yes puts the line under its year, no leaves it out; all other lines keep their bytes."""
    before = (base / "README.md").read_text(encoding="utf-8")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "kb", "-C", str(base), "suggest", "--since", "2021"]
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"PYTHONPATH": str(ROOT), "TERM": "dumb"})  # fmt: skip
    os.close(theirs)
    shown = answered(ours, ["n\n", "y\n"])
    assert child.wait(timeout=120) == 0
    assert "1 of 2" in shown
    assert "1 of 2 added" in shown
    after = (base / "README.md").read_text(encoding="utf-8")
    new = [line for line in after.splitlines() if line not in before.splitlines()]
    assert len([line for line in new if line.startswith("* `[Kestrel et al. arXiv2")]) == 1
    assert set(before.splitlines()) <= set(after.splitlines())
    assert arxiv.state.log


def answered(terminal: int, answers: list[str]) -> str:
    """What a program shows on a terminal that answers each of its questions."""
    shown, end = "", time.monotonic() + 120
    while time.monotonic() < end:
        ready, _, _ = select.select([terminal], [], [], 1.0)
        try:
            shown += os.read(terminal, 4096).decode(errors="replace") if ready else ""
        except OSError:
            break
        if answers and shown.count("[q]uit") > 2 - len(answers):
            os.write(terminal, answers.pop(0).encode())
    return shown
