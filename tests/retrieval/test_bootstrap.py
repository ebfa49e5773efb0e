"""Intervals over queries."""

import numpy as np

from kb.retrieval import bootstrap, evaluate


def scores(n: int) -> np.ndarray:
    """A model that is right more often than not."""
    return np.random.default_rng(5).normal(size=(n, n)) + 2 * np.eye(n)


def test_the_interval_holds_the_value_and_repeats_by_seed() -> None:
    """The same seed gives the same interval, and the value lies inside it."""
    t2v = evaluate(similarity=scores(80)).t2v
    first, again = t2v.intervals(seed=3), t2v.intervals(seed=3)
    assert first == again != t2v.intervals(seed=4)
    for name, (low, high) in first.items():
        assert low <= t2v.metrics[name] <= high


def test_means_and_medians_are_those_of_the_resamples() -> None:
    """Counting the drawn queries gives the mean and median of drawing them one by one."""
    rng = np.random.default_rng(0)
    values, rank = rng.normal(size=(31, 2)), rng.integers(1, 9, 31).astype(float)
    means, medians = bootstrap.resampled(values, rank, samples=7, seed=11)
    draw = np.random.default_rng(11)
    for mean, median in zip(means, medians, strict=True):
        chosen = draw.integers(31, size=31)
        np.testing.assert_allclose(mean, values[chosen].mean(0))
        assert median == np.median(rank[chosen])


def test_the_width_is_that_of_the_binomial() -> None:
    """For R@1 the half-width is near 1.96 standard errors of a share."""
    t2v = evaluate(similarity=scores(2000)).t2v
    low, high = t2v.intervals(samples=2000)["R@1"]
    share = t2v.metrics["R@1"] / 100
    wanted = 196 * np.sqrt(share * (1 - share) / 2000)
    assert abs((high - low) / 2 - wanted) < 0.1 * wanted
