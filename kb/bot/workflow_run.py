"""The input of the second workflow: the workflow_run event and the artifact of that run.

Of the pull request's head the event is the only witness: GitHub itself wrote it. The artifact is a
stranger's: it is read in memory, at most one small file of a zip that nobody unpacks to disk.
"""

from __future__ import annotations

import io
import json
import stat
import zipfile
import zlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from kb.records.errors import KBError

LARGEST_EVENT = 25 << 20  # bytes; GitHub's own limit for a payload
LARGEST_REPORT = 1 << 20  # bytes, packed and unpacked
NAME = "report.json"
ZIP = b"PK\x03\x04"
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
FullName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$")
]
Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]


class Part(BaseModel):
    """A part of the payload: fields that we read are strict, others are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)


class Repository(Part):
    """A repository; `full_name` is owner/name."""

    full_name: FullName


class Branch(Part):
    """A branch, by its name."""

    ref: Annotated[str, StringConstraints(min_length=1, max_length=255)]


class PullRef(Part):
    """A pull request that GitHub links with the run; none for forks."""

    number: Annotated[int, Field(ge=1)]
    base: Branch | None = None


class CIRun(Part):
    """One run of the first workflow."""

    id: Annotated[int, Field(ge=1)]
    event: str
    head_sha: Sha
    head_branch: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    head_repository: Repository | None  # None: the fork was deleted
    pull_requests: list[PullRef] = Field(default_factory=list)
    conclusion: Literal[
        "success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required",
        "stale", "startup_failure",
    ] | None = None  # fmt: skip


class WorkflowEvent(Part):
    """The payload."""

    action: Literal["completed", "requested", "in_progress"]
    workflow_run: CIRun
    repository: Repository


def read_event(path: Path) -> WorkflowEvent:
    """The event in a file. Raises KBError with the first invalid field."""
    try:
        with path.open("rb") as stream:
            body = stream.read(LARGEST_EVENT + 1)
    except OSError as error:
        raise KBError(f"not readable ({error.strerror})", where=path, hint="name the event's file") from error  # fmt: skip
    try:
        if len(body) > LARGEST_EVENT:
            raise ValueError("too large")  # noqa: TRY301  (one place says what is wrong)
        return WorkflowEvent.model_validate(json.loads(body.decode()))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part)[:40] for part in first["loc"])
        raise _bad_event(f"{place}: {first['msg']}", path) from error
    except (ValueError, RecursionError) as error:
        raise _bad_event(f"not JSON ({type(error).__name__})", path) from error


def _bad_event(what: str, path: Path) -> KBError:
    return KBError(what, where=path, hint="give the event of a workflow_run: $GITHUB_EVENT_PATH")


def content(path: Path) -> bytes:
    """The bytes of a report's file. Raises KBError for a link, a folder, or a too large file."""
    try:
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            raise _bad_report("not a plain file", path)
        with path.open("rb") as stream:
            body = stream.read(LARGEST_REPORT + 1)
    except OSError as error:
        raise _bad_report(f"not readable ({error.strerror})", path) from error
    if len(body) > LARGEST_REPORT:
        raise _bad_report("larger than 1 MiB", path)
    return unpacked(body, path) if body.startswith(ZIP) else body


def unpacked(body: bytes, where: Path | str) -> bytes:
    """The one member of a zip, `report.json`, read in memory and never written.

    Raises KBError for anything else: other names (paths among them), links, bombs, broken zips.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = archive.infolist()
            if [member.filename for member in members] != [NAME]:
                raise _bad_report(f"a zip that holds something other than one {NAME}", where)
            kind = stat.S_IFMT(members[0].external_attr >> 16)
            if kind not in (0, stat.S_IFREG) or members[0].flag_bits & 1:
                raise _bad_report(f"{NAME} in the zip is no plain file", where)
            with archive.open(members[0]) as stream:
                inner = stream.read(LARGEST_REPORT + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError) as error:  # fmt: skip
        raise _bad_report(f"not a readable zip ({type(error).__name__})", where) from error
    if len(inner) > LARGEST_REPORT:
        raise _bad_report(f"{NAME} in the zip is larger than 1 MiB", where)
    return inner


def _bad_report(what: str, where: Path | str) -> KBError:
    return KBError(what, where=where, hint="give the report that `kb bot report --out` wrote")
