"""How far the evidence for each paper reaches: computed from files, never typed."""

from dataclasses import dataclass, field

from kb.records import Library, Paper


@dataclass(frozen=True)
class Step:
    """One rung of the ladder."""

    name: str
    meaning: str


STEPS = (
    Step("listed", "the list has it, and its record is valid"),
    Step("modelled", "its model is written in one file"),
    Step("matched", "the file gives the official code's numbers"),
    Step("claim checked", "its claim was tested in the controlled world"),
    Step("number checked", "its published number was measured again on the real data"),
)


@dataclass
class Standing:
    """The highest rung a paper reached, and what puts it there."""

    step: int = 0
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def level(self) -> str:
        """The name of the rung."""
        return STEPS[self.step].name

    @property
    def reached(self) -> list[str]:
        """Every rung up to this one."""
        return [step.name for step in STEPS[: self.step + 1]]


def standings(library: Library) -> dict[str, Standing]:
    """The standing of every paper, by id."""
    return {paper.id: _standing(library, paper) for paper in library.papers}


def _standing(library: Library, paper: Paper) -> Standing:
    standing = Standing()
    if paper.model:
        path = f"models/{paper.model.replace('-', '_')}.py"
        if (library.root / path).is_file():
            standing.step, standing.reasons["modelled"] = 1, path
    return standing
