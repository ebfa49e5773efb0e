"""Links to arXiv are settled through its API; the pages themselves are never fetched."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kb.cli.looking import arxiv_exists
from kb.links.guard import LookupFailedError
from kb.links.services import arxiv_id
from kb.records import KBError
from tests.links.conftest import Look, names
from tests.servers.arxiv import Server


@pytest.fixture
def arxiv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """A local arXiv that the real client asks, without its usual pace."""
    server = Server()
    server.start()
    monkeypatch.setenv("KB_ARXIV_ENDPOINT", f"{server.address}/api/query")
    monkeypatch.setenv("KB_ARXIV_INTERVAL", "0.01")
    monkeypatch.setenv("KB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _name: tmp_path / "cache")
    yield server
    server.stop()


def nowhere(host: str, port: int) -> list[str]:
    """A name service that must not be asked for arXiv."""
    assert "arxiv" not in host
    return names(host, port)


def test_papers_are_looked_up_and_not_fetched(arxiv: Server, look: Look) -> None:
    """Every form of a paper's address gets its verdict from one question to the API."""
    known = [
        "https://arxiv.org/abs/1809.06181",
        "http://arxiv.org/pdf/1809.06181v2.pdf",
        "https://www.arxiv.org/pdf/2104.08860#page=3",
    ]
    unknown = "https://arxiv.org/abs/2001.99999"
    report = look(*known, unknown, arxiv=arxiv_exists(None), resolver=nowhere)
    assert [result.verdict for result in report.results] == ["ok", "ok", "ok", "suspect"]
    assert (report.results[3].reason or "").startswith("arXiv knows no paper 2001.99999; dead if")


def test_an_api_out_of_reach_says_nothing_about_a_paper(look: Look) -> None:
    """The link is a timeout with the reason; the others are looked at as ever."""

    def unreachable(_ids: list[str]) -> dict[str, bool]:
        raise KBError("no route")

    url = "https://arxiv.org/abs/1809.06181"
    found = look(url, "http://absent.web.test/", arxiv=unreachable, resolver=nowhere).results
    assert (found[0].verdict, found[0].reason) == (
        "timeout",
        "arXiv's API is out of reach: no route",
    )
    assert found[1].verdict == "suspect"


@pytest.mark.parametrize(
    ("url", "identifier"),
    [
        ("https://arxiv.org/abs/cs/0112017v1", "cs/0112017"),
        ("https://arxiv.org/pdf/math.GT/0309136", "math/0309136"),
        ("https://export.arxiv.org/abs/1501.00001", "1501.00001"),
        ("https://arxiv.org/html/2401.00001v3", "2401.00001"),
        ("https://arxiv.org/list/cs.CV/new", None),
        ("https://arxiv.org/abs/1501.000011", None),
        ("https://arxiv.org.evil.test/abs/1501.00001", None),
        ("https://a.test/abs/1501.00001", None),
    ],
)
def test_papers_are_told_from_other_pages(url: str, identifier: str | None) -> None:
    """Both styles of identifiers, without version; lists and other hosts are ordinary pages."""
    assert arxiv_id(url) == identifier


def test_no_network_is_told_from_a_dead_host(look: Look) -> None:
    """Where not even names that always exist are known, nothing is held against a link."""

    def dark(_host: str, _port: int) -> list[str]:
        raise LookupFailedError("no name server")

    report = look("https://a-place.org/x", resolver=dark)
    assert report.unreachable
    assert [(r.verdict, r.reason) for r in report.results] == [("skipped", "no network")]
    assert not look("https://absent.web.test/x").unreachable
