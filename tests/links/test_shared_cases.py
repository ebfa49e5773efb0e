"""The reported cases of links: each list and its server as they were handed in, with the right verdict."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from time import monotonic, process_time, sleep

import pytest

from kb.links.check import check
from kb.links.history import History
from kb.links.settings import Policy, Skip, glob
from kb.links.sources import in_file
from kb.links.verdict import Result
from tests.links.conftest import NOON, settings

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not CASES.is_dir(), reason="no reference material beside the checkout"),
]


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def serving(code: str, *arguments: str, port: int) -> Iterator[None]:
    """A server given as Python source, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            end = monotonic() + 30
            while monotonic() < end:
                with closing(socket.socket()) as sock:
                    if sock.connect_ex(("127.0.0.1", port)) == 0:
                        break
                sleep(0.05)
            yield
        finally:
            server.kill()


def looked_at(text: str, folder: Path, **own: object) -> dict[str, Result]:
    """The results for a list, by the last part of the address."""
    path = folder / "list.md"
    path.write_text(text, encoding="utf-8")
    history = History.load(folder / "links.json")
    report = check(in_file(path), history, Policy.load(), settings(**own), now=NOON)
    return {row.url.rpartition("/")[2]: row for row in report.results}


def test_the_listed_servers_get_their_verdicts(tmp_path: Path) -> None:
    """HEAD sent elsewhere, cookies, refresh, entities, early hints, ranges, Chinese soft 404."""
    port = free_port()
    text = (CASES / "lists" / "K1-links.md").read_text(encoding="utf-8")
    code = (CASES / "lists" / "K0-server.py").read_text(encoding="utf-8")
    with serving(code, str(port), port=port):
        rows = looked_at(text.replace("18081", str(port)), tmp_path)
        asked = looked_at(text.replace("18081", str(port)), tmp_path, fragments=True)
    assert {name: row.verdict.value for name, row in rows.items()} == {
        "headredirect": "ok",
        "cookie": "ok",
        "metarefresh": "suspect",
        "q?a=1&b=2": "ok",
        "early": "ok",
        "range403": "ok",
        "range501": "ok",
        "frag#missing": "ok",
        "softzh": "suspect",
    }
    assert asked["frag#missing"].verdict == "suspect"
    assert asked["frag#missing"].reason == "the page has no anchor #missing"


@pytest.mark.parametrize(
    "location",
    ["http://[::1/", "//[", "http://a]b/", "http://a.test/\\udc80", "http://[x", "[", "//"],
)
def test_a_bad_location_is_the_verdict_of_its_own_link(tmp_path: Path, location: str) -> None:
    """The server that ended every run with `unexpected ValueError`, with neighbours."""
    port, other = free_port(), free_port()
    code = (CASES / "hostile" / "links" / "bad_location_server.py").read_text(encoding="utf-8")
    code = code.replace("18731", str(port)).replace("http://[::1/", location)
    text = (CASES / "hostile" / "links" / "bad_location.md").read_text(encoding="utf-8")
    text = text.replace("18731", str(port)) + f"* [b](http://127.0.0.1:{other}/closed)\n"
    with serving(code, port=port):
        rows = looked_at(text, tmp_path)
    assert rows["r_badv6"].verdict == "suspect"
    assert rows["closed"].reason == "no connection: refused"
    known = History.load(tmp_path / "links.json").links
    assert len(known) == 2


def test_the_hostile_exclude_is_matched_at_once() -> None:
    """The pattern that cost twenty seconds of processor time."""
    text = (CASES / "hostile" / "links" / "links-policy.yaml").read_text(encoding="utf-8")
    pattern = text.partition('url: "')[2].partition('"')[0]
    begun = process_time()
    assert not Skip(pattern, "x").matches("http://" + "a" * 4000, date(2026, 1, 1))
    assert not glob("*a" * 2000 + "z", "a" * 4000)
    assert process_time() - begun < 1
