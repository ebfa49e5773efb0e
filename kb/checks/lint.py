"""Linting a list: all rules, what is new against a base, and the fixes that are safe to make."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kb.checks import base as against
from kb.checks.finding import LintFinding
from kb.checks.known import Known
from kb.checks.listing import Listing
from kb.checks.run import apply, check
from kb.lists import Venues, read
from kb.records import KBError, Library, atomic

if TYPE_CHECKING:
    from kb.checks.finding import Edit

PASSES = 8  # one fix may uncover another; each pass removes what it fixes, so few are needed


@dataclass
class LintReport:
    """The findings of one list."""

    file: str
    findings: list[LintFinding] = field(default_factory=list)
    fixed: list[LintFinding] = field(default_factory=list)  # what --fix has changed

    @property
    def blocks(self) -> bool:
        """Whether the list has an error that the base does not have."""
        return any(finding.severity == "error" for finding in self.findings)


def knowledge(root: Path | None) -> tuple[Venues, Known]:
    """Venues and records of the knowledge base at `root`; without one, the venues of kb."""
    if root is None:
        return Venues.load(), Known()
    library = Library(root)
    return Venues.load(root), Known([*library.papers, *library.datasets])


def lint(
    file: Path | str, *, root: Path | None = None, base: str | None = None, text: str | None = None
) -> LintReport:
    """All findings of a list; with `base` (a file or a git revision) only new errors block.

    `text` replaces the file's content if a caller has read it already. Raises KBError (usage)
    for a file or a base that cannot be read.
    """
    content = read(file) if text is None else text
    venues, known = knowledge(root)
    folder = None if str(file) == "-" else Path(file).resolve().parent
    name = "standard input" if str(file) == "-" else Path(file).as_posix()
    listing = Listing(content, name, venues=venues, known=known, folder=folder)
    findings = check(listing)
    if base is not None:
        old = Listing(against.read_base(base, file), base, venues=venues, known=known)
        findings = against.mark_known(listing, findings, old, check(old))
    return LintReport(name, findings)


def fix(file: Path | str, *, root: Path | None = None, base: str | None = None) -> LintReport:
    """Apply the safe fixes in place, atomically, and lint the result. A second run changes nothing.

    Keeps encoding, byte order mark and line ends. Raises KBError as `lint` does.
    """
    if str(file) == "-":
        raise KBError("--fix needs a file", hint="name the list instead of `-`")
    venues, known = knowledge(root)
    before = read(file)
    mark = "\ufeff" if before.startswith("\ufeff") else ""
    text, fixed = before.removeprefix("\ufeff"), []
    for _ in range(PASSES):
        findings = check(Listing(text, str(file), venues=venues, known=known))
        chosen = _disjoint([finding for finding in findings if finding.edits])
        if not chosen:
            break
        text = apply(text, [edit for finding in chosen for edit in finding.edits])
        fixed += chosen
    if fixed:
        atomic.write(Path(file).resolve(), (mark + text).encode(_encoding(Path(file))))
    report = lint(file, root=root, base=base)
    report.fixed = fixed
    return report


def _disjoint(findings: list[LintFinding]) -> list[LintFinding]:
    """Findings whose edits do not overlap; of those that do, the first (the rest next pass)."""
    chosen: list[LintFinding] = []
    taken = -1
    for finding in sorted(findings, key=lambda f: _span(f.edits)):
        start, end = _span(finding.edits)
        if start >= taken:
            chosen.append(finding)
            taken = max(end, start + 1)
    return chosen


def _span(edits: tuple[Edit, ...]) -> tuple[int, int]:
    return min(edit.start for edit in edits), max(edit.end for edit in edits)


def _encoding(file: Path) -> str:
    """The encoding of a list: UTF-16 by its byte order mark, or else UTF-8."""
    with file.open("rb") as stream:
        mark = stream.read(2)
    return {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(mark, "utf-8")
