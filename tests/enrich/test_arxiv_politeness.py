"""How arXiv is asked: paced over processes, patient with faults, never insistent."""

import json
import os
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from kb.enrich import feed, polite
from kb.enrich.arxiv import Arxiv, Cache
from kb.enrich.feed import FeedError, RefusedError
from kb.enrich.matching import in_address, parse
from kb.enrich.polite import RequestQueue, Unreachable, retry_after
from kb.records import KBError
from tests.servers.arxiv import Server

COUNTED = (
    b'<feed xmlns="http://www.w3.org/2005/Atom"><o:totalResults'
    b' xmlns:o="http://a9.com/-/spec/opensearch/1.1/">%s</o:totalResults></feed>'
)
OLD_ERROR = (  # as the manual of 2007 has it
    b'<feed xmlns="http://www.w3.org/2005/Atom"><entry>'
    b"<id>http://arxiv.org/api/errors#incorrect_id_format_for_1</id><title>Error</title>"
    b"<summary>incorrect id format for 1</summary></entry></feed>"
)
DUAL = "1809.06181"


def client(base: Path, waits: list[float] | None = None) -> Arxiv:
    """The real client; with `waits` its sleeping is written down instead of done."""
    line = RequestQueue() if waits is None else RequestQueue(sleep=waits.append)
    return Arxiv(Cache(base / "data" / "arxiv.json"), line)


@pytest.mark.parametrize("url", ["http://[::1/", "http://a]b/\x1b[31m", "//[", "http://", "x"])
def test_an_endpoint_that_is_no_address_is_one_line(url: str) -> None:
    """What no request can be made of, before one is."""
    with pytest.raises(KBError, match="is no address to ask") as caught:
        RequestQueue(sleep=lambda _: None).get(url, {"id_list": "1"}, feed.read)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "fault", ["429", "429-date", "503", "empty", "truncated", "reset", "html", "slow", "moved"]
)
def test_a_passing_fault_is_waited_out(server: Server, base: Path, fault: str) -> None:
    """After one fault of each kind the answer is there."""
    server.state.faults.append(fault)
    arxiv = client(base, waits=[])
    arxiv.fetch([DUAL])
    found = arxiv.cache.get(DUAL)
    assert found is not None
    assert found.title.startswith("Dual Encoding")


@pytest.mark.parametrize(("fault", "least"), [("429", 1.0), ("429-date", 0.5)])
def test_a_wait_that_is_asked_for_is_kept(
    server: Server, base: Path, fault: str, least: float
) -> None:
    """Retry-After is honoured, as seconds and as a date."""
    server.state.faults.append(fault)
    waits: list[float] = []
    client(base, waits).fetch([DUAL])
    assert max(waits) >= least


def test_a_body_that_drips_cannot_hold_the_line(
    server: Server, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body sent a byte at a time is dropped when its time is over, and asked for again."""
    monkeypatch.setattr("kb.enrich.polite.TIME_LIMIT", 0.2)
    server.state.faults.append("drip")
    arxiv = client(base, waits=[])
    arxiv.fetch([DUAL])
    assert arxiv.cache.get(DUAL)
    assert len(server.state.log) == 2


@pytest.mark.parametrize("fault", ["403", "429-long", "elsewhere"])
def test_a_plea_to_stop_is_obeyed_at_once(server: Server, base: Path, fault: str) -> None:
    """A 403, a Retry-After of an hour or a way to another host ends the run after one request."""
    server.state.faults.append(fault)
    with pytest.raises(Unreachable):
        client(base, waits=[]).fetch([DUAL])
    assert len(server.state.log) == 1


def test_a_service_that_stays_down_ends_the_run(server: Server, base: Path) -> None:
    """Five attempts and no more; the error says what the last one met."""
    server.state.faults += ["503"] * 20
    with pytest.raises(Unreachable, match=r"in 5 attempts \(last: status 503\)"):
        client(base, waits=[]).fetch([DUAL])
    # One attempt may die on a busy machine before the server hears of it; none is added for that.
    assert 1 < len(server.state.log) <= 5


def test_one_malformed_identifier_does_not_cost_the_batch(server: Server, base: Path) -> None:
    """What cannot be an identifier is known as unknown without asking."""
    arxiv = client(base)
    arxiv.fetch([DUAL, "not-an-id", "2104.08860", "1907.13487"])
    assert arxiv.cache.get("not-an-id") is None
    assert all(arxiv.cache.get(base) for base in (DUAL, "2104.08860", "1907.13487"))
    assert len(server.state.log) == 1


def test_a_batch_that_arxiv_refuses_is_asked_by_halves(server: Server, base: Path) -> None:
    """Where arXiv refuses what our own check let through, only the refused one is unknown."""
    arxiv = client(base, waits=[])
    arxiv._batch([DUAL, "abc", "2104.08860", "1907.13487"])
    assert arxiv.cache.get("abc") is None
    assert all(arxiv.cache.get(base) for base in (DUAL, "2104.08860", "1907.13487"))


def test_a_batch_asks_for_as_many_results_as_identifiers(server: Server, base: Path) -> None:
    """Thirty identifiers come back whole although the default page holds ten."""
    ids = list(server.state.papers)[:30]
    arxiv = client(base)
    arxiv.fetch(ids)
    assert [base for base in ids if arxiv.cache.get(base) is None] == []
    assert len(server.state.log) == 1


def test_old_answers_are_asked_again_after_a_day(server: Server, base: Path) -> None:
    """An answer serves for 24 hours."""
    client(base).fetch([DUAL])
    later = datetime.fromtimestamp(time.time() + 25 * 3600, timezone.utc)
    Arxiv(Cache(base / "data" / "arxiv.json", later)).fetch([DUAL])
    assert len(server.state.log) == 2


def test_a_broken_cache_is_one_line(base: Path) -> None:
    """A cache that is not JSON of ours is named, with what to do."""
    (base / "data" / "arxiv.json").write_text("[1, 2")
    with pytest.raises(KBError, match=r"arxiv\.json.*delete it"):
        Cache(base / "data" / "arxiv.json")


def test_four_processes_keep_one_line(server: Server, base: Path) -> None:
    """Four processes at once: never two requests together, never closer than the interval."""
    script = (
        "import sys; from pathlib import Path; from kb.enrich.arxiv import Arxiv, Cache\n"
        "arxiv = Arxiv(Cache(Path(sys.argv[1])))\n"
        "for base in sys.argv[2:]: arxiv._batch([base])\n"
    )
    ids = ["1809.06181", "2104.08860", "1907.13487"]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(base / f"cache{n}.json"), *ids],
            env=os.environ | {"KB_ARXIV_INTERVAL": "0.2"},
        )
        for n in range(4)
    ]
    assert [process.wait(60) for process in running] == [0] * 4
    assert len(server.state.log) == 12
    assert server.state.most_active == 1
    assert min(server.state.gaps()) >= 0.2


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2",
        "[]",
        '{"papers": []}',
        '{"papers": {"1": 2}}',
        '{"papers": {"1": {"title": "T"}}}',
        '{"papers": {"1": {"fetched": 7}}}',
        '{"papers": {"1": {"fetched": "2026", "title": "T", "abstract": "x"}}}',
        '{"papers": {}, "searches": {"t": {"fetched": "2026"}}}',
        "[" * 100_000,
    ],
)
def test_a_cache_of_another_form_is_one_line(base: Path, text: str) -> None:
    """Whatever stands in the file, the answer is one line and no traceback."""
    (base / "data" / "arxiv.json").write_text(text)
    with pytest.raises(KBError, match=r"arxiv\.json.*delete it"):
        Cache(base / "data" / "arxiv.json")


def test_an_answer_without_a_usable_time_is_asked_again(server: Server, base: Path) -> None:
    """A time without its zone cannot be compared, so it is not believed."""
    row = {"fetched": "2026-01-01T00:00:00", "id": DUAL}
    (base / "data" / "arxiv.json").write_text(json.dumps({"papers": {DUAL: row}}))
    arxiv = client(base)
    arxiv.fetch([DUAL])
    assert arxiv.cache.get(DUAL)


def test_what_another_process_learned_meanwhile_is_kept(server: Server, base: Path) -> None:
    """Two processes share the file: each adds what it asked, neither undoes the other."""
    one, other = client(base), client(base)
    one.fetch([DUAL])
    other.fetch(["2104.08860"])
    held = Cache(base / "data" / "arxiv.json")
    assert held.get(DUAL)
    assert held.get("2104.08860")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", FeedError),
        (b"\xff\xfe garbage", FeedError),
        (b"<html><body>maintenance</body></html>", FeedError),
        (b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><feed>&b;</feed>', FeedError),
        (feed.ATOM.encode(), FeedError),
        (b'<?xml version="1.0" encoding="foo"?><a/>', FeedError),
        (b'<?xml version="1.0" encoding="rot13"?><a/>', FeedError),
        (COUNTED % b"many", FeedError),
        (COUNTED % b"-3", FeedError),
        (COUNTED % (b"9" * 5000), FeedError),
        (COUNTED % b"7", FeedError),
        (OLD_ERROR, RefusedError),
    ],
)
def test_what_is_no_feed_is_refused(body: bytes, error: type[Exception]) -> None:
    """Broken, foreign and booby-trapped bodies raise, and nothing is made of them."""
    with pytest.raises(error):
        feed.read(body)


def test_a_malformed_request_is_told_from_a_fault(server: Server) -> None:
    """ArXiv's error entry raises RefusedError with its reason."""
    body = RequestQueue().get(f"{server.address}/api/query", {"id_list": "abc"}, feed.read)
    with pytest.raises(RefusedError, match="incorrect id format for abc"):
        feed.read(body)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2104.08860v2", ("2104.08860", 2)),
        ("1804.02516", ("1804.02516", None)),
        ("hep-th/9901001", ("hep-th/9901001", None)),
        ("math.GT/0309136v1", ("math/0309136", 1)),
        ("1234.12345", None),
        ("2113.00001", None),
        ("cond\N{EM DASH}mat/0709123", None),
        ("abc", None),
    ],
)
def test_identifiers_follow_the_scheme_of_their_date(text: str, expected: object) -> None:
    """Four digits before 2015, five since, months 01 to 12; anything else is no identifier."""
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://arxiv.org/pdf/2104.08860v2.pdf", ("2104.08860", 2)),
        ("http://export.arxiv.org/abs/1809.06181", ("1809.06181", None)),
        ("https://arxiv.org/pdf/1709.01362", ("1709.01362", None)),
        ("https://example.org/abs/1809.06181", None),
        ("https://evil.org/?u=https://arxiv.org/abs/1809.06181", None),
    ],
)
def test_only_arxiv_addresses_carry_identifiers(url: str, expected: object) -> None:
    """The identifier of an arXiv address is found; other hosts have none."""
    assert in_address(url) == expected


def test_retry_after_in_both_forms() -> None:
    """Seconds and HTTP dates are read; nonsense is None."""
    when = datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert retry_after("7") == 7
    assert retry_after("Thu, 01 Jan 2026 00:00:30 GMT", when) == 30
    assert retry_after("soon") is None
    assert retry_after("Thu, 01 Jan 99999999999 00:00:00 GMT") is None
    assert retry_after("Thu, 01 Jan 2026 00:00:30 -0000") is None


def test_a_process_killed_with_the_line_in_its_hand_leaves_its_time(
    server: Server, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kill -9 of whoever holds the line in the middle of a request: the next waits its interval."""
    monkeypatch.setenv("KB_ARXIV_INTERVAL", "1")
    script = (
        "import sys; from pathlib import Path; from kb.enrich.arxiv import Arxiv, Cache\n"
        "Arxiv(Cache(Path(sys.argv[1]))).fetch(['1809.06181'])\n"
    )
    call = [sys.executable, "-c", script, str(base / "data" / "arxiv.json")]
    root = str(Path(__file__).resolve().parents[2])
    for _ in range(3):
        server.state.faults.append("slow")
        asked = len(server.state.log)
        with subprocess.Popen(call, env={**os.environ, "PYTHONPATH": root}) as process:
            end = time.monotonic() + 60
            while len(server.state.log) == asked and time.monotonic() < end:
                time.sleep(0.01)
            process.kill()
    client(base).fetch([DUAL])
    assert len(server.state.log) == 4
    assert min(server.state.gaps()) >= 1


@pytest.mark.parametrize("text", ["", "1", "asking", "nonsense", "nan"])
def test_a_stamp_that_is_no_time_is_waited_for_in_full(
    server: Server, base: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Half a number is no licence to hurry; the epoch is, as a machine's first boot shows."""
    monkeypatch.setenv("KB_ARXIV_INTERVAL", "5")
    waits: list[float] = []
    arxiv = client(base, waits)
    (arxiv.queue.folder / "arxiv.last").write_text(text)
    arxiv.fetch([DUAL])
    assert sum(waits) == pytest.approx(0 if text == "1" else 5, abs=0.5)


@pytest.mark.parametrize("place", ["file", "below a file"])
def test_a_cache_that_cannot_be_is_one_line(
    base: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """KB_CACHE names a file, or lies below one: one line that says so, exit code 4."""
    path = base / "cache"
    path.write_text("x")
    monkeypatch.setenv("KB_CACHE", str(path if place == "file" else path / "deeper"))
    with pytest.raises(KBError, match=r"cannot be used as a cache.*KB_CACHE") as raised:
        RequestQueue()
    assert raised.value.code == 4


def test_a_full_disk_is_one_line(
    server: Server, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the time cannot be written nothing is asked: the next process could not know."""

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(KBError, match="No space left on device"):
        client(base, waits=[]).fetch([DUAL])
    assert server.state.log == []


@pytest.mark.parametrize("location", ["http://[::1/", "//[", "http://a]b/", "http://[x/"])
def test_a_location_that_is_no_address_is_one_line(
    server: Server, base: Path, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    """ArXiv's redirect to nowhere ends in `unreachable`, never in a ValueError."""
    answers = iter([polite.Answer(302, b"", None, location)])
    monkeypatch.setattr(RequestQueue, "_paced", lambda *_: next(answers))
    with pytest.raises(Unreachable):
        client(base, waits=[]).fetch([DUAL])
