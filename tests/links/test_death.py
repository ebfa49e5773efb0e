"""`dead` takes two looks a day apart."""

from datetime import timedelta

import pytest

from kb.links.history import History
from tests.links.conftest import NOON, Look
from tests.servers.web import Web

DAY = timedelta(hours=24)


@pytest.mark.parametrize("name", ["404", "410", "301-404"])
def test_gone_twice_a_day_apart_is_dead(web: Web, look: Look, name: str) -> None:
    """The first look suspects, one an hour later too, the one a day later is sure."""
    url = web.url(name)
    verdicts = [
        look(url, now=NOON + later).results[0].verdict.value
        for later in (timedelta(0), timedelta(hours=1), DAY)
    ]
    assert verdicts == ["suspect", "suspect", "dead"]


def test_a_name_that_is_gone_twice_is_dead(look: Look) -> None:
    """A host that does not exist counts as gone."""
    url = "http://absent.web.test/page"
    first, second = look(url).results[0], look(url, now=NOON + DAY).results[0]
    assert (first.verdict, second.verdict) == ("suspect", "dead")
    assert first.reason is not None
    assert "dead if still so after 2026-05-05" in first.reason


@pytest.mark.parametrize("name", ["500", "403", "reset", "soft-404", "loop", "451"])
def test_other_faults_never_kill(web: Web, look: Look, name: str) -> None:
    """Faults, walls and suspicions stay what they are however often they are seen."""
    verdicts = {
        look(web.url(name), now=NOON + days * DAY, max_age=timedelta(0)).results[0].verdict.value
        for days in range(4)
    }
    assert "dead" not in verdicts
    assert len(verdicts) == 1


def test_one_good_look_between_starts_anew(web: Web, look: Look) -> None:
    """A page that came back and goes again is not dead at once."""
    url = web.url("comes-and-goes")
    verdicts = [
        look(url, now=NOON + days * DAY, max_age=timedelta(0)).results[0].verdict.value
        for days in range(4)
    ]
    assert verdicts == ["suspect", "ok", "suspect", "dead"]


def test_a_timeout_between_does_not_reprieve(web: Web, look: Look, history: History) -> None:
    """Only a good look clears what was seen; an outage says nothing."""
    url = web.url("404")
    look(url)
    assert history.path is not None
    known = History.load(history.path).links[url]
    assert known["gone_since"] == "2026-05-04T12:00:00Z"
    other = web.url("503-forever")
    history.links[other] = history.links.pop(url)
    assert look(other, now=NOON + timedelta(hours=2)).results[0].verdict == "suspect"
    assert history.links[other]["gone_since"] == known["gone_since"]


def test_the_dead_get_a_snapshot(web: Web, look: Look) -> None:
    """The archive is asked once for what is gone, and its answer kept."""
    endpoint = web.url("", item="").rstrip("/")
    url = web.url("404", item="page?x=1")
    first = look(url, archive=endpoint).results[0]
    assert first.archive == f"{endpoint}/web/20200102030405/{url}"
    again = look(url, archive=endpoint, now=NOON + DAY).results[0]
    assert (again.verdict, again.archive) == ("dead", first.archive)
    assert len([seen for seen in web.seen if seen.path.startswith("/web/")]) == 1


def test_no_snapshot_is_no_snapshot(web: Web, look: Look) -> None:
    """Where the archive has nothing, nothing is made up."""
    url = web.url("404", item="never-saved")
    assert look(url, archive=web.url("", item="").rstrip("/")).results[0].archive is None


def test_nobody_outside_hears_of_a_private_address(web: Web, look: Look) -> None:
    """The public archive is never asked for an address of this machine."""
    asked: list[str] = []

    def names(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    look(web.url("404"), archive="https://web.archive.org", resolver=names)
    assert set(asked) == {"127.0.0.1"}
