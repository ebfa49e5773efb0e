"""The report of `kb enrich`, and the form of its JSON."""

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]


@dataclass
class EnrichReport:
    """Counts and rows of one run."""

    matched: int = 0
    changed: list[Row] = field(default_factory=list)  # {id, fields: {name: [old, new]}}
    suggestions: list[Row] = field(default_factory=list)  # for a person; also skipped entries
    mismatches: list[Row] = field(default_factory=list)  # list and source disagree
    withdrawn: list[Row] = field(default_factory=list)  # {id, arxiv, comment, confirmed}
    unreachable: bool = False


def lines(report: EnrichReport) -> list[str]:
    """The report as text, one finding per line."""
    rows = [f"changed    {row['id']}: {', '.join(row['fields'])}" for row in report.changed]
    rows += [f"mismatch   {row['id']}: {_mismatch(row)}" for row in report.mismatches]
    rows += [
        f"suggestion {row.get('id') or row.get('key')}: {_suggestion(row)}"
        for row in report.suggestions
    ]
    rows += [f"withdrawn  {row['id']}: {_withdrawn(row)}" for row in report.withdrawn]
    return [*rows, f"{report.matched} matched, {len(report.changed)} changed"]


def _mismatch(row: Row) -> str:
    if "kind" not in row:
        values = f"the record has {row.get('record')!r}, the source {row.get('source')!r}"
        return f"{row.get('field')}: {values} ({row.get('detail')})"
    if row["kind"] == "unknown_id":
        return f"arXiv knows no {row['arxiv']} (in its {row['from']})"
    owner = f", which is {row['belongs_to']}" if row["belongs_to"] else ""
    return f"arXiv {row['arxiv']} (in its {row['from']}) is {row['arxiv_title']!r}{owner}"


def _suggestion(row: Row) -> str:
    return f"may be arXiv {row['arxiv']}" if "arxiv" in row else f"{row.get('why')}; look at it"


def _withdrawn(row: Row) -> str:
    sure = {
        True: "confirmed by arXiv",
        False: "not confirmed by arXiv",
        None: "arXiv does not state it",
    }
    if "doi" in row:
        return f"{row['comment']} ({row['doi']})"
    return f"{row['comment']!r} ({sure[row['confirmed']]})"
