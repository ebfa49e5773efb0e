"""A report, posted to a local GitHub where a pull request adds one line to the list."""

import json
from pathlib import Path
from typing import Any

from kb.bot.github import Client
from kb.bot.post import post
from kb.bot.report import BotFinding, BotReport
from tests.servers.github import TOKEN, Server

SHA = "a" * 40
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


def bodies(github: Server) -> list[str]:
    """The comments under the pull request."""
    return [row["body"] for row in github.state.comments[7]]


def event(folder: Path, **own: Any) -> Path:
    """The payload of a completed run of the first workflow, as a file."""
    run = {
        "id": 77,
        "name": "kb-validate",
        "event": "pull_request",
        "head_sha": SHA,
        "head_branch": "add-paper",
        "head_repository": {"id": 2, "full_name": "them/list", "fork": True},
        "conclusion": "failure",
        "pull_requests": [],
        "run_attempt": 1,
        **own,
    }
    document = {
        "action": "completed",
        "workflow_run": run,
        "repository": {"id": 1, "full_name": "us/list", "default_branch": "main"},
        "sender": {"login": "them"},
    }
    path = folder / "event.json"
    path.write_text(json.dumps(document))
    return path
