"""`kb bot draft`: an issue that names a paper becomes its line in the list.

The event is a stranger's. Of its text only an arXiv id, a title and an address of code are used: the
id and the title to ask arXiv, and then OpenAlex, whose answers make the line; all of it is escaped
wherever it is shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kb.bot import escape
from kb.enrich import candidates, matching, offers
from kb.enrich.arxiv import Arxiv, Cache
from kb.enrich.polite import Unreachable
from kb.lists import Venues, inserting
from kb.lists.files import read
from kb.lists.linkwords import CODE, host_kind
from kb.lists.writing import canonical_line
from kb.records import KBError, Library, Link, atomic, plainfile

if TYPE_CHECKING:
    from pathlib import Path

    from kb.enrich.candidates import Candidate
    from kb.records import Paper

HEADING = re.compile(r"^###[ \t]+(.+?)[ \t]*$", re.MULTILINE)
EMPTY = "_No response_"  # of a field that was left empty
PAPER, CODE_FIELD = "Title or arXiv id", "Code"
LONGEST = 300  # characters of a title
ADDRESS = re.compile(r"https?://[^\s<>()\[\]\"'`|\\]{3,300}")


@dataclass(frozen=True)
class Asked:
    """What an issue asks for."""

    number: int
    paper: str
    code: str | None


@dataclass(frozen=True)
class Outcome:
    """A line that was put into the list, or why there is none; `body` is Markdown."""

    drafted: bool
    body: str


def draft(library: Library, event: Path, listed: Path) -> Outcome:
    """Look the paper of an issue up, and put its line into the list.

    Raises KBError for an event that is none, and where no service answers.
    """
    asked = read_event(event)
    candidate = look_up(library, asked.paper)
    if candidate is None:
        what = f"No paper was found for {escape.span(asked.paper)}, on arXiv or OpenAlex."
        hint = "Please open a new issue with its arXiv id, or its whole title as printed."
        return Outcome(False, f"{what} {hint}\n")
    paper = _with_code(candidate.paper(), asked.code)
    venues = Venues.load(library.root)
    line = canonical_line(paper, venues=venues)
    if any(escape.hidden(line)) or "\n" in line:
        return Outcome(False, "The paper's title or authors hold invisible characters.\n")
    same = candidates.listed(library.papers, candidate)
    if same is not None:
        return Outcome(False, f"The list has this paper already: {escape.span(same.title)}.\n")
    text, number = inserting.insert(read(listed), paper, venues)
    atomic.write(listed, text.encode())
    line = text.splitlines()[number - 1]
    return Outcome(True, _body(asked, line, candidate))


def _body(asked: Asked, line: str, candidate: Candidate) -> str:
    """The pull request's text: the line, where it is from, and that a person decides."""
    source = "arXiv" if candidate.venue is None else "OpenAlex"
    return (
        f"Closes #{asked.number}. The line was drafted from {source}'s answer; whether the paper"
        f" belongs into the list is for a person to decide.\n\n{escape.block(line)}\n\n"
    )


def read_event(path: Path) -> Asked:
    """What an issue's event asks for. Raises KBError where it is not an issue of the form."""
    document = plainfile.read_json(path, "an issue's event")
    try:
        issue: dict[str, Any] = document["issue"]
        number, body = int(issue["number"]), str(issue.get("body") or "")
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise KBError("not the event of an issue", where=path, hint="use $GITHUB_EVENT_PATH") from error  # fmt: skip
    fields = _fields(body)
    paper = fields.get(PAPER, "")
    if not paper or number < 1:
        raise KBError(f"the issue has no field {PAPER!r}", where=path, hint="use the issue form")
    return Asked(number, paper[:LONGEST], fields.get(CODE_FIELD))


def _fields(body: str) -> dict[str, str]:
    """The first line below each heading of a form's issue; the first of two with one heading."""
    parts = HEADING.split(body.replace("\r\n", "\n"))
    fields: dict[str, str] = {}
    for name, text in zip(parts[1::2], parts[2::2], strict=False):
        value = next((line.strip() for line in text.split("\n") if line.strip()), "")
        printable = "".join(char for char in value if char.isprintable())
        if printable and printable != EMPTY:
            fields.setdefault(name, printable)
    return fields


def look_up(library: Library, text: str) -> Candidate | None:
    """The paper with this arXiv id, or with exactly this title: on arXiv, then on OpenAlex.

    Raises Unreachable where arXiv is silent and OpenAlex does not know the title.
    """
    arxiv = Arxiv(Cache(library.data / "arxiv.json", keep=False))
    ref = matching.in_address(text) or matching.find(text)
    if ref is not None:
        arxiv.fetch([ref.base])
        record = arxiv.cache.get(ref.base)
        return candidates.of_record(record) if record else None
    silent: Unreachable | None = None
    try:
        preprints = arxiv.search(text)
    except Unreachable as error:
        preprints, silent = [], error
    for preprint in preprints:
        if matching.same_title(text, preprint.title):
            return candidates.of_record(preprint)
    for one in offers.by_title(text):
        if matching.same_title(text, one.title) and one.authors and one.year and one.venue:
            return one
    if silent is not None:
        raise silent
    return None


def _with_code(paper: Paper, code: str | None) -> Paper:
    """The paper with the address of its code, where that is one of a public code host."""
    if not code or not ADDRESS.fullmatch(code) or host_kind(code) != CODE:
        return paper
    return paper.model_copy(update={"links": [*paper.links, Link(kind=CODE, url=code)]})
