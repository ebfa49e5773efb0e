"""Claims against stored runs."""

from types import SimpleNamespace

import pytest

from kb.cli import run
from kb.records import Claim, KBError
from kb.repro import claims

CLAIM = Claim(id="levels", text="All levels beat one.", variants=["full", "level1"])


def record(variant: str, seed: int, value: float, world: str = "a", epochs: int = 9):
    """What a claim reads of a run."""
    data = SimpleNamespace(name="diorama-msrvtt", size="small", fingerprint=world)
    metrics = {"SumR": value, "t2v": {"R@1": value / 10}}
    return SimpleNamespace(
        variant=variant,
        seed=seed,
        data=data,
        metrics=metrics,
        recipe={"epochs": epochs},
        status="done",
    )


def stored(full, level1):
    """Runs of two variants, seeds from 0."""
    return [record("full", i, v) for i, v in enumerate(full)] + [
        record("level1", i, v) for i, v in enumerate(level1)
    ]


# From printed tables of Student's t, two-sided 95 %.
TABLE = {1: 12.706, 2: 4.303, 4: 2.776, 9: 2.262, 30: 2.042, 120: 1.980}


@pytest.mark.parametrize("freedom", TABLE)
def test_quantiles_are_those_of_the_printed_table(freedom: int) -> None:
    """To the table's three decimals."""
    assert claims.quantile(freedom) == pytest.approx(TABLE[freedom], abs=6e-4)


def test_the_interval_is_the_paired_t_interval() -> None:
    """Differences 1, 2, 3: mean 2, half-width 4.303 / sqrt(3)."""
    gain, low, high = claims.compared({0: 1, 1: 4, 2: 9, 7: 0}, {0: 0, 1: 2, 2: 6, 8: 0})
    assert gain == 2
    assert (high - low) / 2 == pytest.approx(4.303 / 3**0.5, abs=1e-3)


@pytest.mark.parametrize(
    ("full", "level1", "verdict"),
    [
        ([10, 11, 12], [1, 2, 3.5], "holds"),
        ([1, 2, 3.5], [10, 11, 12], "fails"),
        ([1, 9, 2], [2, 1, 9], "undecided"),
        ([10], [1], "not-run"),
        ([10, 11], [], "not-run"),
    ],
)
def test_verdicts(full, level1, verdict: str) -> None:
    """The interval of the difference decides; fewer than two pairs decide nothing."""
    assert claims.check("m", CLAIM, stored(full, level1))["verdict"] == verdict


def test_less_and_equal() -> None:
    """Less is greater turned round; equality can be refuted only."""
    assert claims.verdict("less", -3, -1) == "holds"
    assert claims.verdict("less", 1, 3) == "fails"
    assert claims.verdict("equal", -1, 1) == "undecided"
    assert claims.verdict("equal", 1, 3) == "fails"


def test_the_weakest_comparison_decides() -> None:
    """A claim over three variants holds only where the first beats both others."""
    claim = CLAIM.model_copy(update={"variants": ["full", "level1", "level2"]})
    runs = stored([10, 11, 12], [1, 2, 3.5]) + [
        record("level2", i, v) for i, v in enumerate([11, 10, 12])
    ]
    row = claims.check("m", claim, runs)
    assert row["verdict"] == "undecided"
    assert row["difference"] == 0


def test_other_worlds_and_recipes_do_not_pair() -> None:
    """The data and recipe with most pairs are taken; what was made otherwise is left out."""
    odd = [record("full", 5, 99, world="b"), record("level1", 5, 0, epochs=1)]
    row = claims.check("m", CLAIM, stored([10, 11], [1, 2.5]) + odd)
    assert row["variants"]["full"]["n"] == row["variants"]["level1"]["n"] == 2


def test_a_metric_of_one_direction() -> None:
    """`t2v R@1` is read inside its direction; a metric that is not there is said."""
    one = CLAIM.model_copy(update={"metric": "t2v R@1"})
    row = claims.check("m", one, stored([10, 11], [1, 2.5]))
    assert row["variants"]["full"]["mean"] == pytest.approx(1.05)
    with pytest.raises(KBError, match="no run has a metric"):
        claims.check("m", CLAIM.model_copy(update={"metric": "R@7"}), stored([1], [1]))


def test_the_command_reads_what_is_stored(base, capsys) -> None:
    """`kb claims --json` prints a list; an unknown model is named."""
    assert run(["claims", "--json"]) == 0
    assert capsys.readouterr().out.startswith("[")
    assert run(["claims", "nosuch"]) == 2
    assert "nosuch" in capsys.readouterr().err
