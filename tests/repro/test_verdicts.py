"""Verdicts by Student's t with a margin, at two looks; errors and power by simulation."""

import numpy as np
import pytest

from kb.repro import verdicts
from kb.repro.verdicts import Difference


def simulated(mean: float, sd: float, worlds: int, sites: int = 2000) -> list[str]:
    """Plain verdicts, margin 2, on sites whose true difference is `mean`."""
    rng = np.random.default_rng(7)
    values = rng.normal(mean, sd, (sites, worlds))
    return [verdicts.plain(Difference(tuple(row)), "greater", 2.0) for row in values]


@pytest.mark.parametrize("sd", [0.5, 1.5, 3.5])
def test_a_true_null_is_hardly_ever_decided_as_an_effect(sd: float) -> None:
    """At no difference fewer than 1 % of first looks show an effect beyond the margin."""
    found = simulated(0.0, sd, 6)
    assert (found.count("holds") + found.count("opposite")) / len(found) < 0.01


def test_a_difference_of_just_the_margin_is_decided_as_often_as_the_level_says() -> None:
    """At the margin itself one look errs in half of 2.9 %, within what 2,000 sites can tell."""
    share = simulated(2.0, 1.5, 6).count("holds") / 2000
    assert 0.008 < share < 0.022


def test_a_large_effect_is_found_in_six_worlds() -> None:
    """Ten points, with the deviation that is typical, are always found."""
    assert simulated(10.0, 1.5, 6).count("holds") / 2000 > 0.99


@pytest.mark.parametrize(("sd", "possible"), [(1.0, True), (10.0, False)])
def test_equality_is_shown_only_where_the_worlds_vary_little(sd: float, possible: bool) -> None:
    """Two one-sided tests cannot succeed in six worlds above a deviation of about two."""
    assert ("no-difference" in simulated(0.0, sd, 6, sites=200)) is possible


@pytest.mark.parametrize(
    ("values", "relation", "verdict"),
    [
        ((-9, -10, -9.5), "less", "holds"),
        ((9, 10, 9.5), "less", "opposite"),
        ((0.1, -0.1, 0.0), "equal", "holds"),
        ((9, 10, 9.5), "equal", "opposite"),
        ((-0.5, -0.6, -0.4), "not-less", "holds"),
        ((-9, -10, -9.5), "not-less", "opposite"),
    ],
)
def test_every_relation_is_judged_in_its_own_direction(values, relation, verdict) -> None:
    """Less is greater turned round; equality is within the margin; not-less may be within it."""
    assert verdicts.plain(Difference(values), relation, 2.0) == verdict


def test_worlds_needed_fall_with_the_effect_and_rise_with_the_deviation() -> None:
    """None where the observed difference is within the margin."""
    near, far = Difference((3.0, 5.0, 4.0, 4.5)), Difference((9.0, 11.0, 10.0, 10.5))
    assert verdicts.worlds_needed(far, 2.0) < verdicts.worlds_needed(near, 2.0)
    assert verdicts.worlds_needed(Difference((1.0, 1.2, 0.8)), 2.0) is None
