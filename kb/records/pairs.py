"""The runs that decide a claim: by level, variant and seed; seed i is world i."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kb.records.runs import Run
    from kb.records.schema import Claim

TUNING = 1000  # seeds from here choose learning rates and never count
WORLDS = 6  # of a claim's first look
EXTENDED = 12  # of its second and last
SIZE = "small"  # of the worlds; tiny ones try the commands only
PAIRED = 2  # worlds that all variants share, at least: one difference has no spread


@dataclass
class Cells:
    """Runs of a claim: level -> variant -> seed -> run."""

    runs: dict[str, dict[str, dict[int, Run]]] = field(default_factory=dict)

    @property
    def seeds(self) -> list[int]:
        """Seeds that every variant has at every level; no more than one look takes."""
        sets = [set(of) for by_variant in self.runs.values() for of in by_variant.values()]
        shared = sorted(set.intersection(*sets)) if sets else []
        return shared[: EXTENDED if len(shared) >= EXTENDED else WORLDS]

    @property
    def enough(self) -> bool:
        """Whether there are enough worlds for a standard deviation."""
        return len(self.seeds) >= PAIRED

    @property
    def all(self) -> list[Run]:
        """Every run."""
        return [
            run
            for by_variant in self.runs.values()
            for by_seed in by_variant.values()
            for run in by_seed.values()
        ]


def cells(claim: Claim, runs: Iterable[Run], size: str = SIZE) -> Cells:
    """The runs of a claim in worlds of a size; of several for one cell the latest."""
    chosen = Cells({level: {name: {} for name in claim.variants} for level in claim.levels})
    for run in runs:
        if run.data.probe is None or run.data.size != size or not _counts(claim, run):
            continue
        by_seed = chosen.runs[run.data.probe.level][run.variant]
        before = by_seed.get(run.seed)
        if before is None or (before.version, before.date) < (run.version, run.date):
            by_seed[run.seed] = run
    return chosen


def _counts(claim: Claim, run: Run) -> bool:
    probe = run.data.probe
    return (
        probe is not None
        and run.status == "done"
        and run.kind == "model"
        and run.seed < TUNING
        and not run.trial
        and run.variant in claim.variants
        and probe.mechanism == claim.world
        and probe.level in claim.levels
        and (not claim.read or probe.inputs == claim.read)
    )
