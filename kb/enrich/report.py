"""What a run of `kb enrich` found; the form of its JSON."""

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]


@dataclass
class Report:
    """Counts and rows; nothing here was written by itself."""

    matched: int = 0
    changed: list[Row] = field(default_factory=list)  # {id, fields: {name: [old, new]}}
    suggestions: list[Row] = field(default_factory=list)  # look at these
    mismatches: list[Row] = field(default_factory=list)  # list and source disagree
    withdrawn: list[Row] = field(default_factory=list)  # {id, arxiv, comment, confirmed}
    unreachable: bool = False
