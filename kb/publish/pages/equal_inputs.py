"""Models on equal inputs: full models that read the same features in the same synthetic worlds."""

from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from kb.publish import verdicts
from kb.publish.charts import Axis
from kb.publish.effects import Effect, scale
from kb.publish.measured import value
from kb.publish.pages.site import Site
from kb.records import Run

if TYPE_CHECKING:
    from kb.repro.comparison import Place

METRIC = ("t2v", "R@1")
MODELS = 2  # that a comparison has at least


@dataclass
class Entrant:
    """One model: its score in each world."""

    model: str
    worlds: dict[int, float]
    place: "Place | None" = None

    @property
    def mean(self) -> float:
        """Over the worlds."""
        return fmean(self.worlds.values())

    @property
    def seeds(self) -> list[Effect]:
        """A mark per world."""
        return [Effect(score) for _, score in sorted(self.worlds.items())]


@dataclass
class Contest:
    """The models that read the same inputs in worlds of one kind."""

    world: str  # order-twins
    level: str  # absent, present, twins, plain
    inputs: tuple[str, ...]
    entrants: list[Entrant]

    @property
    def id(self) -> str:
        """An anchor."""
        return "-".join(("equal", self.world, self.level, *self.inputs))

    @property
    def axis(self) -> Axis:
        """One scale for all of them."""
        return scale(one for entrant in self.entrants for one in entrant.seeds)


def contests(site: Site) -> list[Contest]:
    """Every kind of world and inputs that two models share, that of most models first."""
    groups: dict[tuple[str, str, tuple[str, ...]], dict[str, dict[int, Run]]] = defaultdict(dict)
    for run in reversed(site.runs):  # the newest of a world is written last
        probe = run.data.probe
        if probe and run.is_full and not run.changes:
            key = (probe.mechanism, probe.level, tuple(sorted(probe.inputs)))
            groups[key].setdefault(run.model, {})[probe.seed] = run
    compared = [_contest(key, models) for key, models in groups.items()]
    fit = [one for one in compared if len(one.entrants) >= MODELS]
    return sorted(fit, key=lambda one: (-len(one.entrants), one.id))


def _contest(key: tuple[str, str, tuple[str, ...]], models: dict[str, dict[int, Run]]) -> Contest:
    scores = {name: _scores(runs) for name, runs in models.items()}
    known = {name: of for name, of in scores.items() if len(of) >= MODELS}
    places = verdicts.places(known)
    entrants = [Entrant(name, of, places.get(name)) for name, of in known.items()]
    return Contest(*key, sorted(entrants, key=lambda one: -one.mean))


def _scores(runs: dict[int, Run]) -> dict[int, float]:
    scores = {seed: value(run, *METRIC) for seed, run in runs.items()}
    return {seed: score for seed, score in scores.items() if score is not None}
