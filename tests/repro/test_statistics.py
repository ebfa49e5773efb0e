"""Intervals of paired differences, and the sample size they take."""

import numpy as np
import pytest

from kb.repro import statistics

# From printed tables of Student's t, two-sided 95 %.
TABLE = {1: 12.706, 2: 4.303, 4: 2.776, 9: 2.262, 30: 2.042, 120: 1.980}


@pytest.mark.parametrize("df", TABLE)
def test_quantiles_are_those_of_the_printed_table(df: int) -> None:
    """To the table's three decimals."""
    assert statistics.t_quantile(df) == pytest.approx(TABLE[df], abs=6e-4)


def test_the_interval_is_the_paired_t_interval() -> None:
    """Differences 1, 2, 3: mean 2, half-width 4.303 / sqrt(3)."""
    gain, low, high = statistics.paired_t([1, 2, 3])
    assert gain == 2
    assert (high - low) / 2 == pytest.approx(4.303 / 3**0.5, abs=1e-3)


def test_the_bootstrap_of_one_table_has_the_width_of_the_standard_error() -> None:
    """Many seeds alike, many queries: about 1.96 standard errors of the query mean to each side."""
    rng = np.random.default_rng(1)
    queries = rng.normal(size=4000)
    low, high = statistics.bootstrap([np.tile(queries, (3, 1))])
    half = 1.96 * queries.std() / 4000**0.5
    assert (low, high) == pytest.approx(
        (queries.mean() - half, queries.mean() + half), abs=0.2 * half
    )


def test_seeds_vary_where_queries_do_not() -> None:
    """One query a seed: the interval is that of the seeds, within their range, by the same draws."""
    differences = np.array([[1.0], [2.0], [6.0]])
    low, high = statistics.bootstrap([differences])
    assert 1 <= low < 3 < high <= 6
    assert statistics.bootstrap([differences]) == (low, high)


def test_tables_of_both_directions_add_up() -> None:
    """SumR is a sum over directions: constant differences of 2 and 3 give 5, without a spread."""
    interval = statistics.bootstrap([np.full((4, 10), 2.0), np.full((4, 3), 3.0)])
    assert interval == pytest.approx((5.0, 5.0))


# From a noncentral t, found by simulation below: n for 80 % at two-sided 5 %.
@pytest.mark.parametrize(("difference", "sd"), [(1.0, 1.0), (1.0, 2.0), (3.0, 2.0)])
def test_as_many_seeds_find_the_difference_four_times_in_five(difference, sd) -> None:
    """Simulated: with so many seeds the interval leaves zero in about 80 % of the tries."""
    n = statistics.sample_size(difference, sd)
    rng = np.random.default_rng(2)
    differences = rng.normal(difference, sd, size=(4000, n))
    half = statistics.t_quantile(n - 1) * differences.std(axis=1, ddof=1) / n**0.5
    detected = (differences.mean(axis=1) > half).mean()
    assert 0.76 < detected < 0.9


def test_what_no_number_of_seeds_finds_is_none() -> None:
    """No difference, or one far below the spread, has no price; a larger one costs less."""
    assert statistics.sample_size(0.0, 1.0) is None
    assert statistics.sample_size(1e-6, 1.0) is None
    assert statistics.sample_size(5.0, 0.0) == 2
    costs = [statistics.sample_size(d, 2.0) for d in (0.5, 1, 2, 5)]
    assert costs == sorted(costs, reverse=True)
