"""How often the procedure that judges claims is wrong, and what it finds: simulated.

Every stated claim is drawn many times as it is run: its comparisons and levels, six worlds and,
where these leave it undecided, six more. Differences are normal around a true one, with the
deviation over worlds that the claim's own runs show, or the pooled one where it has none.
Comparisons of one claim are drawn independently; in truth they share a variant.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from statistics import fmean
from typing import Any

import numpy as np

from kb.records import Claim, Library, Run, atomic, pairs, reproducers
from kb.records.error_rates import WHERE, ErrorRates
from kb.repro import claims, verdicts
from kb.repro.verdicts import Difference

Progress = Callable[[str, int, int], None]  # what, done, of
DRAWS = 400  # of each claim under each truth
EFFECTS = (3.0, 5.0, 10.0)  # true differences in points at which power is told
HOLDS = ("holds", "holds-for-its-reason", "holds-not-for-its-reason")


@dataclass(frozen=True)
class Site:
    """A claim as it is drawn: deviation over worlds of each comparison, level by level."""

    model: str
    claim: Claim
    deviations: tuple[dict[str, float], ...]  # one a comparison: level -> points

    @property
    def no_effect(self) -> float:
        """The true difference at which the claim is just not true."""
        return {"not-less": -self.claim.margin, "equal": self.claim.margin}.get(
            self.claim.relation, 0.0
        )

    def true_difference(self, points: float) -> float:
        """A difference of so many points, in the direction that the claim says."""
        return -points if self.claim.relation == "less" else points


def sites(library: Library, size: str = pairs.SIZE) -> tuple[list[Site], float, int]:
    """All stated claims, the pooled deviation and the number of deviations measured."""
    stated = library.stated("all")
    runs = {name: reproducers.own(library.runs(name)) for name in {model for model, _ in stated}}
    known = {
        (model, claim.id): measured_deviations(claim, runs[model], size) for model, claim in stated
    }
    squares = [sd**2 for of in known.values() for one in of.values() for sd in one.values()]
    pooled = sqrt(fsum(squares) / len(squares)) if squares else float("nan")
    rows = [
        Site(
            model,
            claim,
            tuple(
                dict.fromkeys(claim.levels, pooled) | known[model, claim.id].get(other, {})
                for other in claim.than
            ),
        )
        for model, claim in stated
    ]
    return rows, pooled, len(squares)


def measured_deviations(
    claim: Claim, runs: Sequence[Run], size: str = pairs.SIZE
) -> dict[str, dict[str, float]]:
    """Other variant -> level -> deviation of the paired difference; empty before three worlds."""
    cells = pairs.cells(claim, runs, size)
    if len(cells.seeds) <= pairs.PAIRED:
        return {}
    of = claims.values_of(claim, cells, cells.seeds)
    return {
        other: {
            level: verdicts.paired(values[claim.better], values[other]).sd
            for level, values in of.items()
        }
        for other in claim.than
    }


def drawn(
    site: Site, on: float, absent: float, draws: int, rng: np.random.Generator
) -> Iterator[str]:
    """Verdicts on a claim whose true differences are `on` at the deciding level, else `absent`."""
    levels = site.claim.levels
    truth = [on if level == levels[-1] else absent for level in levels]
    spread = np.array([[of[level] for level in levels] for of in site.deviations])
    for _ in range(draws):
        values = rng.normal(
            np.array(truth)[None, :, None],
            spread[:, :, None],
            (*spread.shape, pairs.EXTENDED),
        )
        verdict = _weakest(site.claim, values[..., : pairs.WORLDS])
        yield _weakest(site.claim, values) if verdict == "undecided" else verdict


def _weakest(claim: Claim, values: np.ndarray[Any, Any]) -> str:
    """The verdict on a claim from differences by comparison, level and world."""
    outcomes = []
    for comparison in values.tolist():
        of = zip(claim.levels, comparison, strict=True)
        outcomes.append(claims.verdict(claim, {level: Difference(tuple(row)) for level, row in of}))
    return min(outcomes, key=claims.WEAKEST.index)


def document(
    library: Library, draws: int = DRAWS, seed: int = 0, progress: Progress | None = None
) -> ErrorRates:
    """Shares, in percent, of wrong decisions at no difference and of claims found at an effect."""
    rows, pooled, measured = sites(library)
    if not measured:
        return ErrorRates(claims=len(rows), measured_deviations=0)
    rng = np.random.default_rng(seed)
    by_model: dict[str, list[list[bool]]] = {}
    reasons: list[bool] = []
    holds: dict[float, list[bool]] = {points: [] for points in EFFECTS}
    for n, one in enumerate(rows, 1):
        by_model.setdefault(one.model, []).append(_wrong(one, draws, rng))
        reasons += _wrong_reason(one, draws, rng)
        for points, of in holds.items():
            on = one.true_difference(points)
            of += [verdict in HOLDS for verdict in drawn(one, on, 0.0, draws, rng)]
        if progress:
            progress("claims simulated", n, len(rows))
    papers = [_share([any(of) for of in zip(*v, strict=True)]) for v in by_model.values()]
    return ErrorRates(
        claims=len(rows),
        measured_deviations=measured,
        pooled_deviation=pooled,
        draws=draws,
        wrong_per_claim=_share([one for v in by_model.values() for of in v for one in of]),
        wrong_per_paper=fmean(papers),
        wrong_in_the_worst_paper=max(papers),
        wrong_reason=_share(reasons),
        power={f"{points:g}": _share(of) for points, of in holds.items()},
    )


def _wrong(site: Site, draws: int, rng: np.random.Generator) -> list[bool]:
    """Whether each verdict is wrong where the claim is just not true."""
    wrong = HOLDS if site.claim.relation in {"equal", "not-less"} else (*HOLDS, "opposite")
    return [verdict in wrong for verdict in drawn(site, site.no_effect, site.no_effect, draws, rng)]


def _wrong_reason(site: Site, draws: int, rng: np.random.Generator) -> list[bool]:
    """Whether each verdict credits a mechanism that changes nothing; none without a mechanism."""
    if site.claim.mechanism is None or site.claim.mechanism.predicts == "open":
        return []
    same = site.true_difference(EFFECTS[-1])
    return [v == "holds-for-its-reason" for v in drawn(site, same, same, draws, rng)]


def _share(of: Sequence[bool]) -> float:
    """Percent that are true."""
    return 100 * sum(of) / len(of) if of else 0.0


def write(library: Library, progress: Progress | None = None) -> ErrorRates:
    """Simulate, keep the result in data/error_rates.json and return it."""
    rates = document(library, progress=progress)
    atomic.write(library.root / WHERE, f"{rates.model_dump_json(indent=1)}\n".encode())
    return rates


def text(rates: ErrorRates) -> str:
    """The result in words; a line a figure."""
    if not rates.measured_deviations:
        return "no claim has been run in three worlds yet: there is no deviation to simulate with"
    power = ", ".join(f"{share:.1f} % at {points}" for points, share in rates.power.items())
    return f"""{rates.claims} claims, {rates.draws} draws of each
deviation over worlds: {rates.pooled_deviation:.2f} points, pooled over {rates.measured_deviations} differences
wrong where nothing differs: {rates.wrong_per_claim:.2f} % of claims
wrong in at least one claim of a paper: {rates.wrong_per_paper:.2f} %, {rates.wrong_in_the_worst_paper:.2f} % of the worst paper
wrong reason where the mechanism does nothing: {rates.wrong_reason:.2f} %
claims found, by true difference in points: {power}"""
