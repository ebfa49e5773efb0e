"""Intervals of paired differences."""

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
