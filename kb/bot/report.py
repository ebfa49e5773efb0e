"""The form of report.json, and parsing of an untrusted one.

The first workflow runs on the pull request's own commit, so whatever it hands on is a claim: every
field is checked for its type, its length and its allowed values before use.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from kb.bot.catalogue import catalogue
from kb.bot.workflow_run import LARGEST_REPORT, content
from kb.records.errors import KBError

if TYPE_CHECKING:
    from pathlib import Path

MOST = 100  # findings in one
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def seen(text: str) -> str:
    """The text, if all its characters are printable. Raises ValueError."""
    if any(unicodedata.category(char) in UNSEEN for char in text):
        raise ValueError("characters that cannot be seen")
    return text


def seen_lines(text: str) -> str:
    """The same for text of several lines."""
    return "\n".join(seen(line) for line in text.split("\n"))


def relative(path: str) -> str:
    """A path inside the repository. Raises ValueError."""
    parts = path.split("/")
    if "\\" in path or any(part in {"", ".", ".."} for part in parts) or ":" in parts[0]:
        raise ValueError("not a path inside the repository")
    return path


def known_rule(name: str) -> str:
    """The id of an existing rule. Raises ValueError."""
    if name not in catalogue():
        raise ValueError("no such rule")
    return name


Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
Ref = Annotated[str, StringConstraints(pattern=r"^[\w][\w./-]{0,199}$")]
Message = Annotated[str, StringConstraints(min_length=1, max_length=400), AfterValidator(seen)]
Lines = Annotated[str, StringConstraints(max_length=4000), AfterValidator(seen_lines)]
Place = Annotated[str, StringConstraints(max_length=200), AfterValidator(seen), AfterValidator(relative)]  # fmt: skip
RuleId = Annotated[str, StringConstraints(max_length=60), AfterValidator(known_rule)]
Line = Annotated[int, Field(ge=1, le=1_000_000)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


class Part(BaseModel):
    """Base of the report's parts: strict types, no unknown field."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class BotFinding(Part):
    """One problem. `suggestion` replaces the lines first to last of `replaces`."""

    rule: RuleId
    severity: Literal["error", "warning", "info"]
    line: Line
    end_line: Line
    col: Line
    end_col: Line
    message: Message
    suggestion: Lines | None = None
    replaces: list[Line] | None = Field(default=None, min_length=2, max_length=2)
    new: bool = True  # False: stood there before this change

    @model_validator(mode="after")
    def _together(self) -> BotFinding:
        if (self.suggestion is None) != (self.replaces is None):
            raise ValueError("a suggestion needs the lines it replaces")
        if self.replaces and not 0 <= self.replaces[1] - self.replaces[0] <= 20:  # noqa: PLR2004
            raise ValueError("lines to replace: from, to, at most 20 of them")
        return self


class Change(Part):
    """One entry that the change adds, changes, moves or removes; `line` is of the new list."""

    change: Literal["added", "changed", "moved", "removed"]
    line: Line | None
    title: Annotated[str, StringConstraints(max_length=200), AfterValidator(seen)] | None


class BotReport(Part):
    """The whole report: changes, findings, and which services were queried."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    tool: Literal["kb"] = "kb"
    tool_version: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z.+-]{1,40}$")]
    path: Place
    base_sha: Sha | None = None
    head_sha: Sha | None = None
    base_ref: Ref | None = None  # the branch that the pull request is for
    form: Literal["label", "other"] = "other"  # how papers of this list are written
    added: Count = 0
    changed: Count = 0
    moved: Count = 0
    removed: Count = 0
    known: Count = 0  # findings that stood there before
    unread: list[Line] = Field(default_factory=list, max_length=MOST)  # paper links in no entry
    more: Count = 0  # new findings for which there was no room
    links: Literal["asked", "not asked", "no answer"] = "not asked"
    arxiv: Literal["asked", "not asked", "no answer"] = "not asked"
    changes: list[Change] = Field(default_factory=list, max_length=MOST)
    findings: list[BotFinding] = Field(default_factory=list, max_length=MOST)

    def count(self, severity: str) -> int:
        """The number of new findings of this severity."""
        return sum(row.new and row.severity == severity for row in self.findings)

    @property
    def blocks(self) -> bool:
        """Whether there is a new error."""
        return self.count("error") > 0

    def as_json(self) -> str:
        """The content of report.json."""
        return json.dumps(self.model_dump(by_alias=True), ensure_ascii=False, indent=1) + "\n"


def read(path: Path) -> BotReport:
    """A report from a JSON file or a zip with one. Raises KBError for an invalid report."""
    return parse(content(path), str(path))


def parse(body: bytes, where: str = "report.json") -> BotReport:
    """A report from untrusted bytes. Raises KBError with the first problem."""
    if len(body) > LARGEST_REPORT:
        raise _refused("larger than 1 MiB", where)
    try:
        document = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_number)
        return BotReport.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(re.sub(r"\W", "?", str(part))[:40] for part in first["loc"])
        raise _refused(f"{place or 'report'}: {first['msg']}", where) from error
    except (ValueError, RecursionError) as error:
        raise _refused(f"not JSON of the form ({type(error).__name__})", where) from error


def _refused(what: str, where: str) -> KBError:
    return KBError(what, where=where, hint="`kb bot report --out` writes reports that are accepted")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def _number(_: str) -> None:
    raise ValueError("not a number of JSON")
