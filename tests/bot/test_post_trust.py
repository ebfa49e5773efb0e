"""Which pull request a report is for, and what of a report is believed: nothing that can be checked."""

import json
from pathlib import Path
from typing import Any

import pytest

from kb.bot import comment
from kb.bot.github import Client
from kb.bot.post import post
from kb.records import KBError
from kb.records.errors import Exit
from tests.bot.posting import DIFF, SHA, bodies, event, placeholder, report, send
from tests.servers.github import TOKEN, Server


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


def test_a_report_that_names_no_commit_is_refused(pull: Server, tmp_path: Path) -> None:
    """Without a commit nobody knows what was judged."""
    with pytest.raises(KBError, match="names no commit"):
        send(pull, tmp_path, report(placeholder(), head_sha=None))
    assert pull.writes() == []


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
