"""Verdicts on claims: Student's t on differences paired by world, with a margin.

Two looks are allowed, at six and at twelve worlds, each at level 0.029 (Pocock's boundary for two
looks at 0.05). A difference smaller than the margin counts as none. Simulated on comparisons with
no difference, t with a margin errs so rarely that no correction over comparisons is needed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy import stats

from kb.repro.statistics import paired_t, t_quantile

LOOK = 0.029  # two-sided level of each of two looks
TOLD = 75.0  # percent of twins that the features' probe must tell apart
LEARNT = 0.5  # of the baseline's score; a variant below it did not learn
MARGIN_SIDES = {"greater": 1, "less": -1, "not-less": 1, "equal": 1}


@dataclass(frozen=True)
class Difference:
    """A mean difference over paired worlds."""

    values: tuple[float, ...]

    @property
    def n(self) -> int:
        """Number of worlds."""
        return len(self.values)

    @property
    def mean(self) -> float:
        """Mean over the worlds."""
        return fmean(self.values)

    @property
    def sd(self) -> float:
        """Standard deviation over the worlds."""
        return stdev(self.values)

    def interval(self, level: float = 0.05) -> tuple[float, float]:
        """Two-sided interval of Student's t."""
        _, low, high = paired_t(self.values, 1 - level / 2)
        return low, high

    def shows(self, margin: float) -> str:
        """What one look shows: greater, less, within (two one-sided tests) or nothing."""
        low, high = self.interval(LOOK)
        if low > margin:
            return "greater"
        if high < -margin:
            return "less"
        inner = self.interval(2 * LOOK)
        return "within" if -margin < inner[0] and inner[1] < margin else "nothing"


def paired(first: Sequence[float], other: Sequence[float]) -> Difference:
    """The difference of two variants, world by world."""
    return Difference(tuple(a - b for a, b in zip(first, other, strict=True)))


def plain(difference: Difference, relation: str, margin: float) -> str:
    """holds, no-difference, opposite or undecided."""
    signed = Difference(tuple(-v for v in difference.values)) if relation == "less" else difference
    shown = signed.shows(margin)
    if relation == "equal":
        return {"within": "holds", "nothing": "undecided"}.get(shown, "opposite")
    if relation == "not-less" and signed.interval(2 * LOOK)[0] > -margin:
        return "holds"
    names = {"greater": "holds", "less": "opposite", "within": "no-difference"}
    return names.get(shown, "undecided")


def with_mechanism(
    absent: Difference, on: Difference, relation: str, margin: float, predicts: str
) -> str:
    """The verdict where a mechanism is switched; `vanishes` is `appears` with the levels exchanged."""
    if predicts == "vanishes":
        absent, on = on, absent
    verdict = plain(on, relation, margin)
    if verdict != "holds" or predicts == "open":
        return verdict
    interaction = paired(on.values, absent.values)
    sign = MARGIN_SIDES[relation]
    if predicts == "flips":
        flipped = plain(absent, relation, margin) == "opposite"
        return "holds-for-its-reason" if flipped else "holds-not-for-its-reason"
    shown = interaction.shows(margin)
    if shown == ("greater" if sign > 0 else "less"):
        return "holds-for-its-reason"
    return "holds-not-for-its-reason" if shown == "within" else "holds"


def worlds_needed(difference: Difference, margin: float, power: float = 0.8) -> int | None:
    """Worlds for a look to tell the observed difference from the margin; None above 1,000."""
    beyond = abs(difference.mean) - margin
    if beyond <= 0 or difference.n < 2:  # noqa: PLR2004  (no deviation of one)
        return None
    for n in range(2, 1001):
        shift = beyond * math.sqrt(n) / max(difference.sd, 1e-9)
        if stats.nct.sf(t_quantile(n - 1, 1 - LOOK / 2), n - 1, shift) >= power:
            return n
    return None
