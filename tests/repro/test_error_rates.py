"""How often the procedure of verdicts is wrong, by simulation of the claims as they are run."""

import numpy as np
import pytest

from kb.cli import run as command
from kb.records import Claim, KBError
from kb.records import error_rates as records
from kb.repro import error_rates
from kb.repro.error_rates import Site

DRAWS = 300


def site(sd: float, others: int = 1, **fields) -> Site:
    """A claim of some comparisons whose differences vary by `sd` points over worlds."""
    than = [f"other{n}" for n in range(others)]
    claim = Claim(id="one-beats-others", text="One beats others.", than=than, margin=2.0, **fields)
    return Site("m", claim, tuple(dict.fromkeys(claim.levels, sd) for _ in than))


def share(verdicts, *wanted: str) -> float:
    """The part of verdicts that are among these."""
    found = list(verdicts)
    return sum(verdict in wanted for verdict in found) / len(found)


def rng() -> np.random.Generator:
    """The same draws in every test."""
    return np.random.default_rng(3)


def test_the_second_look_is_taken_only_where_the_first_decides_nothing() -> None:
    """What six worlds leave undecided, twelve may decide: more is found than at six alone."""
    found = list(error_rates.drawn(site(3.0), 6.0, 6.0, DRAWS, rng()))
    values = rng().normal(6.0, 3.0, (DRAWS, 6))
    six = [error_rates._weakest(site(3.0).claim, row[None, None]) for row in values]
    assert share(found, "holds") > share(six, "holds") + 0.1


def test_a_claim_of_several_comparisons_is_as_strong_as_its_weakest() -> None:
    """All must be beaten, so three comparisons are found less often than one."""
    one, three = (
        share(error_rates.drawn(site(3.0, n), 5.0, 5.0, DRAWS, rng()), "holds") for n in (1, 3)
    )
    assert three < one


def test_a_mechanism_that_does_nothing_is_hardly_ever_credited() -> None:
    """The same difference with and without it: holds, or holds not for its reason."""
    mechanism = {"world": "order-twins", "on": "twins", "inputs": ["motion"], "predicts": "appears"}
    switched = site(1.5, mechanism=mechanism)
    found = list(error_rates.drawn(switched, 10.0, 10.0, DRAWS, rng()))
    assert share(found, "holds-for-its-reason") < 0.03
    assert share(found, "holds-for-its-reason", "holds-not-for-its-reason", "holds") > 0.95


@pytest.mark.parametrize(
    ("relation", "at"), [("greater", 0), ("less", 0), ("not-less", -2.0), ("equal", 2.0)]
)
def test_no_effect_is_where_the_claim_is_just_not_true(relation: str, at: float) -> None:
    """Equality, and being no worse, are claims of the margin."""
    assert site(1.0, relation=relation).no_effect == at


def test_the_command_keeps_what_it_prints(base, capsys) -> None:
    """Without a run there is no deviation to simulate with, and the command says so."""
    (base / "data" / "results").mkdir()
    assert command(["claims", "--error-rates", "-C", str(base)]) == 0
    assert "no claim has been run in three worlds yet" in capsys.readouterr().out
    stored = records.read(base)
    assert stored is not None
    assert stored.measured_deviations == 0


@pytest.mark.parametrize("content", ["{", '{"claims": -1}', "[]", '{"claims": 1, "other": 2}'])
def test_a_file_that_is_no_record_of_them_is_refused(base, content: str) -> None:
    """One line that says how to make it anew."""
    (base / records.WHERE).write_text(content)
    with pytest.raises(KBError, match="not a record of error rates"):
        records.read(base)
