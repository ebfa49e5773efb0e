"""Hosts are asked at their own pace, and again only when and where it may help."""

import itertools
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.links.check import check
from kb.links.client import Answer, Ask
from kb.links.history import History
from kb.links.pace import Host, HostRule, Patience, retry_after, span
from kb.links.probe import MOST_HOPS, probe
from kb.links.settings import Policy
from kb.links.sources import ListedLink
from kb.links.urls import parse
from kb.links.verdict import Failure
from tests.links.conftest import NOON, Look, settings
from tests.servers.web import Web

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("1.5", 1.5),
        ("1m30s", 90),
        ("2h", 7200),
        ("7d", 604800),
        ("250ms", 0.25),
        ("0", 0),
        ("1h 5m", 3900),
        ("soon", None),
        ("", None),
        ("-3", None),
        ("1m?", None),
    ],
)
def test_spans_are_read(text: str, seconds: float | None) -> None:
    """Seconds, and sums of units; anything else is nothing."""
    assert span(text) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120),
        ({"retry-after": "1m30s"}, 90),
        ({"retry-after": "Mon, 04 May 2026 12:00:45 GMT"}, 45),
        ({"retry-after": "Mon, 04 May 2026 11:00:00 GMT"}, 0),
        ({"retry-after": "in a while"}, None),
        ({"ratelimit-reset": "30"}, 30),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 75)}, 75),
        ({}, None),
    ],
)
def test_the_moment_to_come_back_is_read(headers: dict[str, str], seconds: float | None) -> None:
    """Retry-After in its three forms, and the reset of the rate limit headers."""
    assert retry_after(headers, NOW) == seconds


def test_waits_double_and_are_jittered() -> None:
    """0.3, 0.6 and 1.2 seconds, each between half of that and the whole; then no more."""
    answer = Answer(status=503)
    low, high = Patience(draw=lambda: 0.0), Patience(draw=lambda: 1.0)
    assert [low.wait(answer, retry) for retry in range(3)] == pytest.approx([0.15, 0.3, 0.6])
    assert [high.wait(answer, retry) for retry in range(3)] == pytest.approx([0.3, 0.6, 1.2])
    assert high.wait(answer, 3) is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 999])
def test_settled_answers_are_not_asked_again(status: int) -> None:
    """Only what may change in a moment is tried again."""
    assert Patience().wait(Answer(status=status), 0) is None


@pytest.mark.parametrize("failure", [Failure.NO_NAME, Failure.REFUSED, Failure.TLS])
def test_settled_failures_are_not_asked_again(failure: Failure) -> None:
    """A name that does not exist, or a bad certificate, does not fix itself in a second."""
    assert Patience().wait(Answer(failure=failure), 0) is None


def test_a_server_is_waited_for_up_to_a_minute() -> None:
    """What the server asks for is kept to; beyond the cap the link is given up, not hammered."""
    asked = Answer(status=429, headers={"retry-after": "60"})
    too_long = Answer(status=429, headers={"retry-after": "61"})
    assert (Patience().wait(asked, 0), Patience().wait(too_long, 0)) == (60, None)


def test_a_conversation_can_be_held_by_hand() -> None:
    """HEAD, then GET where HEAD is refused, then a wait before the retry."""
    target = parse("http://a.test/x")
    talk = probe(target, HostRule(), Patience(first=0.5, draw=lambda: 0.5))
    assert next(talk) == Ask("HEAD", target)
    assert talk.send(Answer(status=405)) == Ask("GET", target)
    assert talk.send(Answer(status=503)) == Ask("GET", target, after=0.375, ranged=False)
    with pytest.raises(StopIteration) as stop:
        talk.send(Answer(status=200, headers={"content-type": "text/html"}, body=b"<p>"))
    assert (stop.value.value.verdict, stop.value.value.attempts) == ("ok", 3)


def test_hosts_that_answer_head_wrongly_get_get_at_once() -> None:
    """A rule of the policy saves the request that is known to be in vain."""
    assert next(probe(parse("http://a.test/"), HostRule(get=True), Patience())).method == "GET"


def test_redirects_are_followed_so_far_and_no_farther(web: Web, look: Look) -> None:
    """A chain without end costs a fixed number of requests."""
    result = look(web.url("endless", item="0")).results[0]
    assert (result.verdict, result.attempts) == (
        "suspect",
        MOST_HOPS + 2,
    )  # HEAD and GET of the first


def test_no_more_requests_at_once_than_allowed(history: History) -> None:
    """Forty links of one host under a rule of two: the server never sees three."""
    with Web(latency=0.02) as web:
        links = [ListedLink(web.url("ok", item=str(number))) for number in range(40)]
        policy = Policy({"default": HostRule(concurrency=2)}, [])
        report = check(links, history, policy, settings(concurrency=32), now=NOON)
        assert {result.verdict.value for result in report.results} == {"ok"}
        assert web.most_at_once <= 2
        assert web.connections <= 4  # kept alive, not made anew


def test_requests_keep_their_distance(history: History) -> None:
    """Under an interval no two requests start closer together than it says."""
    with Web() as web:
        links = [ListedLink(web.url("file", item=str(number))) for number in range(6)]
        policy = Policy({"default": HostRule(concurrency=4, interval=0.1)}, [])
        check(links, history, policy, settings(), now=NOON)
        moments = [seen.at for seen in web.seen]
        gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
        assert len(gaps) == 5
        assert sum(gaps) >= 0.45  # 5 intervals, less what one request takes longer than another


def test_a_host_that_limits_rests(web: Web, look: Look) -> None:
    """After a 429 with Retry-After nothing is asked of that host before its time."""
    look(web.url("429-seconds"), *(web.url("ok", item=str(number)) for number in range(20)))
    limited = next(seen.at for seen in web.seen if "429" in seen.path)
    resumed = [seen.at for seen in web.seen if seen.at > limited + 0.3]
    assert resumed
    assert min(resumed) - limited > 0.9


@pytest.mark.parametrize(
    ("status", "after", "rest"),
    [(429, "7", 7), (503, "7", 7), (503, "3600", 0), (429, "3600", 0.5), (500, "7", 0)],
)
def test_a_host_is_left_alone_as_long_as_it_asks(status: int, after: str, rest: float) -> None:
    """Retry-After with 429 and 503 holds for the whole host, up to the cap."""
    host = Host("a.test", HostRule())
    host.start(0.0)
    host.done(Answer(status=status, headers={"retry-after": after}), 0.0)
    assert host.ready == rest


def test_backing_off_doubles_and_one_good_answer_ends_it() -> None:
    """429 without a time: 0.5, 1, 2 ... 30 seconds of rest; from the third 5xx on 0.2 more each."""
    host = Host("a.test", HostRule())
    rests = []
    now = 0.0
    for _ in range(8):
        host.start(now)
        host.done(Answer(status=429), now)
        rests.append(host.ready - now)
        now = host.ready
    assert rests == [0.5, 1, 2, 4, 8, 16, 30, 30]
    for expected in (0, 0, 0.2, 0.4, 0.6):
        host.start(now)
        host.done(Answer(status=502), now)
        assert host.delay == pytest.approx(expected)
    host.start(now)
    host.done(Answer(status=200), now)
    assert (host.delay, host.rest, host.running) == (0, 0, 0)


def test_two_parts_of_a_page_are_one_question(web: Web, look: Look) -> None:
    """Addresses that differ in their fragment share the requests, and each keeps its own."""
    url = web.url("301")
    one, two = look(f"{url}#one", f"{url}#two").results
    assert (one.final_url, two.final_url) == (web.url("ok") + "#one", web.url("ok") + "#two")
    assert [seen.method for seen in web.asked("/301/1")] == ["HEAD", "GET"]


def test_what_may_take_long_is_asked_first(history: History) -> None:
    """A fault is asked again at once, a page that is there only after all others had their HEAD."""
    with Web() as web:
        links = [
            ListedLink(web.url(name, "x")) for name in ("ok", "404", "500", "file", "soft-404")
        ]
        check(
            links, history, Policy({"default": HostRule(concurrency=1)}, []), settings(), now=NOON
        )
        order = [(seen.method, seen.path.split("/")[1]) for seen in web.seen]
        assert order[:4] == [("HEAD", "ok"), ("HEAD", "404"), ("HEAD", "500"), ("GET", "500")]
        assert order.index(("GET", "ok")) > order.index(("HEAD", "soft-404"))


@given(
    st.dictionaries(
        st.sampled_from(["retry-after", "ratelimit-reset", "x-ratelimit-reset"]),
        st.one_of(
            st.text(max_size=40), st.from_regex(r"[A-Z][a-z]{2}, \d+ May \d+ \d+:\d+:\d+ .*")
        ),
    )
)
def test_any_answer_to_come_back_later_is_borne(headers: dict[str, str]) -> None:
    """No header whatever brings anything but a number of seconds or nothing."""
    seconds = retry_after(headers, NOW)
    assert seconds is None or seconds >= 0
