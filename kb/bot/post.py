"""Posting a report on its pull request: one comment, suggestions inside the diff, labels.

This half has a token with write access, so it trusts only GitHub: it finds the pull request by the
head commit in the event, validates the report, and writes all posted text itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kb.bot import comment, suggestions
from kb.bot import report as reports
from kb.bot.github import RefusedError
from kb.bot.workflow_run import LARGEST_REPORT, read_event, unpacked
from kb.records.errors import Exit, KBError

if TYPE_CHECKING:
    from pathlib import Path

    from kb.bot.github import Client
    from kb.bot.report import BotReport
    from kb.bot.workflow_run import WorkflowEvent

VALID, NEEDS_FIX, DEAD_LINK, DUPLICATE = "kb:valid", "kb:needs-fix", "kb:dead-link", "kb:duplicate"
OURS = frozenset({VALID, NEEDS_FIX, DEAD_LINK, DUPLICATE})
BY_RULE = {
    "link_dead": DEAD_LINK,
    "duplicate_entry": DUPLICATE,
    "known_paper": DUPLICATE,
    "known_record": DUPLICATE,
}
LIST = "README.md"
ARTIFACT = "kb-report"
JUDGES = (".github/", "kb/", "action.yml")  # paths whose change can change the check itself
MOST_FILES = 3000  # GitHub lists no more of a pull request; what stands behind them nobody sees
REF = re.compile(r"[\w][\w./-]{0,199}")
CHANGES_THE_JUDGE = (
    "This pull request also changes the check itself, so a person has to look at it."
)
TOO_MANY_FILES = (
    f"GitHub lists {MOST_FILES:,} files of a pull request and no more: what this one changes beyond "
    "them was not seen, so a person has to look at it."
)


@dataclass
class Pull:
    """One open pull request, from the API."""

    number: int
    head_sha: str
    base: str = "main"  # the branch it is to be merged into
    files: dict[str, str | None] = field(default_factory=dict)  # path -> diff
    renamed: set[str] = field(default_factory=set)  # paths that files had before
    complete: bool = True  # every file of it is listed

    @property
    def changes_the_judge(self) -> bool:
        """Whether it changes the workflows or the code of the check."""
        return any(path.startswith(JUDGES) for path in (*self.files, *self.renamed))

    @property
    def notes(self) -> tuple[str, ...]:
        """Why it needs a manual review, whatever the report contains."""
        judge = (CHANGES_THE_JUDGE,) if self.changes_the_judge else ()
        return judge + (() if self.complete else (TOO_MANY_FILES,))


def post(event: Path, report: Path | None, client: Client, listed: str = LIST) -> list[str]:
    """Post the report of a run on `listed`; returns sentences about what was done.

    Raises KBError: usage for an event or a report that is not of its form, unreachable where GitHub
    refuses or does not answer.
    """
    run = read_event(event)
    if run.workflow_run.event != "pull_request":
        return [f"nothing to post: the run was for {run.workflow_run.event[:40]!r}"]
    try:
        pulls = find(run, client)
        if not pulls:
            return ["nothing to post: no open pull request has this head any more"]
        claim = reports.read(report) if report is not None else fetched(run, client)
        if claim.head_sha != run.workflow_run.head_sha:
            what = "names no commit" if claim.head_sha is None else "is of another commit"
            raise KBError(f"the report {what}", where=claim.path, hint="it is not posted")
        if claim.path != listed:
            return [f"nothing to post: the report is on {claim.path}, the list is {listed}"]
        meant = [pull for pull in pulls if pull.base == claim.base_ref] or pulls
        return [line for pull in meant for line in _post(run, pull, claim, client)]
    except RefusedError as error:
        raise KBError(str(error), where=client.base, hint="see the job's permissions", code=Exit.UNREACHABLE) from error  # fmt: skip


def find(event: WorkflowEvent, client: Client) -> list[Pull]:
    """The open pull requests whose head this run was for; those that the event names go before.

    The event's own list is empty for forks, and a number from the run is anybody's word. One head
    can stand in several pull requests, for several branches.
    """
    run = event.workflow_run
    if run.head_repository is None:
        return []
    owner = run.head_repository.full_name.partition("/")[0]
    rows = client.pages(
        f"/repos/{event.repository.full_name}/pulls",
        state="open",
        head=f"{owner}:{run.head_branch}",
    )
    of_head = [
        row
        for row in rows
        if isinstance(row.get("number"), int) and (row.get("head") or {}).get("sha") == run.head_sha
    ]
    named = {pull.number for pull in run.pull_requests}
    chosen = [row for row in of_head if row["number"] in named] or of_head
    return [_pull(row, run.head_sha, event, client) for row in chosen]


def _pull(row: dict[str, Any], sha: str, event: WorkflowEvent, client: Client) -> Pull:
    """A pull request with its files; of a list that is full nobody knows what is missing."""
    path = f"/repos/{event.repository.full_name}/pulls/{row['number']}/files"
    files = list(client.pages(path))
    base = str((row.get("base") or {}).get("ref", ""))
    return Pull(
        row["number"],
        sha,
        base if REF.fullmatch(base) else "main",
        {str(file.get("filename")): file.get("patch") for file in files},
        {str(file["previous_filename"]) for file in files if "previous_filename" in file},
        complete=len(files) < MOST_FILES,
    )


def fetched(event: WorkflowEvent, client: Client) -> BotReport:
    """The report among the run's artifacts: exactly one of its name, small, read in memory."""
    base = f"/repos/{event.repository.full_name}/actions"
    rows = client.pages(f"{base}/runs/{event.workflow_run.id}/artifacts", key="artifacts")
    artifacts = [
        row for row in rows if row.get("name") == ARTIFACT and row.get("expired") is not True
    ]
    if len(artifacts) != 1 or not isinstance(artifacts[0].get("id"), int):
        raise KBError(
            f"the run has {len(artifacts)} artifacts called {ARTIFACT}", hint="one is expected"
        )
    body = client.download(f"{base}/artifacts/{artifacts[0]['id']}/zip", LARGEST_REPORT)
    return reports.parse(unpacked(body, ARTIFACT), ARTIFACT)


def _post(event: WorkflowEvent, pull: Pull, report: BotReport, client: Client) -> list[str]:
    """Post comment, suggestions and labels; a refusal of one does not stop the others."""
    if report.path not in pull.files and pull.complete:
        return [f"nothing to post: {report.path} is not among the files of #{pull.number}"]
    repository = f"/repos/{event.repository.full_name}"
    done = [_comment(repository, pull, report, client)]
    lines = suggestions.added_lines(pull.files.get(report.path))
    done += suggestions.post(repository, pull.number, pull.head_sha, report, lines, client)
    return done + _labels(repository, pull, report, client)


def _comment(repository: str, pull: Pull, report: BotReport, client: Client) -> str:
    """Create, edit or keep the comment."""
    body = comment.comment(report, notes=pull.notes, base=pull.base)
    comments = client.pages(f"{repository}/issues/{pull.number}/comments")
    mine = next((row for row in comments if ours(row, client.author)), None)
    if mine is None and not comment.has_content(report) and not pull.notes:
        return f"#{pull.number} is clean; nothing was written"
    if mine is None:
        client.send("POST", f"{repository}/issues/{pull.number}/comments", {"body": body})
        return f"commented on #{pull.number}"
    if str(mine.get("body", "")).replace("\r\n", "\n").strip() == body.strip():
        return f"the comment on #{pull.number} says so already"
    client.send("PATCH", f"{repository}/issues/comments/{int(mine['id'])}", {"body": body})
    return f"edited the comment on #{pull.number}"


def ours(row: dict[str, Any], author: int) -> bool:
    """Whether a comment is the bot's own: it has our mark and our account's id.

    Another bot may quote the mark; a name can be given up and taken, an id cannot.
    """
    own = (row.get("user") or {}).get("id") == author
    return own and comment.MARK in str(row.get("body", "")) and isinstance(row.get("id"), int)


def wanted_labels(report: BotReport, *, trusted: bool) -> set[str]:
    """The labels of a report; `valid` only if the check itself is `trusted`."""
    labels = {BY_RULE[row.rule] for row in report.findings if row.new and row.rule in BY_RULE}
    if report.blocks:
        labels.add(NEEDS_FIX)
    elif trusted:
        labels.add(VALID)
    return labels


def _labels(repository: str, pull: Pull, report: BotReport, client: Client) -> list[str]:
    """Set our labels; leave all others."""
    path = f"{repository}/issues/{pull.number}/labels"
    try:
        has = {str(row.get("name")) for row in client.pages(path)}
        want = wanted_labels(report, trusted=not pull.notes)
        if new := sorted(want - has):
            client.send("POST", path, {"labels": new})
        for name in sorted((has & OURS) - want):
            client.send("DELETE", f"{path}/{quote(name, safe='')}")
    except RefusedError as error:
        return [f"labels were left alone ({error})"]
    return [f"labels: {', '.join(sorted(want)) or 'none'}"]
