"""What a claim states, since which commit, which runs may count for it, and what contradicts it.

A claim is tested by runs that were made after it was stated. Each run in a probe world keeps a digest
of the claims of its model as they stood; for runs of before there were any, the commit that stated
the claim is compared with the run's date. Spelling of YAML is no part of a statement.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kb.records import git, yamlfile
from kb.records.errors import KBError
from kb.records.schema import Claim

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from kb.records.runs import Run

# What a run could show to be wrong; neither figures of the paper nor answers are among it.
FIELDS = {"text", "better", "than", "relation", "metric", "margin", "mechanism", "inputs"}
RANKS = ("MedR", "MnR")  # smaller is better; every other metric grows with quality
SIGN = {"greater": 1, "less": -1}
FILES = ("data/papers.yaml", "data/datasets.yaml")
NO_HISTORY = "there is no git history here"
BEGINS = "the git history here begins with this commit"  # the first, or a shallow clone's
UNCOMMITTED = "this statement is not committed yet"
WHOLE_FILE = 1_000_000  # lines of context: each difference shows its whole file
# The key `claims` at any depth, and all lines that are deeper, items of it, comments or empty.
_BLOCK = re.compile(r"^( *)claims:.*\n(?:\1[ \]}-].*\n| *#.*\n| *\n)*", re.MULTILINE)
_HEAD = re.compile(r"commit ([0-9a-f]{40,64}) ([0-9TZ:+-]+) ?(.*)")


def digest(claim: Claim) -> str:
    """16 hex letters of what a claim states; the same for the same values, however written."""
    content = claim.model_dump(mode="json", include=FIELDS - {"mechanism"})
    content["text"] = " ".join(claim.text.split())
    if claim.mechanism is not None:
        content["mechanism"] = claim.mechanism.model_dump(mode="json", exclude_defaults=True)
    text = json.dumps(content, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


def contradicted(claim: Claim) -> str | None:
    """How the reported figures contradict the claim's relation; None if they do not.

    The relation compares the claim's metric of the first variant with that of each other variant.
    The reported metric may have the opposite direction (MedR).
    """
    if claim.reported is None or claim.relation not in SIGN:
        return None
    first, *others = claim.variants
    figures, metric = claim.reported.figures, claim.reported.metric
    if first not in figures:
        return None
    sign = SIGN[claim.relation]
    if metric.endswith(RANKS) != claim.metric.endswith(RANKS):
        sign = -sign
    wrong = [o for o in others if o in figures and sign * (figures[first] - figures[o]) <= 0]
    if not wrong:
        return None
    quoted = ", ".join(f"{name} {figures[name]:g}" for name in (first, *wrong))
    return (
        f"{claim.relation} {claim.metric} is claimed of {first}, reported is {metric} of {quoted}"
    )


@dataclass(frozen=True)
class Stated:
    """Where a claim was first stated as it stands now; `note` says what is not known of it."""

    digest: str
    commit: str | None = None
    date: str | None = None  # ISO 8601, with the author's offset from UTC
    note: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """The JSON object of `kb claims --json`."""
        return asdict(self)

    def precedes(self, run: Run) -> bool:
        """Whether a run without digests was made after it; True where no history can tell."""
        if self.date is None or self.note == BEGINS:
            return self.note != UNCOMMITTED
        stated, made = _utc(self.date), _utc(run.date)
        length = min(len(stated), len(made))  # a run may know its day only
        return made[:length] >= stated[:length]


def _utc(moment: str) -> str:
    """A moment as text that sorts: `2026-11-30T15:42:58`, or its day alone."""
    from datetime import datetime, timezone  # noqa: PLC0415  (a day alone needs none of it)

    if len(moment) == len("2026-11-30"):
        return moment
    whole = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return whole.astimezone(timezone.utc).isoformat(timespec="seconds")[:19]


class History:
    """The statements of a knowledge base, each with the earliest commit that has it.

    One call of git for all claims. A statement that was changed and changed back is as old as its
    first appearance.
    """

    def __init__(self, root: Path) -> None:
        self._first: dict[tuple[str, str], tuple[str, str]] = {}
        self._roots: set[str] = set()  # commits without a parent that is there
        text = _log(root)
        self.there = bool(text)
        read: dict[str, list[tuple[str, str]]] = {}
        for commit, date, block in self._blocks(text):
            if block not in read:
                read[block] = list(_claims(block))
            for key in read[block]:
                self._first.setdefault(key, (commit, date))

    def of(self, claim: Claim) -> Stated:
        """Where a claim was stated."""
        own = digest(claim)
        if not self.there:
            return Stated(own, note=NO_HISTORY)
        if (claim.id, own) not in self._first:
            return Stated(own, note=UNCOMMITTED)
        commit, date = self._first[claim.id, own]
        return Stated(own, commit, date, BEGINS if commit in self._roots else None)

    def counted(self, claim: Claim, runs: Iterable[Run]) -> list[Run]:
        """The runs that were made after the claim was stated as it stands."""
        stated = self.of(claim)
        return [run for run in runs if self.counts(claim, run, stated)]

    def counts(self, claim: Claim, run: Run, stated: Stated | None = None) -> bool:
        """Whether a run was made after the claim was stated as it stands."""
        stated = stated or self.of(claim)
        if run.stated:
            return run.stated.get(claim.id) == stated.digest
        return stated.precedes(run)

    def _blocks(self, text: str) -> Iterator[tuple[str, str, str]]:
        """(commit, date, the claims of one record as YAML), the oldest commit first."""
        commit, date, lines, inside = "", "", list[str](), False
        for line in [*text.replace("\r\n", "\n").split("\n"), "diff --git end"]:
            head = _HEAD.fullmatch(line)
            if head or line.startswith("diff --git "):
                for block in _parts("".join(lines)):
                    yield commit, date, block
                lines, inside = [], False
            if head:
                commit, date = head[1], head[2]
                self._roots |= set() if head[3] else {commit}
            elif line.startswith("@@"):
                inside = True
            elif inside and line[:1] in {" ", "+"}:
                lines.append(f"{line[1:]}\n")


def _log(root: Path) -> str:
    """Every version of the files of claims, the oldest first; empty where git knows none."""
    command = ["log", "--reverse", "--topo-order", "--format=commit %H %aI %P", "-p", "-m"]
    command += [f"--unified={WHOLE_FILE}", "--no-renames", "--no-color"]
    command += ["--no-ext-diff", "--no-textconv"]  # no program of the repository's choosing runs
    return git.said([*command, "--", *FILES], root) or ""


def _parts(text: str) -> list[str]:
    """The claims of each record of a version; the whole version where it is written otherwise."""
    parts = [block[0] for block in _BLOCK.finditer(text)]
    return parts or ([text] if "claims" in text else [])


def _rows(document: Any) -> Iterator[Any]:
    """Whatever stands in a list under a key `claims`, at any depth."""
    if isinstance(document, list):
        for item in document:
            yield from _rows(item)
    elif isinstance(document, dict):
        for key, value in document.items():
            if key == "claims" and isinstance(value, list):
                yield from value
            else:
                yield from _rows(value)


def _claims(block: str) -> Iterator[tuple[str, str]]:
    """(id, digest) of each claim of a block; none of a block that today's schema cannot read."""
    try:
        document = yamlfile.parse(block, FILES[0])
    except KBError:
        return
    for row in _rows(document):
        try:
            claim = Claim.model_validate(row)
        except ValidationError:
            continue
        yield claim.id, digest(claim)
