"""A repository with the seed list, a local GitHub, and pull requests between them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bot import posting
from tests.bot.pulls import repository
from tests.servers.github import TOKEN, Server


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seed list in a repository, made once."""
    return repository(tmp_path_factory.mktemp("original") / "list")


@pytest.fixture
def place(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that repository for one test; nothing outside is asked."""
    import shutil  # noqa: PLC0415

    for name in ("KB_ARXIV_ENDPOINT", "KB_ROOT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KB_ARXIV_INTERVAL", "0.01")
    monkeypatch.setenv("KB_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(original, tmp_path / "list"))


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A local GitHub; a request that is not as documented fails the test."""
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    server = Server()
    server.start()
    yield server
    server.stop()
    assert server.violations == []


@pytest.fixture
def pull(github: Server) -> Server:
    """Pull request 7, of a fork, with one added line."""
    github.state.open(7, "them:add-paper", posting.SHA, {"README.md": posting.DIFF})
    return github
