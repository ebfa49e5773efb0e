"""What the half with the token does on GitHub: once, in the right place, and never more."""

import json
from pathlib import Path
from typing import Any

import pytest

from kb.bot import comment, escape
from kb.bot.github import Client
from kb.bot.post import post
from kb.bot.report import BotFinding, BotReport
from kb.records import KBError
from kb.records.errors import Exit
from tests.bot.conftest import SHA, event
from tests.servers.github import TOKEN, Server
from tests.servers.github_answers import BOT

LINE = "* `[Boe et al. CVPR21]` Paper Boats. CVPR, 2021. [[paper]](https://x.org/a.pdf)"
DIFF = f"@@ -54,2 +54,3 @@ ## Papers\n ### 2021\n+{LINE} [[code]](link)\n \n\\ No newline at end of file"


def report(*findings: BotFinding, **own: Any) -> BotReport:
    """A report on README.md at the head of the pull request."""
    values = {"tool_version": "1", "path": "README.md", "head_sha": SHA, "added": 1, **own}
    return BotReport(findings=list(findings), **values)


def placeholder(**own: Any) -> BotFinding:
    """A finding on the line that the diff adds, with a suggestion."""
    values = {"rule": "placeholder_link", "severity": "error", "message": "'link' is a placeholder"}
    place = {"line": 55, "end_line": 55, "col": 90, "end_col": 94}
    return BotFinding(**{**values, **place, "suggestion": LINE, "replaces": [55, 55], **own})


def send(github: Server, folder: Path, claim: BotReport | None, **run: Any) -> list[str]:
    """Post a report for the event of a run; sleeping is left out."""
    path = folder / "report.json"
    if claim is not None:
        path.write_text(claim.as_json(), encoding="utf-8")
    client = Client(github.address, TOKEN, sleep=lambda _: None)
    return post(event(folder, **run), path if claim is not None else None, client)


@pytest.fixture
def pull(github: Server) -> Server:
    """Pull request 7, of a fork, with one added line."""
    github.state.open(7, "them:add-paper", SHA, {"README.md": DIFF})
    return github


def bodies(github: Server) -> list[str]:
    """The comments under the pull request."""
    return [row["body"] for row in github.state.comments[7]]


def test_a_finding_becomes_comment_suggestion_and_label(pull: Server, tmp_path: Path) -> None:
    """The first time: one comment, one suggestion below the line, one label."""
    send(pull, tmp_path, report(placeholder()))
    assert len(bodies(pull)) == 1
    assert bodies(pull)[0].startswith(comment.MARK)
    assert [row["line"] for row in pull.state.reviews[7]] == [55]
    assert f"```suggestion\n{LINE}\n```" in pull.state.reviews[7][0]["body"]
    assert pull.state.labels[7] == ["kb:needs-fix"]


def test_the_same_report_again_writes_nothing(pull: Server, tmp_path: Path) -> None:
    """A second run with the same findings reads, and changes nothing."""
    send(pull, tmp_path, report(placeholder()))
    before = len(pull.writes())
    done = send(pull, tmp_path, report(placeholder()))
    assert len(pull.writes()) == before
    assert "says so already" in done[0]


def test_another_report_edits_the_one_comment(pull: Server, tmp_path: Path) -> None:
    """There is never a second comment; the suggestion that no longer holds is taken back."""
    send(pull, tmp_path, report(placeholder()))
    other = placeholder(rule="http_link", severity="warning", message="http", suggestion=None, replaces=None)  # fmt: skip
    send(pull, tmp_path, report(other))
    assert len(bodies(pull)) == 1
    assert "http_link" in bodies(pull)[0]
    assert pull.state.reviews[7] == []
    assert pull.state.labels[7] == ["kb:valid"]


def test_a_suggestion_that_was_answered_stays(pull: Server, tmp_path: Path) -> None:
    """A conversation is not torn apart by deleting what it answers."""
    send(pull, tmp_path, report(placeholder()))
    first = pull.state.reviews[7][0]
    pull.state.reviews[7].append(
        {"id": 5, "user": {"type": "User"}, "body": "why?", "in_reply_to_id": first["id"]}
    )
    send(pull, tmp_path, report())
    assert first in pull.state.reviews[7]


def test_a_clean_pull_request_hears_nothing(pull: Server, tmp_path: Path) -> None:
    """Silent when clean and never spoken: only the label is set."""
    send(pull, tmp_path, report())
    assert pull.writes() == ["issues/add-labels"]
    assert pull.state.labels[7] == ["kb:valid"]


def test_a_mended_pull_request_is_told_so(pull: Server, tmp_path: Path) -> None:
    """Once spoken, the comment says that all is mended."""
    send(pull, tmp_path, report(placeholder()))
    send(pull, tmp_path, report())
    assert bodies(pull) == [f"{comment.MARK}\n{comment.CLEAN}\n"]


def test_a_suggestion_outside_the_diff_is_not_sent(pull: Server, tmp_path: Path) -> None:
    """GitHub would refuse the whole review for one line that the change does not add."""
    outside = placeholder(line=56, end_line=56, replaces=[56, 56])
    context = placeholder(line=54, end_line=54, replaces=[54, 54])
    send(pull, tmp_path, report(placeholder(), outside, context))
    assert [row["line"] for row in pull.state.reviews[7]] == [55]


def test_a_diff_that_github_does_not_show_gets_no_suggestions(
    github: Server, tmp_path: Path
) -> None:
    """A file too large for a diff has none; the comment has the line all the same."""
    github.state.open(7, "them:add-paper", SHA, {"README.md": None})
    send(github, tmp_path, report(placeholder()))
    assert github.state.reviews[7] == []
    assert LINE in bodies(github)[0]


def test_comments_and_files_are_found_over_all_pages(pull: Server, tmp_path: Path) -> None:
    """The bot's comment is the 31st, the list the 41st file, at two rows a page."""
    pull.largest_page = 2
    pull.state.files[7] = [{"filename": f"f{n}"} for n in range(40)] + pull.state.files[7]
    pull.state.comments[7] = [{"id": n, "user": {"type": "User"}, "body": "hm"} for n in range(30)]
    pull.state.comments[7].append({"id": 99, "user": BOT, "body": f"{comment.MARK}\nold"})
    send(pull, tmp_path, report(placeholder()))
    assert len(bodies(pull)) == 31
    assert "placeholder" in bodies(pull)[-1]


def test_labels_of_others_are_not_touched(pull: Server, tmp_path: Path) -> None:
    """Only the bot's own four labels come and go."""
    pull.state.labels[7] += ["help wanted", "kb:duplicate", "kb:curated"]
    send(pull, tmp_path, report())
    assert sorted(pull.state.labels[7]) == ["help wanted", "kb:curated", "kb:valid"]


def test_a_change_to_the_check_itself_is_never_called_valid(github: Server, tmp_path: Path) -> None:
    """A pull request that edits a workflow can write its own report: a person is asked to look."""
    files = {"README.md": DIFF, ".github/workflows/kb-validate.yml": "@@ -1 +1 @@\n-a\n+b"}
    github.state.open(7, "them:add-paper", SHA, files)
    send(github, tmp_path, report())
    assert github.state.labels[7] == []
    assert "a person has to look at it" in bodies(github)[0]


@pytest.mark.parametrize(
    "run",
    [
        {"head_sha": "b" * 40},
        {"head_branch": "another"},
        {"head_repository": None},
        {"head_repository": {"full_name": "someone-else/list"}},
        {"event": "push"},
    ],
)
def test_a_head_that_is_no_open_pull_request_is_let_be(
    pull: Server, tmp_path: Path, run: dict[str, Any]
) -> None:
    """A stale head, another branch or fork, another event: nothing is written."""
    done = send(pull, tmp_path, report(placeholder()), **run)
    assert done[0].startswith("nothing to post")
    assert pull.writes() == []


def test_two_pull_requests_of_one_head_both_get_the_report(pull: Server, tmp_path: Path) -> None:
    """One branch for two others: where nothing tells them apart, both get the comment."""
    pull.state.open(8, "them:add-paper", SHA, {"README.md": DIFF}, base="dev")
    send(pull, tmp_path, report(placeholder()))
    assert {number: len(rows) for number, rows in pull.state.comments.items()} == {7: 1, 8: 1}
    assert "--base origin/dev" in pull.state.comments[8][0]["body"]
    assert "--base origin/main" in pull.state.comments[7][0]["body"]


def test_of_two_pull_requests_the_event_names_one(pull: Server, tmp_path: Path) -> None:
    """A number of the event's own is believed where it has this head."""
    pull.state.open(8, "them:add-paper", SHA, {"README.md": DIFF}, base="dev")
    named = [{"number": 8, "base": {"ref": "dev", "sha": SHA}}]
    send(pull, tmp_path, report(placeholder()), pull_requests=named)
    assert {number: len(rows) for number, rows in pull.state.comments.items()} == {7: 0, 8: 1}


def test_of_two_pull_requests_the_report_is_for_one_branch(pull: Server, tmp_path: Path) -> None:
    """The report names the branch it was judged against: among heads that agree it may choose."""
    pull.state.open(8, "them:add-paper", SHA, {"README.md": DIFF}, base="dev")
    send(pull, tmp_path, report(placeholder(), base_ref="dev"))
    assert {number: len(rows) for number, rows in pull.state.comments.items()} == {7: 0, 8: 1}


def test_a_number_of_another_head_is_not_believed(pull: Server, tmp_path: Path) -> None:
    """The event's number counts only among the pull requests that have the head."""
    pull.state.open(9, "them:other", "d" * 40, {"README.md": DIFF})
    named = [{"number": 9, "base": {"ref": "main"}}]
    send(pull, tmp_path, report(placeholder()), pull_requests=named)
    assert (len(bodies(pull)), pull.state.comments[9]) == (1, [])


@pytest.mark.parametrize("hidden", ["beyond", "last"])
def test_a_list_of_3000_files_is_not_trusted(github: Server, tmp_path: Path, hidden: str) -> None:
    """GitHub shows 3,000 files: a workflow behind them was not seen, so nothing is called valid."""
    files: dict[str, str | None] = {f"a/{number}": None for number in range(3000)}
    if hidden == "last":
        files = {"README.md": DIFF} | dict(list(files.items())[:2999])
    github.state.open(7, "them:add-paper", SHA, files)
    send(github, tmp_path, report())
    assert github.state.labels[7] == []
    assert "GitHub lists 3,000 files" in bodies(github)[0]
    assert comment.CLEAN not in bodies(github)[0]


def test_a_workflow_that_is_renamed_away_is_a_change_of_the_judge(
    github: Server, tmp_path: Path
) -> None:
    """The old name of a renamed file counts too."""
    github.state.open(7, "them:add-paper", SHA, {"README.md": DIFF})
    row = {"filename": "x.yml", "previous_filename": ".github/workflows/kb-validate.yml"}
    github.state.files[7].append(row)
    send(github, tmp_path, report())
    assert github.state.labels[7] == []
    assert "changes the check itself" in bodies(github)[0]


def test_a_list_without_end_is_refused(pull: Server, tmp_path: Path) -> None:
    """Half of a list of comments would hide ours: nothing is posted twice."""
    pull.largest_page = 1
    pull.state.comments[7] = [{"id": n, "user": {"id": 1}, "body": "hm"} for n in range(150)]
    with pytest.raises(KBError, match="more than 100 pages"):
        send(pull, tmp_path, report(placeholder()))
    assert pull.writes() == []


@pytest.mark.parametrize(
    "user", [{"type": "User", "id": 5}, {"type": "Bot", "id": 49699333, "login": "dependabot[bot]"}]
)
def test_another_authors_comment_with_our_mark_is_left_alone(
    pull: Server, tmp_path: Path, user: dict[str, Any]
) -> None:
    """Not a person's, and not that of another bot: the author's id decides."""
    theirs = {"id": 3, "user": user, "body": f"{comment.MARK}\nmine"}
    pull.state.comments[7].append(theirs)
    send(pull, tmp_path, report(placeholder()))
    assert (bodies(pull)[0], len(bodies(pull))) == (f"{comment.MARK}\nmine", 2)


def test_a_report_that_names_no_commit_is_refused(pull: Server, tmp_path: Path) -> None:
    """Without a commit nobody knows what was judged."""
    with pytest.raises(KBError, match="names no commit"):
        send(pull, tmp_path, report(placeholder(), head_sha=None))
    assert pull.writes() == []


def test_a_message_is_quoted_and_cut_short(pull: Server, tmp_path: Path) -> None:
    """The sentences are the catalogue's; what the report says stands in code, 200 characters of it."""
    lure = "Your account is suspended: visit evil.example/login and sign in, @maintainer " * 5
    send(pull, tmp_path, report(placeholder(message=lure[:400])))
    (body,) = bodies(pull)
    quoted = lure[:197].replace("@", f"@{escape.BREAK}")  # nobody is mentioned
    assert f"`{quoted}...`" in body
    assert lure[:210] not in body
    assert "A link that leads nowhere looks like a resource that exists" in body
    assert comment.QUOTES in body


def test_a_suggestion_says_whose_it_is(pull: Server, tmp_path: Path) -> None:
    """It stands on the contributor's own line, and a reader is told to read it."""
    from kb.bot.suggestions import LONGEST, READ_IT  # noqa: PLC0415

    long = placeholder(line=55, suggestion="x" * (LONGEST + 1))
    send(pull, tmp_path, report(long))
    assert pull.state.reviews[7] == []
    send(pull, tmp_path, report(placeholder()))
    assert READ_IT in pull.state.reviews[7][0]["body"]


def test_a_report_of_another_commit_is_refused(pull: Server, tmp_path: Path) -> None:
    """The head that the report names is checked against the event, not believed."""
    with pytest.raises(KBError, match="another commit"):
        send(pull, tmp_path, report(placeholder(), head_sha="c" * 40))
    assert pull.writes() == []


def test_a_report_on_a_file_that_did_not_change_is_let_be(pull: Server, tmp_path: Path) -> None:
    """A forged path leads nowhere."""
    done = send(pull, tmp_path, report(placeholder(), path="docs/other.md"))
    assert done == ["nothing to post: the report is on docs/other.md, the list is README.md"]
    pull.state.files[7] = [{"filename": "docs/x.md"}]
    done = send(pull, tmp_path, report(placeholder()))
    assert done == ["nothing to post: README.md is not among the files of #7"]
    assert pull.writes() == []


def test_the_report_is_fetched_from_the_runs_artifact(pull: Server, tmp_path: Path) -> None:
    """Without --report: one artifact of its name, read in memory; the store never sees the token."""
    import io  # noqa: PLC0415
    import zipfile  # noqa: PLC0415

    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("report.json", report(placeholder()).as_json())
    pull.state.artifacts[77] = [{"id": 5, "name": "kb-report", "expired": False}]
    pull.state.store[5] = body.getvalue()
    send(pull, tmp_path, None)
    assert len(bodies(pull)) == 1


@pytest.mark.parametrize(
    "rows", [[], [{"id": 5, "name": "kb-report"}] * 2, [{"id": 5, "name": "x"}]]
)
def test_anything_but_one_artifact_is_refused(
    pull: Server, tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    """No artifact, two of them, or only others: one line."""
    pull.state.artifacts[77] = rows
    with pytest.raises(KBError, match="artifacts called kb-report"):
        send(pull, tmp_path, None)
    assert pull.writes() == []


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


def test_a_dry_run_reads_and_writes_nothing(pull: Server, tmp_path: Path) -> None:
    """With --dry-run everything is looked up and nothing sent."""
    path = tmp_path / "report.json"
    path.write_text(report(placeholder()).as_json(), encoding="utf-8")
    post(event(tmp_path), path, Client(pull.address, TOKEN, dry_run=True))
    assert pull.log
    assert pull.writes() == []


@pytest.mark.parametrize(
    "change",
    [
        {"workflow_run": None},
        {"workflow_run": {"id": "7; rm -rf /"}},
        {"workflow_run": {"id": 7, "event": "pull_request", "head_sha": "../../x", "head_branch": "b", "head_repository": None}},
        {"repository": {"full_name": "us/list/../../admin"}},
        {"action": "exploded"},
    ],
)  # fmt: skip
def test_an_event_of_another_form_is_refused(
    pull: Server, tmp_path: Path, change: dict[str, Any]
) -> None:
    """What does not look like GitHub's event is one line, before anything is asked."""
    path = event(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(KBError) as raised:
        post(path, None, Client(pull.address, TOKEN))
    assert raised.value.code == Exit.USAGE
    assert pull.log == []
