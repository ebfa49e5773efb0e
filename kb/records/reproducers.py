"""Who ran what: runs by reproducer, and two verdicts that contradict each other."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kb.records.runs import Run

OURS = "this knowledge base"  # who made the runs that name nobody
_LONGEST = 24  # letters of a name in the id of a run
_DECIDED = {
    *("holds", "holds-for-its-reason", "holds-not-for-its-reason"),
    *("no-difference", "opposite"),
}


def split(runs: Iterable[Run]) -> dict[str | None, list[Run]]:
    """Runs by who made them: the knowledge base's own first, then by name."""
    groups: dict[str | None, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.by, []).append(run)
    return {by: groups[by] for by in sorted(groups, key=lambda by: by or "")}


def own(runs: Iterable[Run]) -> list[Run]:
    """The knowledge base's own runs; where it made none, those of who made most."""
    groups = split(runs)
    return groups.get(None) or max(groups.values(), key=len, default=[])


def name(by: str | None) -> str:
    """Who made a run, in words."""
    return by or OURS


def tag(by: str) -> str:
    """What a reproducer's runs have in their ids: `ada-lovelace-1a2b3c`, ASCII; empty for no name."""
    if not by:
        return ""
    plain = unicodedata.normalize("NFKD", by).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain)[:_LONGEST].strip("-")
    short = hashlib.sha256(by.encode()).hexdigest()[:6]
    return f"{words}-{short}" if words else short


def contradict(one: str, other: str) -> bool:
    """Whether both verdicts decide, and cannot both be right; `holds` alone leaves the reason open."""
    if one == other or not {one, other} <= _DECIDED:
        return False
    return not ("holds" in (one, other) and one.startswith("holds") and other.startswith("holds"))
