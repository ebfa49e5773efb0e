"""Repositories are asked through GitHub's API, which knows more than the page shows."""

from datetime import timedelta
from typing import Any

import pytest

from kb.links.history import History
from kb.links.services import API, repository
from kb.links.urls import parse
from tests.links.conftest import NOON, Look
from tests.servers.web import Web

TOKEN = "token-of-a-test"


def api(web: Web) -> dict[str, Any]:
    """Settings that ask the local stand-in; github.com itself is this machine too."""

    def names(host: str, _port: int) -> list[str]:
        return ["192.0.43.8"] if host == "iana.org" else ["127.0.0.1"]

    return {"github": API(web.url("", item="").rstrip("/"), TOKEN), "resolver": names}


@pytest.mark.parametrize(
    ("owner", "verdict", "reason"),
    [
        ("someone", "ok", None),
        ("archived", "ok", "archived by its owner: read-only"),
        ("renamed", "moved", "renamed to someone-new/new-name"),
        ("gone", "suspect", "404: no such repository, or private; dead if still so after"),
        ("withheld", "suspect", "451: withheld for legal reasons"),
    ],
)
def test_the_fate_of_a_repository_is_told(
    web: Web, look: Look, owner: str, verdict: str, reason: str | None
) -> None:
    """Archived, renamed, gone and withheld, each with its reason."""
    result = look(f"https://github.com/{owner}/name", **api(web)).results[0]
    assert result.verdict == verdict
    assert (result.reason or "").startswith(reason or "")
    if verdict == "moved":
        assert result.final_url == "https://github.com/someone-new/new-name"


def test_a_repository_that_is_gone_dies_like_any_page(web: Web, look: Look) -> None:
    """Two looks a day apart."""
    url = "https://github.com/gone/name"
    look(url, **api(web))
    assert look(url, now=NOON + timedelta(days=1), **api(web)).results[0].verdict == "dead"


def test_a_name_taken_by_another_repository_is_told(web: Web, look: Look, history: History) -> None:
    """The number is remembered; another one under the same name is a warning."""
    url = "https://github.com/someone/name"
    look(url, **api(web))
    history.links[url]["repository"] = 7
    result = look(url, now=NOON + timedelta(days=8), **api(web)).results[0]
    assert result.verdict == "suspect"
    assert result.reason == "another repository has this name now (number 1004, was 7)"


def test_the_token_goes_to_the_api_and_nowhere_else(web: Web, look: Look) -> None:
    """A redirect of the API to another host is followed without the token."""
    look("https://github.com/elsewhere/name", "https://github.com/someone/name", **api(web))
    local = [seen for seen in web.seen if seen.headers["host"].startswith("127.0.0.1")]
    other = [seen for seen in web.seen if seen.headers["host"].startswith("localhost")]
    assert {seen.headers.get("authorization") for seen in local} == {f"Bearer {TOKEN}"}
    assert [seen.path for seen in other] == ["/repositories/7"]
    assert all("authorization" not in seen.headers for seen in other)


@pytest.mark.parametrize("owner", ["limited", "hostile"])
def test_where_the_api_says_nothing_the_page_is_asked(web: Web, look: Look, owner: str) -> None:
    """A used-up rate limit, or nonsense, is no verdict: the page itself is looked at."""
    result = look(f"https://github.com/{owner}/name", **api(web)).results[0]
    assert (result.verdict, result.reason) == ("suspect", "no connection: refused")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://github.com/a/b", ("a", "b", "")),
        ("https://www.github.com/a/b.git", ("a", "b", "")),
        ("https://github.com/a/b/tree/main/x?y#z", ("a", "b", "tree/main/x")),
        ("https://github.com/a", None),
        ("https://github.com/topics/video", None),
        ("https://github.com/-a/b", None),
        ("https://github.com/a/b%2F..", None),
        ("https://gist.github.com/a/b", None),
        ("https://gitlab.com/a/b", None),
    ],
)
def test_repositories_are_told_from_other_pages(
    url: str, found: tuple[str, str, str] | None
) -> None:
    """Owner, name and the rest; profiles, topics and other hosts are ordinary pages."""
    assert repository(parse(url)) == found


@pytest.mark.parametrize("url", ["http://github.com/a/b#read", "https://www.github.com/a/b#read"])
def test_old_spellings_of_a_repository_have_moved(web: Web, look: Look, url: str) -> None:
    """GitHub sends http and www to its one address for good; the fragment goes along."""
    result = look(url, **api(web)).results[0]
    assert (result.verdict, result.final_url) == ("moved", "https://github.com/a/b#read")


def test_a_used_up_limit_is_not_asked_again(web: Web, look: Look) -> None:
    """Once GitHub says that the hour's requests are used up, the pages are asked instead."""
    limited = api(web)
    look(*(f"https://github.com/limited/r{number}" for number in range(12)), **limited)
    assert 1 <= len([seen for seen in web.seen if seen.path.startswith("/repos/")]) <= 4
    assert limited["github"].closed == "GitHub's hourly limit of requests is used up"
