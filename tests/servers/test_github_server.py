"""The local GitHub refuses what the real one refuses: a bot that asks wrongly cannot pass on it."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.servers.github import TOKEN, Server

SHA = "a" * 40
REPOSITORY = "/repos/us/list"
DIFF = "@@ -1,2 +1,3 @@\n one\n+two\n three"
GOOD = {
    "Authorization": f"Bearer {TOKEN}",
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
}


@pytest.fixture
def server() -> Iterator[Server]:
    """One pull request with one added line."""
    local = Server()
    local.state.open(7, "them:branch", SHA, {"README.md": DIFF})
    local.start()
    yield local
    local.stop()


def ask(server: Server, method: str, path: str, **given: Any) -> requests.Response:
    """One request with everything that GitHub documents."""
    headers = {**GOOD, **given.pop("headers", {})}
    url = f"{server.address}{REPOSITORY}{path}"
    return requests.request(method, url, headers=headers, timeout=10, **given)


def review(**own: Any) -> dict[str, Any]:
    """A review with one comment."""
    row = {"path": "README.md", "line": 2, "side": "RIGHT", "body": "x", **own}
    return {"commit_id": SHA, "event": "COMMENT", "comments": [row]}


@pytest.mark.parametrize(
    ("method", "path", "given"),
    [
        ("GET", "/pulls", {"params": {"per_page": "1000"}}),
        ("GET", "/pulls", {"params": {"head": "no-owner"}}),
        ("GET", "/pulls", {"params": {"invented": "1"}}),
        ("GET", "/pulls", {"headers": {"Authorization": "Bearer other"}}),
        ("GET", "/pulls", {"headers": {"X-GitHub-Api-Version": "1999-01-01"}}),
        ("POST", "/issues/7/comments", {"json": {"body": ""}}),
        ("POST", "/issues/7/comments", {"json": {"body": "x" * 65537}}),
        ("POST", "/issues/7/comments", {"json": {"text": "x"}}),
        ("POST", "/issues/7/comments", {"data": b"not json"}),
        ("POST", "/issues/7/labels", {"json": {"labels": []}}),
        ("POST", "/pulls/7/reviews", {"json": review(position=1)}),
        ("POST", "/pulls/7/reviews", {"json": {**review(), "event": "SHOUT"}}),
    ],
)
def test_a_request_that_is_not_as_documented_is_noted_and_refused(
    server: Server, method: str, path: str, given: dict[str, Any]
) -> None:
    """422 in GitHub's form, and a violation that fails the test of whoever asked."""
    answer = ask(server, method, path, **given)
    assert answer.status_code == 422
    assert answer.json()["message"] == "Validation Failed"
    assert server.violations


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/pulls/7/merge"), ("GET", "/nothing"), ("DELETE", "/pulls/7")]
)
def test_what_the_bot_never_asks_is_not_there(server: Server, method: str, path: str) -> None:
    """404, and a violation."""
    assert ask(server, method, path).status_code == 404
    assert server.violations


@pytest.mark.parametrize(
    "body",
    [
        review(line=9),
        review(line=2, side="LEFT"),
        review(line=2, start_line=2, start_side="RIGHT"),
        review(path="other.md"),
        {**review(), "commit_id": "b" * 40},
    ],
)
def test_a_review_off_the_diff_is_refused_whole(server: Server, body: dict[str, Any]) -> None:
    """One line that is not in the diff costs the whole review, as on GitHub."""
    answer = ask(server, "POST", "/pulls/7/reviews", json=body)
    assert (answer.status_code, answer.json()["message"]) == (422, "Unprocessable Entity")
    assert server.state.reviews[7] == []


def test_a_list_comes_in_pages(server: Server) -> None:
    """Rows by page, and the next page in the Link header."""
    server.state.comments[7] = [{"id": n} for n in range(5)]
    first = ask(server, "GET", "/issues/7/comments", params={"per_page": "2"})
    last = ask(server, "GET", "/issues/7/comments", params={"per_page": "2", "page": "3"})
    assert [row["id"] for row in first.json()] == [0, 1]
    assert "page=2" in first.links["next"]["url"]
    assert ([row["id"] for row in last.json()], last.links) == ([4], {})
