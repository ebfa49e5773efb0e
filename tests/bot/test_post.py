"""What the half with the token writes on GitHub: once, in the right place, and never more."""

from pathlib import Path
from typing import Any

import pytest

from kb.bot import comment, escape
from kb.bot.github import Client
from kb.bot.post import post
from tests.bot.posting import LINE, SHA, bodies, event, placeholder, report, send
from tests.servers.github import TOKEN, Server
from tests.servers.github_answers import BOT


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


def test_a_dry_run_reads_and_writes_nothing(pull: Server, tmp_path: Path) -> None:
    """With --dry-run everything is looked up and nothing sent."""
    path = tmp_path / "report.json"
    path.write_text(report(placeholder()).as_json(), encoding="utf-8")
    post(event(tmp_path), path, Client(pull.address, TOKEN, dry_run=True))
    assert pull.log
    assert pull.writes() == []
