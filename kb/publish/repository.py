"""The list's repository: its address, and issues that are filled in."""

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from kb.publish import text
from kb.records import Dataset, KBError, Paper, git

_REMOTE = re.compile(
    r"(?:https://(?:[^/@]*@)?|ssh://git@|git@)(?P<host>[\w.-]+)[:/](?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?"
)
FORM = ".github/ISSUE_TEMPLATE/wrong.yml"
EQUATIONS = """\
Paper: {title} ({id})
Model: {path}, {basis}

I have the paper. Its equations, with their numbers and pages:


Settings (sizes, margin, optimiser, schedule), with the section that states them:


Departures in the header of {path} that are not the paper's:

"""


def address(root: Path, extra: dict[str, Any]) -> str | None:
    """Where issues are opened, without a slash at its end; None where nothing says.

    `extra.repository` of site/mkdocs.yml, or GitHub Actions' own, or git's remote `origin`.
    Raises KBError where the setting is no web address.
    """
    configured = extra.get("repository")
    if configured is not None:
        url = text.web_address(str(configured))
        if url is None:
            what = f"extra.repository is no web address: {configured!r}"
            raise KBError(what, where=root / "site" / "mkdocs.yml", hint="https://HOST/OWNER/NAME")
        return url.rstrip("/")
    name = os.environ.get("GITHUB_REPOSITORY")
    if name:
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        return text.web_address(f"{server.rstrip('/')}/{name}")
    remote = _REMOTE.fullmatch(git.said(["remote", "get-url", "origin"], root) or "")
    return f"https://{remote['host']}/{remote['name']}" if remote else None


def wrong(root: Path, repository: str) -> str:
    """The address of an issue about something wrong; the place is added to its end.

    Of the form, where the knowledge base has one; else of an issue without a form.
    """
    if (root / FORM).is_file():
        return f"{repository}/issues/new?template=wrong.yml&place="
    return f"{repository}/issues/new?title=Wrong&body=Where:%20"


def equations_wanted(repository: str, record: Paper | Dataset, path: str) -> str:
    """The address of a filled-in issue for a reader who has the paper."""
    body = EQUATIONS.format(title=record.title, id=record.id, path=path, basis=record.basis)
    fields = {"title": f"Equations of {record.id}", "body": body}
    return f"{repository}/issues/new?{urlencode(fields)}"
