"""`kb repro NAME` does a recorded run again and holds the result against the records."""

import json
from types import SimpleNamespace

import pytest

from kb.cli import run
from kb.records import Claim, Library
from kb.repro import again
from tests.repro.test_claims import PLAIN, record

VALUES = (60.0, 62.0, 61.0, 63.0, 59.0, 61.0)


@pytest.fixture
def recorded():
    """Six recorded runs of a main claim: SumR 366 on average, with a deviation of 8.5."""
    runs = {seed: record("full", seed, value) for seed, value in enumerate(VALUES)}
    for one in runs.values():
        one.recipe = {"learning_rate": 1e-3}
    return again.Recorded("dual-encoding", PLAIN, runs)


@pytest.fixture
def trained(monkeypatch):
    """Let the next run end with this t2v R@1, without training."""

    def give(value):
        made = record("full", 0, value)
        made.cost = SimpleNamespace(seconds=12.0)
        made.machine = SimpleNamespace(device="cpu")
        monkeypatch.setattr(again, "_job", lambda *_: None)
        monkeypatch.setattr(again, "run_unstored", lambda *_, **__: made)

    return give


def test_one_more_run_lies_within_the_prediction_interval(recorded) -> None:
    """T of five degrees of freedom times the deviation times sqrt(1 + 1 / 6), on both sides."""
    of = recorded.summary("SumR")
    assert (of["mean"], of["n"]) == (366.0, 6)
    assert of["high"] - of["mean"] == pytest.approx(2.5706 * of["sd"] * (7 / 6) ** 0.5, rel=1e-4)
    assert of["mean"] - of["low"] == pytest.approx(of["high"] - of["mean"])


@pytest.mark.parametrize(("value", "code"), [(62.0, 0), (50.0, 1), (70.0, 1)])
def test_the_command_says_whether_it_is_reproduced(
    recorded, trained, monkeypatch, capsys, value: float, code: int
) -> None:
    """Exit 0 and `reproduced` within the interval; exit 1 and a clear word on either side of it."""
    trained(value)
    monkeypatch.setattr(again, "recorded", lambda *_: recorded)
    assert run(["repro", "dual-encoding"]) == code
    out = capsys.readouterr().out
    assert ("not reproduced" in out) is bool(code)
    assert f"SumR {6 * value:.1f}; recorded 366.0" in out


def test_show_only_shows(recorded, monkeypatch, capsys) -> None:
    """--show trains nothing."""
    monkeypatch.setattr(again, "recorded", lambda *_: recorded)
    monkeypatch.setattr(again, "run_unstored", None)
    assert run(["repro", "dual-encoding", "--show", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["recorded"]["SumR"]["n"] == 6
    assert "measured" not in document


def test_nothing_recorded_is_said(base, capsys) -> None:
    """--show of a model without runs of its main claim names the command that makes them."""
    assert run(["repro", "dual-encoding", "--show"]) == 2
    assert "kb claims dual-encoding --run --main" in capsys.readouterr().err


def test_without_runs_there_is_nothing_to_hold_a_new_run_against(base) -> None:
    """A claim that was never run gives no recorded runs."""
    claim = Claim(id="c1", text="All levels beat one.", than=["level1"])
    with Library.editing(base) as library:
        library.paper("dual-encoding").claims = [claim]
        library.save()
    assert again.recorded(Library(base), "dual-encoding") is None
