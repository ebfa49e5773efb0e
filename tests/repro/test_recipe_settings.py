"""`kb repro --set` and `--probe`: one setting of the recipe changed, in worlds of the seeds."""

import json

import pytest

from kb.cli import run
from kb.datasets.synthetic.probes import Probe
from kb.records import KBError, Library
from kb.repro.recipe_settings import CHANGEABLE, parse

READ = {
    "learning_rate=1e-4": 1e-4,
    "captions_per_video=3": 3,
    "captions_per_video=none": None,
    "drop_last=true": True,
    "select=last": "last",
    "optimiser=adamw": "adamw",
}
REFUSED = {
    "learning_rate": "is not NAME=VALUE; write learning_rate=1e-4",
    "learningrate=1": "no recipe has a setting 'learningrate' to change; did you mean learning_rate?",
    "epochs=3": "no recipe has a setting 'epochs'",
    "learning_rate=nan": "not a number from zero up",
    "learning_rate=-1": "not a number from zero up",
    "batch_size=0": "at least 1",
    "batch_size=1.5": "valid integer",
    "batch_size=none": "valid integer",
    "optimiser=steepest": "unknown; choose from adam",
    "lr_rule=x": "unknown; choose from plateau",
}


@pytest.mark.parametrize(("word", "value"), READ.items(), ids=READ)
def test_a_value_has_the_type_of_its_setting(word, value):
    """Numbers, words, true and false; `none` is no value."""
    ((_, read),) = parse([word]).items()
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(("word", "why"), REFUSED.items(), ids=REFUSED)
def test_what_no_training_can_use_is_refused(word, why):
    """One line that says why, before anything runs."""
    with pytest.raises(KBError) as refused:
        parse([word])
    assert why in str(refused.value)


def test_epochs_and_precision_are_options_of_their_own():
    """So that a command has one way to say them."""
    assert not {"epochs", "precision"} & set(CHANGEABLE)


@pytest.mark.parametrize(
    "name", ["plain", "plain+regions", "order-twins:present", "role-twins:twins+audio"]
)
def test_a_probe_is_named_as_it_is_written(name):
    """Mechanism and level, and back."""
    assert Probe.named(name, "tiny").name == name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("order-twins", "has 3 levels; write one of order-twins:absent"),
        ("order-twins:always", "no level is called 'always'"),
        ("plain+smell", "no expert is called 'smell'"),
        ("dance", "no mechanism is called 'dance'"),
    ],
)
def test_a_probe_that_there_is_not_is_refused(name, why):
    """With those that there are."""
    with pytest.raises(KBError, match=why):
        Probe.named(name)


def test_a_run_with_a_setting_changed_is_recorded_with_the_command_that_made_it(base, capsys):
    """The setting in the recipe and among the changes; the baseline keeps its own."""
    words = ["repro", "w2vv", "--probe", "plain", "--size", "tiny", "--epochs", "1", "--seed", "3"]
    assert run([*words, "--set", "learning_rate=0.002", "--json"]) == 0
    assert {row["seed"] for row in json.loads(capsys.readouterr().out)["runs"]} == {3}
    (record,) = Library(base).runs("w2vv")
    assert record.changes == {"learning_rate": 0.002, "epochs": 1}
    assert record.recipe["learning_rate"] == 0.002
    assert record.command == (
        "kb repro w2vv --probe plain --size tiny --epochs 1 --set learning_rate=0.002 --seed 3"
    )
    assert record.data.probe.seed == 3
    (baseline,) = Library(base).runs("bow-mean")
    assert "learning_rate" not in baseline.changes


def test_a_setting_does_not_change_the_baseline(base):
    """On the main world too: it is the yardstick of both recipes."""
    words = ["repro", "w2vv", "--size", "tiny", "--epochs", "1", "--set", "learning_rate=0.002"]
    assert run(words) == 0
    (baseline,) = Library(base).runs("bow-mean")
    assert baseline.changes == {"epochs": 1}


def test_a_probe_makes_its_own_data(base, capsys):
    """Beside --data it is refused."""
    assert run(["repro", "w2vv", "--probe", "plain", "--data", "diorama-vatex"]) == 2
    assert "--probe makes its own data; leave --data out" in capsys.readouterr().err


def test_no_value_is_written_in_a_command_as_it_is_read(base):
    """`none`, which the same option takes."""
    words = ["repro", "w2vv", "--size", "tiny", "--epochs", "1"]
    assert run([*words, "--set", "captions_per_video=none"]) == 0
    (record,) = Library(base).runs("w2vv")
    assert "--set captions_per_video=none --seed 0" in record.command
