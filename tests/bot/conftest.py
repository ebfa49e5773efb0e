"""A repository with the seed list, a local GitHub, and pull requests between them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bot.pulls import repository
from tests.servers.github import TOKEN, Server

SHA = "a" * 40


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


def event(folder: Path, **own: Any) -> Path:
    """The payload of a completed run of the first workflow, as a file."""
    run = {
        "id": 77,
        "name": "kb-validate",
        "event": "pull_request",
        "head_sha": SHA,
        "head_branch": "add-paper",
        "head_repository": {"id": 2, "full_name": "them/list", "fork": True},
        "conclusion": "failure",
        "pull_requests": [],
        "run_attempt": 1,
        **own,
    }
    document = {
        "action": "completed",
        "workflow_run": run,
        "repository": {"id": 1, "full_name": "us/list", "default_branch": "main"},
        "sender": {"login": "them"},
    }
    path = folder / "event.json"
    path.write_text(json.dumps(document))
    return path
