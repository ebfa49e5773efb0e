"""A local arXiv without pacing, and a small invented knowledge base that points at it."""

from pathlib import Path

import pytest

from tests.servers.arxiv import Server

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
