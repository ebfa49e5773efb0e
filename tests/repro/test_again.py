"""`kb repro NAME` does a recorded run again and holds the result against the records."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kb.cli import run
from kb.records import Claim, Library
from kb.repro import again
from models.w2vvpp import W2VVPlusPlus
from tests.repro.test_claims import PLAIN, record

ROOT = Path(__file__).resolve().parents[2]

VALUES = (60.0, 62.0, 61.0, 63.0, 59.0, 61.0)


@pytest.fixture
def recorded():
    """Six recorded runs of a main claim: SumR 366 on average, with a deviation of 8.5."""
    runs = {seed: record("full", seed, value) for seed, value in enumerate(VALUES)}
    for one in runs.values():
        one.recipe = {"learning_rate": 1e-3}
        one.cost = SimpleNamespace(seconds=60.0)
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
    """--show of a model without runs names the command that makes one."""
    assert run(["repro", "dual-encoding", "--show"]) == 2
    assert "kb repro dual-encoding --seed 0" in capsys.readouterr().err


def benchmark(seed: int, value: float, **changes: Any) -> SimpleNamespace:
    """A run on the benchmark of W2VV++ as it is now."""
    made = record("full", seed, value)
    made.data = SimpleNamespace(name="diorama-msrvtt", size="small", probe=None, protocol="full")
    made.intervals = {"both": {"SumR": SimpleNamespace(low=350.0, high=380.0)}}
    made.intervals["t2v"] = {"R@1": SimpleNamespace(low=58.0, high=64.0)}
    made.version, made.config_hash, made.changes = W2VVPlusPlus.version, "a", {}
    made.cost = SimpleNamespace(seconds=60.0)
    return SimpleNamespace(**(vars(made) | changes))


def chosen(monkeypatch, *runs: SimpleNamespace) -> again.Recorded | None:
    """What is recorded of W2VV++ where these are its runs."""
    monkeypatch.setattr(Library, "runs", lambda *_: runs)
    return again.recorded(Library.open(ROOT), "w2vvpp")


def test_without_runs_of_a_claim_those_of_the_benchmark_are_held(monkeypatch) -> None:
    """Of the recipe with most seeds."""
    one = chosen(monkeypatch, benchmark(0, 61), benchmark(1, 62), benchmark(0, 40, config_hash="b"))
    assert one is not None
    assert one.claim is None
    assert sorted(one.runs) == [0, 1]
    assert one.document()["world"] == {"data": "diorama-msrvtt", "size": "small"}
    assert again.text(one.document()).splitlines()[:2] == [
        "w2vvpp full, diorama-msrvtt small",
        "    SumR: recorded 369.0 ± 4.2 over 2 seeds",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"version": W2VVPlusPlus.version - 1},
        {"changes": {"epochs": 1}},
        {"variant": "bow"},
        {"status": "failed"},
        {"data": SimpleNamespace(name="msrvtt", size=None, probe=None, protocol="full")},
    ],
)
def test_what_the_model_is_not_now_is_not_held_against_it(monkeypatch, changes) -> None:
    """An older version, another recipe, a variant, a failed run, data that nobody else has."""
    assert chosen(monkeypatch, benchmark(0, 61, **changes)) is None


@pytest.mark.parametrize(("value", "code"), [(62.0, 0), (50.0, 1), (70.0, 1)])
def test_one_more_run_beside_a_single_one_lies_within_its_interval(
    trained, monkeypatch, capsys, value: float, code: int
) -> None:
    """Nothing tells how far seeds lie apart, so its resampled test videos do."""
    monkeypatch.setattr(Library, "runs", lambda *_: [benchmark(0, 61)])
    trained(value)
    assert run(["-C", str(ROOT), "repro", "w2vvpp"]) == code
    out, err = capsys.readouterr()
    assert f"SumR {6 * value:.1f}; recorded 366.0 in one run, its 95 % 350.0 to 380.0" in out
    assert "training w2vvpp again: the recorded run took 1 minute" in err


def test_a_run_of_the_benchmark_is_trained_again(base, capsys) -> None:
    """The same seed gives the same digits on one machine; nothing is recorded of the second run."""
    assert run(["repro", "semantic-similarity-vr", "--size", "tiny"]) == 0
    made = sorted((base / "data" / "results").rglob("*.json"))
    capsys.readouterr()
    assert run(["repro", "semantic-similarity-vr", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["reproduced"] is True
    assert document["measured"]["SumR"] == document["recorded"]["SumR"]["mean"]
    assert sorted((base / "data" / "results").rglob("*.json")) == made


def test_another_recipe_than_the_recorded_one_is_refused(base, capsys) -> None:
    """The numbers would not be those of the same run; the line names the command for a new one."""
    assert run(["repro", "semantic-similarity-vr", "--size", "tiny"]) == 0
    (path,) = (base / "data" / "results" / "semantic-similarity-vr").iterdir()
    record = json.loads(path.read_text())
    other = "0" * len(record["config_hash"])
    path.write_text(json.dumps(record | {"config_hash": other}))
    assert run(["repro", "semantic-similarity-vr"]) == 2
    said = capsys.readouterr().err
    assert "data or recipe are not those of the recorded run" in said
    assert "kb repro semantic-similarity-vr --seed 0 makes a new one" in said


def test_without_runs_there_is_nothing_to_hold_a_new_run_against(base) -> None:
    """A claim that was never run gives no recorded runs."""
    claim = Claim(id="c1", text="All levels beat one.", than=["level1"])
    with Library.editing(base) as library:
        library.paper("dual-encoding").claims = [claim]
        library.save()
    assert again.recorded(Library(base), "dual-encoding") is None
