"""What a sync did or would do, in the form of the contract and as text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kb.records.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator

Row = dict[str, Any]


@dataclass
class Report:
    """Every record the list names is in `added`, `changed`, `moved`, `conflicts` or `unchanged`."""

    added: list[str] = field(default_factory=list)
    changed: list[Row] = field(default_factory=list)  # {id, fields: {name: [old, new]}}
    moved: list[Row] = field(default_factory=list)  # {id, from, to}: between sections
    removed: list[str] = field(default_factory=list)
    duplicates: list[list[int]] = field(default_factory=list)  # [first line, line]
    conflicts: list[Row] = field(default_factory=list)  # {id, field, base, list, record}
    unchanged: int = 0
    suggestions: list[Row] = field(default_factory=list)  # {line, id, looks_like, why}
    skipped: list[Row] = field(default_factory=list)  # {line, reason}
    counts: dict[str, int] = field(default_factory=dict)  # records the list names, by kind
    outdated: list[str] = field(default_factory=list)  # files that do not say what they should

    def exit_code(self, *, check: bool) -> Exit:
        """3 with conflicts, 1 where `--check` finds files out of date, else 0."""
        if self.conflicts:
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
            yield f"removed    {key}: no longer in the list; the record is kept"
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
            yield f"line {row['line']}: {row['id']} looks like {row['looks_like']} ({row['why']})"
        if self.conflicts:
            yield (
                "conflicts: hint the list or the record, or run again with --resolve ours (the"
                " record stands) or --resolve theirs (the list does)"
            )

    def summary(self) -> str:
        """One line: the list's size, and how much of what happened."""
        size = ", ".join(f"{number} {kind}" for kind, number in self.counts.items())
        names = ("added", "changed", "moved", "removed", "duplicates", "conflicts")
        events = [f"{len(getattr(self, name))} {name}" for name in names if getattr(self, name)]
        return f"{size}: {', '.join([*events, f'{self.unchanged} unchanged'])}"


def _short(value: Any) -> str:
    text = "nothing" if value is None else value if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004  (a line's share)
