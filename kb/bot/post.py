"""Saying a report on its pull request: one comment, suggestions inside the diff, labels.

This half holds a token that can write, so it believes nobody but GitHub: the pull request is found
by the head that the event names, the report is held to its form, and what is posted is made here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kb.bot import comment, patch, suggestions
from kb.bot import event as events
from kb.bot import report as reports
from kb.bot.artifact import LARGEST, unpacked
from kb.bot.github import RefusedError
from kb.bot.labels import OURS, wanted
from kb.records.errors import Exit, KBError

if TYPE_CHECKING:
    from pathlib import Path

    from kb.bot.event import Event
    from kb.bot.github import Client
    from kb.bot.report import Report

ARTIFACT = "kb-report"
JUDGES = (".github/", "kb/", "action.yml")  # paths whose change can change the check itself
OTHERS = "This pull request also changes the check itself, so a person has to look at it."


@dataclass
class Pull:
    """One open pull request as the API shows it."""

    number: int
    head_sha: str
    files: dict[str, str | None] = field(default_factory=dict)  # path -> diff

    @property
    def changes_the_judge(self) -> bool:
        """Whether it touches the workflows or the code that judged it."""
        return any(path.startswith(JUDGES) for path in self.files)


def post(event: Path, report: Path | None, client: Client) -> list[str]:
    """Say the report of a run; the sentences of what was done.

    Raises KBError: usage for an event or a report that is not of its form, unreachable where GitHub
    refuses or does not answer.
    """
    run = events.read(event)
    if run.workflow_run.event != "pull_request":
        return [f"nothing to say: the run was for {run.workflow_run.event[:40]!r}"]
    try:
        pull = find(run, client)
        if pull is None:
            return ["nothing to say: no open pull request has this head any more"]
        found = reports.read(report) if report is not None else fetched(run, client)
        return _say(run, pull, found, client)
    except RefusedError as error:
        raise KBError(str(error), where=client.base, hint="see the job's permissions", code=Exit.UNREACHABLE) from error  # fmt: skip


def find(event: Event, client: Client) -> Pull | None:
    """The open pull request whose head this run was for; None where there is not exactly one.

    The event's own list is empty for forks, and a number from the run is anybody's word.
    """
    run = event.workflow_run
    if run.head_repository is None:
        return None
    owner = run.head_repository.full_name.partition("/")[0]
    rows = client.pages(
        f"/repos/{event.repository.full_name}/pulls",
        state="open",
        head=f"{owner}:{run.head_branch}",
    )
    numbers = [
        row["number"]
        for row in rows
        if isinstance(row.get("number"), int) and (row.get("head") or {}).get("sha") == run.head_sha
    ]
    if len(numbers) != 1:
        return None
    pull = Pull(numbers[0], run.head_sha)
    files = client.pages(f"/repos/{event.repository.full_name}/pulls/{pull.number}/files")
    pull.files = {str(row.get("filename")): row.get("patch") for row in files}
    return pull


def fetched(event: Event, client: Client) -> Report:
    """The report among the run's artifacts: exactly one of its name, small, read in memory."""
    base = f"/repos/{event.repository.full_name}/actions"
    rows = client.pages(f"{base}/runs/{event.workflow_run.id}/artifacts", key="artifacts")
    found = [row for row in rows if row.get("name") == ARTIFACT and row.get("expired") is not True]
    if len(found) != 1 or not isinstance(found[0].get("id"), int):
        raise KBError(
            f"the run has {len(found)} artifacts called {ARTIFACT}", hint="one is expected"
        )
    body = client.download(f"{base}/artifacts/{found[0]['id']}/zip", LARGEST)
    return reports.parse(unpacked(body, ARTIFACT), ARTIFACT)


def _say(event: Event, pull: Pull, report: Report, client: Client) -> list[str]:
    """Comment, suggestions, labels; what is refused for one does not stop the others."""
    if report.head_sha not in (None, pull.head_sha):
        raise KBError("the report is of another commit", where=report.path, hint="it is not posted")
    if report.path not in pull.files:
        return [f"nothing to say: {report.path} is not among the files of #{pull.number}"]
    repository = f"/repos/{event.repository.full_name}"
    notes = (OTHERS,) if pull.changes_the_judge else ()
    done = [_comment(repository, pull, report, notes, client)]
    lines = patch.added(pull.files[report.path])
    done += suggestions.post(repository, pull.number, pull.head_sha, report, lines, client)
    return done + _labels(repository, pull, report, client)


def _comment(
    repository: str, pull: Pull, report: Report, notes: tuple[str, ...], client: Client
) -> str:
    """Write, edit or leave the one comment."""
    body = comment.comment(report, notes=notes)
    mine = next((row for row in client.pages(f"{repository}/issues/{pull.number}/comments") if ours(row, comment.MARK)), None)  # fmt: skip
    if mine is None and not comment.speaks(report) and not notes:
        return f"#{pull.number} is clean; nothing was said"
    if mine is None:
        client.send("POST", f"{repository}/issues/{pull.number}/comments", {"body": body})
        return f"commented on #{pull.number}"
    if str(mine.get("body", "")).replace("\r\n", "\n").strip() == body.strip():
        return f"the comment on #{pull.number} says so already"
    client.send("PATCH", f"{repository}/issues/comments/{int(mine['id'])}", {"body": body})
    return f"edited the comment on #{pull.number}"


def ours(row: dict[str, Any], mark: str) -> bool:
    """Whether a comment is the bot's own: by its author's kind as well as by its mark."""
    bot = (row.get("user") or {}).get("type") == "Bot"
    return bot and mark in str(row.get("body", "")) and isinstance(row.get("id"), int)


def _labels(repository: str, pull: Pull, report: Report, client: Client) -> list[str]:
    """Put our labels as they should be; labels of others are not ours to touch."""
    path = f"{repository}/issues/{pull.number}/labels"
    try:
        has = {str(row.get("name")) for row in client.pages(path)}
        want = wanted(report, trusted=not pull.changes_the_judge)
        if new := sorted(want - has):
            client.send("POST", path, {"labels": new})
        for name in sorted((has & OURS) - want):
            client.send("DELETE", f"{path}/{quote(name, safe='')}")
    except RefusedError as error:
        return [f"labels were left alone ({error})"]
    return [f"labels: {', '.join(sorted(want)) or 'none'}"]
