"""Models side by side: shared ranks, and orders that agree or do not."""

from itertools import combinations
from math import sqrt

import numpy as np
import pytest

from kb.repro.comparison import agreement, places


def seeds(*values):
    """Values by seed."""
    return dict(enumerate(values))


def test_models_not_significantly_different_share_a_rank():
    """Two models whose seeds cross are both first; one far below is third."""
    place_of = places(
        {
            "egret": seeds(30.0, 31.0, 29.5),
            "heron": seeds(30.5, 30.2, 30.1),
            "coot": seeds(20.0, 21.0, 20.5),
        }
    )
    assert {name: place.rank for name, place in place_of.items()} == {
        "egret": 1,
        "heron": 1,
        "coot": 3,
    }
    assert place_of["coot"].better == ("egret", "heron")


def test_a_small_gain_that_every_seed_shows_counts():
    """Pairing by seed takes out what seeds have in common."""
    place_of = places({"egret": seeds(10.0, 20.0, 30.0), "heron": seeds(11.0, 21.1, 30.9)})
    assert (place_of["heron"].rank, place_of["egret"].rank) == (1, 2)


def test_two_seeds_are_no_place():
    """Too little is known of how far a third seed would lie."""
    place_of = places({"egret": seeds(10.0, 11.0), "heron": seeds(11.0, 12.0, 11.5)})
    assert set(place_of) == {"heron"}


def test_seeds_that_are_not_shared_part_nobody():
    """Without a pair there is no difference."""
    place_of = places({"egret": {0: 1.0, 1: 1.1, 2: 1.2}, "heron": {3: 9.0, 4: 9.1, 5: 9.2}})
    assert {place.rank for place in place_of.values()} == {1}


def longhand(one, other):
    """(concordant - discordant) / sqrt(pairs untied in one x pairs untied in the other)."""
    signs = [
        (int(np.sign(one[i] - one[j])), int(np.sign(other[i] - other[j])))
        for i, j in combinations(range(len(one)), 2)
    ]
    untied = [sum(1 for pair in signs if pair[side]) for side in (0, 1)]
    return sum(a * b for a, b in signs) / sqrt(untied[0] * untied[1])


@pytest.mark.parametrize("seed", range(5))
def test_tau_is_the_count_of_pairs(seed):
    """Ties included."""
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 6, 9).astype(float), rng.integers(0, 6, 9).astype(float)
    names = "abcdefghi"
    result = agreement(dict(zip(names, one, strict=True)), dict(zip(names, other, strict=True)))
    assert result.tau == pytest.approx(longhand(one, other))
    assert result.low <= result.tau <= result.high


def test_only_models_with_both_values_count():
    """A model that one order lacks is left out; two are too few."""
    one = {"egret": 1.0, "heron": 2.0, "coot": 3.0, "rail": 4.0}
    result = agreement(one, {"egret": 3.0, "heron": 2.0, "coot": 1.0})
    assert (result.models, result.tau, result.low) == (3, -1.0, None)  # too few to draw from
    assert agreement(one, {"egret": 1.0, "heron": 2.0}) is None


def test_an_order_of_ties_only_agrees_with_nothing():
    """Equal values are no order."""
    one = {"egret": 1.0, "heron": 2.0, "coot": 3.0}
    assert agreement(one, dict.fromkeys(one, 5.0)) is None
