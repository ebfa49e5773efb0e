"""What was found is kept: through Ctrl-C, beside another process, and over time."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep

import pytest

from kb.links.history import KEPT, History
from kb.links.verdict import Result, Verdict
from tests.links.conftest import NOON, Look
from tests.servers.web import Web

ROOT = Path(__file__).parents[2]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """An empty knowledge base."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "papers.yaml").write_text("papers: []\n")
    return tmp_path


def start(base: Path, name: str, urls: list[str]) -> subprocess.Popen[str]:
    """`kb links` over some addresses, as a process of its own."""
    listed = base / name
    listed.write_text("".join(f"- [x]({url})\n" for url in urls))
    command = [sys.executable, "-m", "kb", "links", "--file", str(listed), "-C", str(base)]
    return subprocess.Popen(
        [*command, "--allow-private", "--json", "--timeout", "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "KB_WAYBACK": ""},
    )


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for something that happens in another process."""
    end = monotonic() + 60
    while not true() and monotonic() < end:
        sleep(0.05)
    assert true()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_what_is_done(base: Path, web: Web, sign: signal.Signals) -> None:
    """The links that were looked at are printed and remembered; the others are skipped."""
    good = [web.url("file", str(number)) for number in range(5)]
    silent = web.url("silent")
    with start(base, "list.md", [*good, silent]) as process:
        wait_until(lambda: len(web.seen) == 6)
        sleep(0.5)  # the last answers reach the checker
        process.send_signal(sign)
        out, err = process.communicate(timeout=60)
    rows = {row["url"]: row for row in json.loads(out)["results"]}
    assert {rows[url]["verdict"] for url in good} == {"ok"}
    assert (rows[silent]["verdict"], rows[silent]["reason"]) == ("skipped", "interrupted")
    assert process.returncode == 130
    assert "interrupted; finished work is saved" in err
    assert sorted(json.loads((base / "data" / "links.json").read_text())["links"]) == sorted(good)


@pytest.mark.parametrize("kills", [4])
def test_a_run_killed_at_any_moment_leaves_a_whole_history(
    base: Path, web: Web, kills: int
) -> None:
    """Kill -9 while links are asked and while verdicts are written: no verdict before is lost."""
    before: set[str] = set()
    path = base / "data" / "links.json"
    for number in range(kills):
        urls = [web.url("file", f"{number}-{item}") for item in range(20)]
        with start(base, "list.md", urls) as process:
            wait_until(lambda number=number: len(web.seen) > 20 * number)  # type: ignore[misc]
            sleep(0.05 * number)
            process.kill()
        after = set(History.load(path).links)
        assert before <= after
        before = after
    listed = [web.url("file", f"last-{item}") for item in range(5)]
    with start(base, "list.md", listed) as process:
        process.communicate(timeout=120)
    assert set(History.load(path).links) >= before | set(listed)


def test_verdicts_are_written_while_the_run_goes_on(
    base: Path, web: Web, monkeypatch: pytest.MonkeyPatch, history: History, look: Look
) -> None:
    """Before a slow link ends the verdicts on the others stand in the file, each look once."""
    from kb.links import check  # noqa: PLC0415

    monkeypatch.setattr(check, "CHECKPOINT", 0.0)
    written: list[set[str]] = []
    save = History.save

    def noted(self: History, touched: set[str]) -> None:
        save(self, touched)
        written.append(set(touched))

    monkeypatch.setattr(History, "save", noted)
    urls = [web.url("file"), web.url("404"), web.url("301"), web.url("silent")]
    look(*urls, concurrency=1)
    assert len(written) == len(urls) + 1
    assert len(written[0]) == 1
    assert history.path is not None
    known = History.load(history.path).links
    assert {len(entry["history"]) for entry in known.values()} == {1}
    assert "gone_since" in known[web.url("404")]


def test_two_processes_at_once_do_no_harm(base: Path, web: Web) -> None:
    """Four runs over four lists end with a history that holds all of them."""
    lists = {
        f"{part}.md": [web.url("file", f"{part}-{number}") for number in range(25)]
        for part in range(4)
    }
    processes = [start(base, name, urls) for name, urls in lists.items()]
    for process in processes:
        process.communicate(timeout=120)
    kept = History.load(base / "data" / "links.json").links
    assert sorted(kept) == sorted(url for urls in lists.values() for url in urls)


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    """Each saves its own finding into the file that all read before: every one is there."""
    path = tmp_path / "links.json"

    def write(number: int) -> None:
        history = History(path, {})
        url = f"http://a.test/{number}"
        history.note(Result(url, Verdict.OK, status=200), NOON)
        history.save({url})

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(64)))
    assert len(History.load(path).links) == 64


@pytest.mark.parametrize(
    ("verdict", "believed"),
    [("ok", 7), ("moved", 3), ("redirected", 3), ("blocked", 3), ("suspect", 0), ("dead", 0)],
)
def test_findings_are_believed_for_a_while(verdict: str, believed: int) -> None:
    """What is good for seven days, redirects and walls for three, failures not at all."""
    history = History(None, {})
    history.note(Result("http://a.test/", Verdict(verdict), status=200), NOON)
    week = timedelta(days=7)
    days = [
        day
        for day in range(9)
        if history.fresh("http://a.test/", NOON + timedelta(days=day, hours=-1 if day else 0), week)
    ]
    assert days == list(range(believed + 1 if believed else 0))


def test_a_finding_from_the_future_is_not_believed() -> None:
    """A clock that was wrong does not keep a link from being looked at."""
    history = History(None, {})
    history.note(Result("http://a.test/", Verdict.OK), NOON + timedelta(days=400))
    assert history.fresh("http://a.test/", NOON, timedelta(days=7)) is None


def test_the_past_is_kept_but_not_for_ever() -> None:
    """The last looks are remembered, with the last good one."""
    history = History(None, {})
    for day in range(20):
        verdict = Verdict.SUSPECT if day > 10 else Verdict.OK
        history.note(Result("http://a.test/", verdict, status=200), NOON + timedelta(days=day))
    entry = history.links["http://a.test/"]
    assert len(entry["history"]) == KEPT
    assert entry["last_good"] == "2026-05-14T12:00:00Z"
    assert entry["history"][-1] == ["2026-05-23T12:00:00Z", "suspect", 200]


def test_the_file_is_stable(web: Web, look: Look, history: History) -> None:
    """Addresses are sorted and what is unchanged is not written again."""
    look(web.url("ok", "b"), web.url("ok", "a"))
    assert history.path is not None
    first = history.path.read_bytes()
    assert list(json.loads(first)["links"]) == [web.url("ok", "a"), web.url("ok", "b")]
    look(web.url("ok", "a"), past=History.load(history.path))
    assert history.path.read_bytes() == first


def test_a_fault_of_ours_is_the_verdict_of_its_link(
    web: Web, look: Look, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error nobody foresaw ends no run: that link says so, the others have their verdicts."""
    from kb.links import probe  # noqa: PLC0415

    def faulty(*_: object) -> None:
        raise ZeroDivisionError("by_status")

    good, bad = web.url("file"), web.url("404")
    monkeypatch.setattr(probe, "by_status", faulty)
    rows = {row.url: row for row in look(good, bad, concurrency=1, faulty=True).results}
    assert rows[good].verdict == "ok"
    assert (rows[bad].verdict, rows[bad].gone) == ("suspect", False)
    assert rows[bad].reason == "could not be judged (ZeroDivisionError: by_status)"
    assert history.path is not None
    assert set(History.load(history.path).links) == {good, bad}
