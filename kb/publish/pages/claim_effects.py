"""The effects of a claim: with its mechanism's fact and without it, on real frames, in the paper."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kb.publish import effects, measured, verdicts
from kb.publish.effects import Effect
from kb.publish.pages.site import Site
from kb.records import Run
from kb.records.schema import PLAIN

SYNTHETIC = "diorama"


@dataclass
class Comparison:
    """The claim's variant against one other, each effect in the claim's metric but the paper's."""

    other: str
    on: Effect | None = None
    off: Effect | None = None
    real: Effect | None = None
    paper: Effect | None = None  # in the metric that the paper reports
    decides: bool = False

    @property
    def ours(self) -> list[tuple[str, Effect]]:
        """What was measured here, by the level of the mechanism or the data."""
        levels = [("on", self.on), ("off", self.off), ("real", self.real)]
        return [(name, effect) for name, effect in levels if effect]


@dataclass
class ClaimEffects:
    """A row of `kb claims` with its comparisons."""

    row: dict[str, Any]
    better: str
    comparisons: list[Comparison] = field(default_factory=list)

    @property
    def decisive(self) -> Effect | None:
        """The effect that decides the claim."""
        return next((one.on for one in self.comparisons if one.decides), None)

    @property
    def without(self) -> Effect | None:
        """The same comparison without the mechanism's fact."""
        return next((one.off for one in self.comparisons if one.decides), None)

    @property
    def worlds(self) -> int:
        """How many worlds the deciding comparison pairs."""
        return len(self.row["worlds"]) if self.decisive else 0

    @property
    def axis(self) -> Any:
        """A scale for what was measured here."""
        shown = [effect for one in self.comparisons for _, effect in one.ours]
        return effects.scale(shown) if shown else None

    @property
    def paper_axis(self) -> Any:
        """A scale for the paper's figures."""
        reported = [one.paper for one in self.comparisons if one.paper]
        return effects.scale(reported) if reported else None


def claim_effects(site: Site, rows: Iterable[dict[str, Any]]) -> list[ClaimEffects]:
    """The rows of `kb claims` with an effect for each comparison."""
    return [
        _claim(row, [run for run in site.runs_of.get(row["model"], []) if run.by == row["by"]])
        for row in rows
    ]


def _claim(row: dict[str, Any], runs: list[Run]) -> ClaimEffects:
    better, *others = row["variants"]
    compared = {one["other"]: one for one in row["comparisons"]}
    figures = row["reported"]["figures"] if row["reported"] else {}
    on = row["mechanism"]["on"] if row["mechanism"] else PLAIN
    off = row["mechanism"]["absent"] if row["mechanism"] else ""
    effects_of = ClaimEffects(row, better)
    for other in others:
        levels = compared.get(other, {})
        effects_of.comparisons.append(
            Comparison(
                other,
                on=_interval(levels.get(on)),
                off=_interval(levels.get(off)),
                real=_on_real_frames(row["metric"], better, other, runs),
                paper=_reported(figures, better, other),
                decides=other == row["weakest"],
            )
        )
    return effects_of


def _interval(of: dict[str, Any] | None) -> Effect | None:
    if not of or of["difference"] is None:
        return None
    low, high = of["ci95"]
    return Effect(of["difference"], low, high)


def _reported(figures: dict[str, float], better: str, other: str) -> Effect | None:
    if better not in figures or other not in figures:
        return None
    return Effect(figures[better] - figures[other])


def _on_real_frames(metric: str, better: str, other: str, runs: list[Run]) -> Effect | None:
    """Paired over folds and seeds of real data; None with fewer than two pairs."""
    direction, _, name = metric.rpartition(" ")
    sides: dict[str, dict[tuple[object, ...], float]] = {better: {}, other: {}}
    for run in reversed(runs):  # the newest of a kind is written last
        real = run.status == "done" and not run.data.name.startswith(SYNTHETIC)
        if (
            real
            and run.variant in sides
            and (value := measured.value(run, direction, name)) is not None
        ):
            key = (run.data.name, run.data.fingerprint, run.data.split, run.data.protocol, run.seed)
            sides[run.variant][key] = value
    both = sides[better].keys() & sides[other].keys()
    difference = verdicts.paired([sides[better][key] - sides[other][key] for key in both])
    return Effect(*difference) if difference else None
