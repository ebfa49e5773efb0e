"""A claim compared with the figures that it quotes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kb.records.schema import Claim

RANKS = ("MedR", "MnR")  # smaller is better; every other metric grows with quality
SIGN = {"greater": 1, "less": -1}


def contradicted(claim: Claim) -> str | None:
    """How the reported figures contradict the claim's relation; None if they do not.

    The relation compares the claim's metric of the first variant with that of each other variant.
    The reported metric may have the opposite direction (MedR).
    """
    if claim.reported is None or claim.relation not in SIGN:
        return None
    first, *others = claim.variants
    figures, metric = claim.reported.figures, claim.reported.metric
    if first not in figures:
        return None
    sign = SIGN[claim.relation]
    if metric.endswith(RANKS) != claim.metric.endswith(RANKS):
        sign = -sign
    wrong = [o for o in others if o in figures and sign * (figures[first] - figures[o]) <= 0]
    if not wrong:
        return None
    quoted = ", ".join(f"{name} {figures[name]:g}" for name in (first, *wrong))
    return (
        f"{claim.relation} {claim.metric} is claimed of {first}, reported is {metric} of {quoted}"
    )
