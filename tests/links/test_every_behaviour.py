"""Each way a server can behave gets the verdict that is true of it."""

from collections.abc import Iterator

import pytest

from kb.links.check import check
from kb.links.history import History
from kb.links.policy import Policy
from kb.links.sources import Found
from kb.links.verdict import Result
from tests.links.conftest import NOON, settings
from tests.servers.web import Web
from tests.servers.web_behaviours import BEHAVIOURS, NOT_LISTED

NAMES = sorted(set(BEHAVIOURS) - NOT_LISTED)


@pytest.fixture(scope="module")
def results() -> Iterator[dict[str, Result]]:
    """One run over all behaviours, each on a host of its own."""
    with Web() as web:
        urls = {web.url(name, host=f"{name}.web.test"): name for name in NAMES}
        report = check(
            [Found(url) for url in urls],
            History(None, {}),
            Policy.load(),
            settings(concurrency=len(urls)),
            now=NOON,
        )
        yield {urls[result.url]: result for result in report.results}


@pytest.mark.parametrize("name", NAMES)
def test_a_behaviour_gets_its_true_verdict(results: dict[str, Result], name: str) -> None:
    """The verdict is the one the server declares for the behaviour."""
    assert results[name].verdict.value == BEHAVIOURS[name].verdict, results[name].reason


def test_everything_that_is_not_ok_says_why(results: dict[str, Result]) -> None:
    """Every verdict but `ok` carries a reason a person can act on."""
    assert [
        name for name, result in results.items() if result.verdict != "ok" and not result.reason
    ] == []


def test_one_look_kills_nothing(results: dict[str, Result]) -> None:
    """However bad an answer, the first look never says dead."""
    assert [name for name, result in results.items() if result.verdict == "dead"] == []


def test_the_road_is_recorded(results: dict[str, Result]) -> None:
    """Each hop of a chain stands in the result with its status, and the last one is the end."""
    chain = results["301-chain"]
    assert [hop[:4] for hop in chain.redirects] == ["301 ", "308 "]
    assert chain.redirects[-1].endswith("/ok/1")
    assert chain.final_url is not None
    assert chain.final_url.endswith("/ok/1")


def test_redirects_in_a_circle_end_at_the_first_repetition(results: dict[str, Result]) -> None:
    """A loop of two pages is seen after two requests."""
    assert results["loop"].attempts == 2


def test_a_file_is_not_fetched(results: dict[str, Result]) -> None:
    """Where HEAD tells all, no GET follows."""
    assert results["file"].attempts == 1


def test_a_wall_is_not_knocked_at_again(results: dict[str, Result]) -> None:
    """A bot wall that names itself is left alone after one request."""
    assert results["cf-503"].attempts == 1


def test_a_server_that_asks_for_an_hour_is_left_alone(results: dict[str, Result]) -> None:
    """A Retry-After beyond the cap ends the asking at once."""
    assert results["429-long"].attempts == 1
