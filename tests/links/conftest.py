"""A local web for each test, and checks that run against it in milliseconds."""

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from kb.links.check import LinkReport, check
from kb.links.guard import NoSuchNameError, system_resolver
from kb.links.history import History
from kb.links.pace import Patience
from kb.links.settings import Policy, Settings
from kb.links.sources import ListedLink
from kb.links.verdict import Failure
from tests.servers.web import Web

# A busy machine is no fault of the code.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=timezone.utc)
QUICK = Patience(retries=2, first=0.01)


def names(host: str, _port: int) -> list[str]:
    """A name service of our own: *.web.test is this machine, absent.web.test is nowhere."""
    if host in {"127.0.0.1", "localhost"} or host.endswith(".web.test"):
        if host.startswith("absent"):
            raise NoSuchNameError(f"no host is called {host}")
        return ["127.0.0.1"]
    if host in {"iana.org", "icann.org", "ietf.org"}:  # the network is there
        return ["192.0.43.8"]
    return system_resolver(host, 80)  # a number or *.invalid: nobody has to be asked


def settings(**own: Any) -> Settings:
    """Settings for a local web: nobody outside is asked, no wait is long."""
    usual: dict[str, Any] = {
        "allow_private": True,
        "archive": None,
        "github": None,
        "patience": QUICK,
        "resolver": names,
        "timeout": 1.0,
    }
    return Settings(**(usual | own))


@pytest.fixture
def web() -> Iterator[Web]:
    """A local web that shows every behaviour."""
    with Web() as server:
        yield server


@pytest.fixture
def history(tmp_path: Path) -> History:
    """A history file that does not exist yet."""
    return History.load(tmp_path / "links.json")


Look = Callable[..., LinkReport]


@pytest.fixture
def look(history: History) -> Look:
    """Check some addresses: `look(url, ..., now=NOON, **settings)`; no fault of ours passes."""

    def run(
        *urls: str,
        now: datetime = NOON,
        past: History | None = None,
        faulty: bool = False,
        **own: Any,
    ) -> LinkReport:
        links = [ListedLink(url) for url in urls]
        report = check(links, past or history, Policy.load(), settings(**own), now=now)
        if not faulty:
            assert [row for row in report.results if row.failure is Failure.FAULT] == []
        return report

    return run
