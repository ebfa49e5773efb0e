"""How far the evidence for each paper reaches, as the pages show it."""

from dataclasses import dataclass, field

from kb.records import Library
from kb.records.evidence import LEVELS, gather, of_datasets


@dataclass(frozen=True)
class Step:
    """One rung of the ladder."""

    name: str
    meaning: str


STEPS = tuple(Step(name, meaning) for name, meaning in LEVELS.items())


@dataclass
class Standing:
    """The highest rung a paper reached, and by rung what puts it there."""

    step: int = 0
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def level(self) -> str:
        """The name of the rung."""
        return STEPS[self.step].name

    @property
    def reached(self) -> list[str]:
        """Every rung that there is evidence for."""
        return [step.name for step in STEPS if step.name in self.reasons]


def standings(library: Library) -> dict[str, Standing]:
    """The standing of every paper, by id; one that left the list is `listed` and no more.

    A dataset that brought a model stands there too, under its own id.
    """
    every = [*gather(library), *of_datasets(library)]
    found = {one.paper: Standing(list(LEVELS).index(one.level), one.shown_by) for one in every}
    return {paper.id: Standing() for paper in library.papers} | found
