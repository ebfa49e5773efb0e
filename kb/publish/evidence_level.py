"""Evidence levels, as the pages show them."""

from dataclasses import dataclass, field
from functools import lru_cache

from kb.records import Library
from kb.records.evidence import LEVELS, gather, of_datasets


@dataclass(frozen=True)
class Step:
    """One level of evidence."""

    name: str
    meaning: str


STEPS = tuple(Step(name, meaning) for name, meaning in LEVELS.items())


@dataclass
class EvidenceLevel:
    """The highest level a paper reaches, and for each level the file or runs that show it."""

    step: int = 0
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def level(self) -> str:
        """The name of the level."""
        return STEPS[self.step].name

    @property
    def reached(self) -> list[str]:
        """All levels with evidence."""
        return [step.name for step in STEPS if step.name in self.reasons]


@lru_cache(maxsize=4)
def evidence_levels(library: Library) -> dict[str, EvidenceLevel]:
    """The level of every paper, by id; one that left the list is `listed` and no more.

    A dataset that came with a model is included under its own id. Of one opened library they are
    computed once.
    """
    every = [*gather(library), *of_datasets(library)]
    levels = {
        one.paper: EvidenceLevel(list(LEVELS).index(one.level), one.shown_by) for one in every
    }
    return {paper.id: EvidenceLevel() for paper in library.papers} | levels
