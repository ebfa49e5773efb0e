"""What a sync did or would do, in the form of the contract and as text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kb.records.errors import Exit
from kb.records.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

Row = dict[str, Any]
MOST_LINES = 20  # that a note names


@dataclass
class SyncReport:
    """Every record the list names is in `added`, `changed`, `moved`, `conflicts` or `unchanged`."""

    added: list[str] = field(default_factory=list)
    changed: list[Row] = field(default_factory=list)  # {id, fields: {name: [old, new]}}
    moved: list[Row] = field(default_factory=list)  # {id, from, to}: between sections
    removed: list[str] = field(default_factory=list)
    duplicates: list[list[int]] = field(default_factory=list)  # [first line, line]
    conflicts: list[Row] = field(default_factory=list)  # {id, field, base, list, record}
    unchanged: int = 0
    suggestions: list[Row] = field(default_factory=list)  # {line, id, looks_like, why[, same]}
    skipped: list[Row] = field(default_factory=list)  # {line, reason}
    counts: dict[str, int] = field(default_factory=dict)  # records the list names, by kind
    outdated: list[str] = field(default_factory=list)  # files that do not say what they should
    unread: list[int] = field(default_factory=list)  # lines of items with a paper link, not read
    refused: bool = False  # nothing was written: too many records would leave the list at once

    def exit_code(self, *, check: bool) -> Exit:
        """3 with conflicts or refused removals, 1 where `--check` finds files out of date, else 0."""
        if self.conflicts or self.refused:
            return Exit.CONFLICT
        return Exit.FINDINGS if check and self.outdated else Exit.CLEAN

    def as_json(self) -> Row:
        """The report in the form of the contract."""
        return dict(vars(self))

    def lines(self) -> Iterator[str]:
        """The report for people; the number of lines grows with what happened."""
        for key in self.added:
            yield f"added      {key}"
        for row in self.changed:
            fields = "; ".join(
                f"{k}: {_short(a)} -> {_short(b)}" for k, (a, b) in row["fields"].items()
            )
            yield f"changed    {row['id']}: {fields}"
        for row in self.moved:
            yield f"moved      {row['id']}: {_short(row['from'])} -> {_short(row['to'])}"
        for key in self.removed:
            stays = (
                "would leave the list"
                if self.refused
                else "no longer in the list; the record stays"
            )
            yield f"removed    {key}: {stays}"
        for first, second in self.duplicates:
            yield f"duplicate  line {second} repeats line {first}"
        for row in self.conflicts:
            yield (
                f"conflict   {row['id']}: {row['field']}: the list says {_short(row['list'])}, the"
                f" record {_short(row['record'])}, both were {_short(row['base'])}"
            )
        yield self.summary()

    def notes(self) -> Iterator[str]:
        """What needs a look: entries left out, and new records that look like known ones."""
        for row in self.skipped:
            yield f"line {row['line']}: left out: {row['reason']}"
        for row in self.suggestions:
            keep = (
                f"; if it is the same, `--same {row['same']}` keeps the id" if "same" in row else ""
            )
            yield f"line {row['line']}: {row['id']} looks like {row['looks_like']} ({row['why']}){keep}"
        if self.unread:
            yield unread_note(self.unread)
        if self.refused:
            yield (
                f"nothing written: {len(self.removed)} records would leave the list at once; if that"
                " is meant, run again with --allow-removals"
            )
        if self.conflicts:
            yield (
                "conflicts: edit the list or the record, or run again with --resolve ours (the"
                " record stands) or --resolve theirs (the list does)"
            )

    def summary(self) -> str:
        """One line: the list's size, and how much of what happened."""
        size = ", ".join(counted(number, kind[:-1]) for kind, number in self.counts.items())
        names = ("added", "changed", "moved", "removed")
        events = [f"{len(getattr(self, name))} {name}" for name in names if getattr(self, name)]
        problems = {"duplicate": len(self.duplicates), "conflict": len(self.conflicts)}
        events += [counted(number, noun) for noun, number in problems.items() if number]
        return f"{size}: {', '.join([*events, f'{self.unchanged} unchanged'])}"


def unread_note(lines: list[int]) -> str:
    """`3 items with a paper link were not read: lines 4, 8, 15`."""
    shown = ", ".join(map(str, lines[:MOST_LINES])) + (", ..." if len(lines) > MOST_LINES else "")
    items, were = ("item", "was") if len(lines) == 1 else ("items", "were")
    return f"{len(lines)} {items} with a paper link {were} not read: line{'s' * (len(lines) > 1)} {shown}"


def _short(value: Any) -> str:
    text = "nothing" if value is None else value if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004  (a line's share)
