"""Each way a server can behave, and each address that should not be asked, gets its true verdict.

The server is the one that is started by hand, and the links are those of its own list.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest

from kb.links.check import check
from kb.links.history import History
from kb.links.settings import Policy
from kb.links.sources import ListedLink, scan
from kb.links.verdict import Result
from tests.links.conftest import NOON, names, settings
from tests.servers.web_addresses import ADDRESSES
from tests.servers.web_apis import BEHAVIOURS
from tests.servers.web_behaviours import NOT_LISTED

ROOT = Path(__file__).parents[2]
NAMES = sorted((set(BEHAVIOURS) - NOT_LISTED) | set(ADDRESSES))
LATER = {name: (BEHAVIOURS | ADDRESSES)[name].later for name in NAMES}


@contextmanager
def by_hand(authority: Path) -> Iterator[str]:
    """Start the server as its help says; the address of its list."""
    command = [sys.executable, "-m", "tests.servers.web", "--port", "0", "--ca", str(authority)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().removeprefix("serving ").partition(";")[0]
        finally:
            server.terminate()


@dataclass(frozen=True)
class Walk:
    """What was found on the walk, by the name of the behaviour."""

    first: dict[str, Result]
    later: dict[str, Result]
    listed: dict[str, str]  # the verdict that the list itself gives


def own_host(url: str, name: str, place: str) -> str:
    """The same address under a host name of its own, so that no fault slows another's host."""
    return url.replace(place, place.replace("127.0.0.1", f"{name}.web.test"))


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """Two looks at everything in the list, a day apart."""
    folder = tmp_path_factory.mktemp("walk")
    with by_hand(folder / "ca.pem") as address:
        place = address.removesuffix("/list.md")
        with urlopen(address) as answer:
            text = answer.read().decode()
        said = dict(zip(
            (line.rpartition("[[")[2].partition("]")[0] for line in text.split("\n") if "[[" in line),
            (line.split("`")[1].strip("[]") for line in text.split("\n") if "[[" in line),
            strict=True,
        ))  # fmt: skip
        urls = {own_host(seen.url, seen.kind or "", place): seen.kind or "" for seen in scan(text)}
        history = History.load(folder / "links.json")
        usual = settings(concurrency=32, timeout=3.0, ca_file=str(folder / "ca.pem"))
        links = [ListedLink(url) for url in urls]
        first, later = (
            {
                urls[result.url]: result
                for result in check(links, history, Policy.load(), usual, now=moment).results
            }
            for moment in (NOON, NOON + timedelta(hours=24))
        )
    return Walk(first, later, said)


def test_the_list_holds_every_behaviour(walk: Walk) -> None:
    """Nothing the server can do is left out of the walk."""
    assert sorted(walk.listed) == NAMES
    assert sorted(walk.first) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_behaviour_gets_its_true_verdict(walk: Walk, name: str) -> None:
    """The verdict is the one the server declares for the behaviour."""
    found = walk.first[name]
    assert found.verdict.value == (BEHAVIOURS | ADDRESSES)[name].verdict, found.reason
    assert walk.listed[name] == found.verdict.value


def test_a_day_later_the_gone_are_dead_and_nobody_else(walk: Walk) -> None:
    """404, 410 and names that do not exist die at the second look; walls and faults never do."""
    dead = {name for name, result in walk.later.items() if result.verdict == "dead"}
    assert dead == {name for name, verdict in LATER.items() if verdict == "dead"}


def test_everything_that_is_not_ok_says_why(walk: Walk) -> None:
    """Every verdict but `ok` carries a reason a person can act on."""
    results = walk.first.items()
    assert [n for n, result in results if result.verdict != "ok" and not result.reason] == []


def test_one_look_kills_nothing(walk: Walk) -> None:
    """However bad an answer, the first look never says dead."""
    assert [name for name, result in walk.first.items() if result.verdict == "dead"] == []


def test_the_road_is_recorded(walk: Walk) -> None:
    """Each hop of a chain stands in the result with its status, and the last one is the end."""
    chain = walk.first["301-chain"]
    assert [hop[:4] for hop in chain.redirects] == ["301 ", "308 "]
    assert chain.redirects[-1].endswith("/ok/1")
    assert chain.final_url is not None
    assert chain.final_url.endswith("/ok/1")


def test_redirects_in_a_circle_end_at_the_first_repetition(walk: Walk) -> None:
    """A loop of two pages is seen once each was asked by GET."""
    assert walk.first["loop"].attempts == 3


def test_a_file_is_not_fetched(walk: Walk) -> None:
    """Where HEAD tells all, no GET follows."""
    assert walk.first["file"].attempts == 1


def test_a_wall_is_not_knocked_at_again(walk: Walk) -> None:
    """A bot wall that names itself is left alone after one request."""
    assert walk.first["cf-503"].attempts == 1


def test_a_server_that_asks_for_an_hour_is_left_alone(walk: Walk) -> None:
    """A Retry-After beyond the cap ends the asking at once."""
    assert walk.first["429-long"].attempts == 1


def test_what_is_refused_was_never_asked(walk: Walk) -> None:
    """An address that may not be asked costs no request, or one attempt that opened nothing."""
    refused = [name for name in ADDRESSES if ADDRESSES[name].verdict == "refused"]
    assert {walk.first[name].status for name in refused} == {None}


def test_the_names_of_the_walk_are_this_machine() -> None:
    """No name of the walk leaves this machine."""
    assert names("any.web.test", 80) == ["127.0.0.1"]
