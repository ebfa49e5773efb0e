"""What the half with the token does where GitHub refuses, fails or leads elsewhere."""

from pathlib import Path

import pytest

from kb.bot.github import Client
from kb.records import KBError
from kb.records.errors import Exit
from tests.bot.posting import bodies, placeholder, report, send
from tests.servers.github import TOKEN, Server


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("pulls/list", "502"),
        ("pulls/list-files", "429"),
        ("issues/list-comments", "429"),
        ("issues/create-comment", "429"),
        ("pulls/create-review", "429"),
        ("issues/add-labels", "429"),
    ],
)
def test_a_passing_refusal_is_waited_out(
    pull: Server, tmp_path: Path, operation: str, fault: str
) -> None:
    """Retry-After and a tired server: asked again, and done once."""
    pull.script[operation] = [fault]
    send(pull, tmp_path, report(placeholder()))
    assert (len(bodies(pull)), len(pull.state.reviews[7])) == (1, 1)
    assert pull.state.labels[7] == ["kb:needs-fix"]


@pytest.mark.parametrize("fault", ["403", "404", "422", "403-limit", "429-long", "502"])
def test_a_comment_that_may_not_be_written_is_one_line(
    pull: Server, tmp_path: Path, fault: str
) -> None:
    """Rights, limits and refusals end in exit code 4 with what to do; no second comment is tried."""
    pull.script["issues/create-comment"] = [fault] * 9
    with pytest.raises(KBError) as raised:
        send(pull, tmp_path, report(placeholder()))
    assert raised.value.code == Exit.UNREACHABLE
    assert "\n" not in str(raised.value)
    assert pull.writes().count("issues/create-comment") == 1


def test_a_refused_review_or_label_does_not_cost_the_comment(pull: Server, tmp_path: Path) -> None:
    """422 for the suggestions and 403 for the labels: the comment stands, the rest is said."""
    pull.script["pulls/create-review"] = ["422"]
    pull.script["issues/add-labels"] = ["403"]
    done = send(pull, tmp_path, report(placeholder()))
    assert len(bodies(pull)) == 1
    assert "suggestions were left out (422" in done[1]
    assert "labels were left alone (403: Resource not accessible by integration" in done[2]


def test_a_list_without_end_is_refused(pull: Server, tmp_path: Path) -> None:
    """Half of a list of comments would hide ours: nothing is posted twice."""
    pull.largest_page = 1
    pull.state.comments[7] = [{"id": n, "user": {"id": 1}, "body": "hm"} for n in range(150)]
    with pytest.raises(KBError, match="more than 100 pages"):
        send(pull, tmp_path, report(placeholder()))
    assert pull.writes() == []


def test_pages_on_another_host_are_not_asked_for(pull: Server, tmp_path: Path) -> None:
    """A Link header cannot send the token elsewhere."""
    pull.largest_page = 1
    pull.state.files[7] += [{"filename": "more"}]
    pull.next_origin = "http://localhost:9"
    with pytest.raises(KBError, match="another host"):
        send(pull, tmp_path, report(placeholder()))


@pytest.mark.parametrize(
    "api", ["http://example.org", "ftp://x", "https://u:p@api.github.com", "x"]
)
def test_the_token_goes_over_tls_or_stays(api: str) -> None:
    """Only https, or this machine."""
    with pytest.raises(KBError, match="not an https address"):
        Client(api, TOKEN)
