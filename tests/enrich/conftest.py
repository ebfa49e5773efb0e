"""A local arXiv without pacing, and a small invented knowledge base that points at it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kb.records import Library, Paper
from tests.servers import registries
from tests.servers.arxiv import Server

ROOT = Path(__file__).resolve().parents[2]

RECORDS = """\
papers:
- id: dong2019dual
  title: Dual Encoding for Zero-Example Video Retrieval
  authors:
  - Dong
  et_al: true
  year: 2019
  ids:
    arxiv: '1809.06181'
- id: invented2018mixture
  title: Another Paper Altogether
  authors:
  - Nobody
  et_al: true
  year: 2018
  links:
  - kind: paper
    url: https://arxiv.org/abs/1809.06181
- id: luo2021clip4clip
  title: 'CLIP4CLIP: an empirical study of CLIP for end to end video clip retrieval'
  authors:
  - Luo H
  et_al: true
  year: 2021
  links:
  - kind: paper
    url: https://arxiv.org/pdf/2104.08860v2.pdf
- id: made2099withdrawn
  title: An Invented Paper That Was Withdrawn
  authors:
  - Ada Invented
  - Bo Made-Up
  ids:
    arxiv: '9912.00001'
- id: made2099reply
  title: An Invented Reply & a Second <Look>
  authors:
  - Ada Invented
  ids:
    arxiv: '9912.00002'
- id: patrick2021support
  title: Support-set bottlenecks for video-text representation learning
  authors:
  - Patrick
  et_al: true
  year: 2021
- id: unknown2020id
  title: A Paper Nobody Registered
  authors:
  - Unknown
  ids:
    arxiv: '2001.99999'
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A local arXiv that the real client asks, ten milliseconds apart."""
    local = Server()
    local.start()
    monkeypatch.setenv("KB_ARXIV_ENDPOINT", f"{local.address}/api/query")
    monkeypatch.setenv("KB_ARXIV_OAI", f"{local.address}/oai")
    monkeypatch.setenv("KB_ARXIV_INTERVAL", "0.01")
    monkeypatch.setenv("KB_CACHE", str(tmp_path / "cache"))
    yield local
    local.stop()


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The root of the invented knowledge base."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "papers.yaml").write_text(RECORDS)
    return tmp_path


@pytest.fixture
def this_list(tmp_path: Path) -> Callable[[Callable[[Paper], None]], Path]:
    """A copy of this list's papers, each changed, their imprints, DOIs and provenance taken away."""

    def copied(change: Callable[[Paper], None]) -> Path:
        root = tmp_path / "kb"
        (root / "data").mkdir(parents=True)
        shutil.copy(ROOT / "data" / "papers.yaml", root / "data" / "papers.yaml")
        with Library.editing(root) as library:
            for paper in library.papers:
                paper.imprint, paper.ids.doi, paper.provenance = None, None, {}
                change(paper)
            library.save()
        return root

    return copied


@pytest.fixture
def registry(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[dict[str, Any], str, str], registries.Server]]:
    """Start a local registry with these works, which a variable of the environment leads to."""
    started: list[registries.Server] = []

    def start(works: dict[str, Any], variable: str, path: str) -> registries.Server:
        started.append(registries.Server(registries.State({}, works)))
        started[-1].start()
        monkeypatch.setenv(variable, f"{started[-1].address}{path}")
        monkeypatch.setenv("KB_ARXIV_INTERVAL", "0.001")
        monkeypatch.setenv("KB_CACHE", str(tmp_path / "cache"))
        return started[-1]

    yield start
    for one in started:
        one.stop()
