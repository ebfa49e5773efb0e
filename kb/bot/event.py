"""The workflow_run event: what GitHub itself says of the run. Of the head it is the only witness."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from kb.records.errors import KBError

LARGEST = 25 << 20  # bytes; GitHub's own limit for a payload
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
FullName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$")
]
Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]


class Part(BaseModel):
    """A part of the payload: what we read is strict, what we do not read is let be."""

    model_config = ConfigDict(extra="ignore", strict=True)


class Repository(Part):
    """A repository; `full_name` is owner/name."""

    full_name: FullName


class Run(Part):
    """One run of the first workflow."""

    id: Annotated[int, Field(ge=1)]
    event: str
    head_sha: Sha
    head_branch: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    head_repository: Repository | None  # None: the fork was deleted
    conclusion: Literal[
        "success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required",
        "stale", "startup_failure",
    ] | None = None  # fmt: skip


class Event(Part):
    """The payload."""

    action: Literal["completed", "requested", "in_progress"]
    workflow_run: Run
    repository: Repository


def read(path: Path) -> Event:
    """The event of a file. Raises KBError with the first thing that is not of the form."""
    try:
        with path.open("rb") as stream:
            body = stream.read(LARGEST + 1)
    except OSError as error:
        raise KBError(f"not readable ({error.strerror})", where=path, hint="name the event's file") from error  # fmt: skip
    try:
        if len(body) > LARGEST:
            raise ValueError("too large")  # noqa: TRY301  (one place says what is wrong)
        return Event.model_validate(json.loads(body.decode()))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part)[:40] for part in first["loc"])
        raise _refused(f"{place}: {first['msg']}", path) from error
    except (ValueError, RecursionError) as error:
        raise _refused(f"not JSON ({type(error).__name__})", path) from error


def _refused(what: str, path: Path) -> KBError:
    return KBError(what, where=path, hint="give the event of a workflow_run: $GITHUB_EVENT_PATH")
