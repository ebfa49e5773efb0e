"""Whatever servers answer, a conversation ends, asks only what may be asked, and kills nothing."""

import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.links import wire
from kb.links.check import workers
from kb.links.client import Answer
from kb.links.pace import HostRule, Patience
from kb.links.probe import MOST_HOPS, Probe, probe
from kb.links.services import API, probe_repository
from kb.links.urls import parse
from kb.links.verdict import Failure, Result, Verdict

PATIENCE = Patience()
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "location",
            "retry-after",
            "content-type",
            "content-length",
            "cf-mitigated",
            "x-ratelimit-remaining",
            "x-amzn-waf-action",
        ]
    ),
    st.one_of(
        st.sampled_from(["/", "/x", "http://b.test/y", "text/html", "0", "60", "\x1b[2J", "//"]),
        st.text(max_size=30),
    ),
)
BODIES = st.one_of(
    st.sampled_from([b"", b"<title>404</title>", b'{"id": 1, "full_name": "c/d"}', b"[]", b"{}"]),
    st.binary(max_size=60),
)
ANSWERS = st.one_of(
    st.builds(Answer, failure=st.sampled_from(Failure), detail=st.text(max_size=20)),
    st.builds(Answer, status=st.integers(100, 999), headers=HEADERS, body=BODIES),
    st.builds(
        Answer,
        status=st.sampled_from([200, 301, 302, 308, 404, 416, 429, 503]),
        headers=HEADERS,
        body=BODIES,
    ),
)
MOST = (MOST_HOPS + 1) * (2 + 1 + PATIENCE.retries) + 4  # HEAD, GET, GET without range, retries


def hold(talk: Probe, answers: list[Answer]) -> Result:
    """Hold a conversation with these answers, in turn and from the start again."""
    ask, count = next(talk), 0
    try:
        while True:
            assert ask.target.scheme in {"http", "https"}
            assert ask.target.url.isascii()
            assert 0 <= ask.after <= PATIENCE.longest
            assert count < MOST
            ask = talk.send(answers[count % len(answers)])
            count += 1
    except StopIteration as stop:
        result: Result = stop.value
        return result


@given(st.lists(ANSWERS, min_size=1, max_size=8))
def test_a_conversation_ends_with_a_verdict(answers: list[Answer]) -> None:
    """No sequence of answers raises, goes on for ever, or makes a link dead in one look."""
    result = hold(probe(parse("http://a.test/x"), HostRule(), PATIENCE), answers)
    assert result.verdict is not Verdict.DEAD
    assert result.reason is None or result.reason.isprintable()
    assert result.verdict is Verdict.OK or result.reason


@given(st.lists(ANSWERS, min_size=1, max_size=8))
def test_so_does_one_about_a_repository(answers: list[Answer]) -> None:
    """Whatever GitHub's API answers."""
    target = parse("https://github.com/a/b")
    result = hold(
        probe_repository(target, API("https://api.test", "token"), HostRule(), PATIENCE, 7), answers
    )
    assert result.verdict is not Verdict.DEAD
    assert result.reason is None or result.reason.isprintable()


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "got"),
    [(256, 256, 100, 38), (256, 10_000, 100, 100), (1024, 1024, 512, 192), (70, 70, 100, 1)],
)
def test_no_more_connections_than_the_system_allows(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, wanted: int, got: int
) -> None:
    """The soft limit of open files is raised where it can be; else fewer are asked at once."""
    limits = [soft, hard]

    def set_limit(_what: int, wanted_limits: tuple[int, int]) -> None:
        limits[:] = wanted_limits

    monkeypatch.setattr(wire.resource, "getrlimit", lambda _what: tuple(limits))
    monkeypatch.setattr(resource, "setrlimit", set_limit)
    assert workers(wanted) == got
    assert limits[1] == hard
