"""`kb repro` on a user's copy of a real dataset: what is there is run, as asked, and recorded."""

import json

import numpy as np
import pytest

from kb.cli import run
from kb.repro import progress
from kb.repro.progress import LineCallback, Lines
from tests.datasets import msrvtt_copy, published
from tests.datasets.msrvtt_copy import features


@pytest.fixture
def copy(base, tmp_path):
    """The annotations of a small MSR-VTT, beside a knowledge base."""
    assert base.is_dir()
    return msrvtt_copy.write(tmp_path / "copy")


@pytest.fixture
def used(base, copy, capsys):
    """Runs `kb repro` on the copy; exit code, document, what was said, and the records."""

    def repro(model, *more, json_=True):
        line = ["repro", model, "--data", "msrvtt", "--root", str(copy), *more]
        code = run([*line, "--epochs", "1", *(["--json"] if json_ else [])])
        out, said = capsys.readouterr()
        records = sorted((base / "data/results").rglob("*.json"))
        document = json.loads(out) if json_ and code == 0 else out
        return code, document, said, [json.loads(p.read_text()) for p in records]

    return repro


def test_videos_that_are_there_are_run_and_every_number_says_how_many(used, copy):
    """Two videos without features leave; the record, the document and the table say 7 of 8."""
    features(copy / "resnet", without=(3, 20))
    code, document, said, (record,) = used("moee", "--config", "small")
    assert code == 0
    assert document["videos"]["test"] == "7 of 2,990 videos"
    data = record["data"]
    assert (data["gallery"], data["gallery_published"]) == (7, 2990)
    assert (data["train"], data["train_published"]) == (11, 6513)
    assert data["queries"] == 21
    assert document["coverage"] == "7 of 2,990 test videos, 11 of 6,513 training videos"
    assert "train 11 of 6,513 videos, val 4 of 497 videos, test 7 of 2,990 videos" in said
    assert not any(row["comparable"] for row in document["published"])
    _, table, _, _ = used("moee", "--config", "small", json_=False)
    assert "7 of 2,990 test videos" in table


def test_before_the_start_it_is_said_what_will_train_on_what(used, copy):
    """Model, configuration, epochs, videos, and the folder of the features."""
    features(copy / "resnet")
    _, _, said, _ = used("moee", "--config", "small")
    assert "moee seed 0: small configuration, 1 epochs at most" in said
    assert "frames: features of resnet, 6 dimensions" in said


def test_the_folder_of_an_expert_is_chosen_and_recorded(used, copy):
    """Another folder is another run; an unknown one is answered with those that were found."""
    features(copy / "i3d", dim=4)
    features(copy / "resnet")
    _, first, _, _ = used("moee", "--config", "small")
    _, second, said, records = used("moee", "--config", "small", "--features", "frames=resnet")
    assert "frames: features of resnet, 6 dimensions" in said
    assert first["fingerprint"] != second["fingerprint"]
    (chosen,) = [one for one in records if "features" in one["data"]]
    assert chosen["data"]["features"] == "frames=resnet"
    assert "--features frames=resnet --config small" in chosen["command"]
    code, _, said, _ = used("moee", "--features", "frames=resnext")
    assert code == 2
    assert "there are no features 'resnext'; found: i3d, resnet" in said


def test_a_configuration_is_asked_for_and_recorded(used, copy):
    """Published is the default of real data; small is another run and not the paper's."""
    features(copy / "resnet")
    _, small, _, (record,) = used("moee", "--config", "small")
    assert record["changes"] == {"epochs": 1, "config": "small"}
    reasons = [reason for row in small["published"] for reason in row["differences"]]
    assert "config small, not the recipe's" in reasons
    assert used("moee", "--config", "tiny")[0] == 2


def test_a_number_of_videos_is_enough_to_try(used, copy):
    """The first of each split, so recorded."""
    features(copy / "resnet")
    _, document, _, (record,) = used("moee", "--config", "small", "--limit-videos", "5")
    assert (record["data"]["gallery"], record["data"]["limit"]) == (5, 5)
    assert document["videos"]["train"] == "5 of 6,513 videos"
    assert "--limit-videos 5" in record["command"]


def test_one_video_is_refused_before_anything_is_trained(used, copy):
    """Any order of it is right, and no interval can be resampled; nothing is recorded."""
    features(copy / "resnet")
    code, _, said, records = used("moee", "--config", "small", "--limit-videos", "1")
    assert code == 2
    assert "one val video is no gallery to rank; --limit-videos 2 or more" in said
    assert not records


def test_the_baseline_is_trained_when_asked_for(used, copy):
    """Without it the verdict says so; with it both are compared."""
    features(copy / "resnet")
    _, alone, _, records = used("moee", "--config", "small")
    assert [one["kind"] for one in records] == ["model"]
    assert "--baseline was not asked for" in alone["verdict"]
    _, both, _, records = used("moee", "--config", "small", "--baseline")
    assert sorted(one["kind"] for one in records) == ["baseline", "model"]
    assert "over bow-mean" in both["verdict"]


def test_one_vector_per_video_feeds_models_that_average_and_no_other(used, copy):
    """A model of sequences is refused before anything trains, with what to do."""
    features(copy / "mean_resnet", steps=0)
    assert used("moee", "--config", "small")[0] == 0
    code, _, said, records = used("dual-encoding", "--config", "small")
    assert code == 4
    assert "has one vector per video (mean_resnet), the model reads frame by frame" in said
    assert len(records) == 1


@pytest.mark.parametrize(
    ("model", "lacks"),
    [("hgr", ["no semantic roles"]), ("sea", ["bert: it has no bert", "w2v: it has no w2v"])],
)
def test_what_a_model_lacks_is_said_before_anything_trains(used, copy, model, lacks):
    """No roles, no vectors of sentences: no baseline is trained first, no failed record is left."""
    features(copy / "resnet")
    code, _, said, records = used(model, "--baseline")
    assert code == 4
    assert all(one in said for one in lacks)
    assert records == []


def test_a_variant_is_asked_for_what_it_reads_alone(used, copy):
    """HGR's baseline without a graph runs where no roles are."""
    features(copy / "resnet")
    code, _, _, records = used("hgr", "--variant", "global", "--config", "small")
    assert code == 0
    assert [one["status"] for one in records] == ["done"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--size", "small"], "--size is for synthetic datasets, msrvtt is real"),
        (["--features", "frames"], "is not EXPERT=FOLDER"),
    ],
)
def test_options_that_do_not_fit_are_refused(used, copy, options, words):
    """Nothing is ignored."""
    features(copy / "resnet")
    code, _, said, _ = used("moee", *options)
    assert code == 2
    assert words in said


def test_options_of_real_data_are_refused_for_synthetic_data(base, capsys):
    """Features and a number of videos."""
    assert base.is_dir()
    for option in (["--features", "frames=x"], ["--limit-videos", "3"]):
        assert run(["repro", "moee", "--size", "tiny", *option]) == 2
    assert "real" in capsys.readouterr().err


def test_a_long_epoch_gives_a_line_a_minute_with_the_time_left(capsys, monkeypatch):
    """Without a terminal: 100 steps a minute, 3 epochs of 250 steps."""
    clock = iter([0.0, *(0.6 * step for step in range(1, 251))])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    callback = LineCallback(Lines(), "moee seed 0", 3)
    for step in range(1, 251):
        callback.steps(step, 250)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "moee seed 0: epoch 1/3, step 100/250, at most 6 minutes left",
        "moee seed 0: epoch 1/3, step 200/250, at most 6 minutes left",
    ]


def test_captions_of_another_script_are_refused(base, tmp_path, capsys):
    """Chinese words would all be lost: no vocabulary, chance, and a record of it."""
    root = tmp_path / "vatex"
    published.vatex(root)
    (root / "resnet").mkdir()
    for letter in "abcd":
        steps = np.ones((2, 4), np.float32)
        np.save(root / f"resnet/{letter}-x_000003_000013.npy", steps)
    line = ["repro", "moee", "--data", "vatex", "--root", str(root), "--protocol", "1k5-zh"]
    assert run([*line, "--config", "small"]) == 2
    assert "of the letters of vatex's captions are not ASCII" in capsys.readouterr().err
    assert not list((base / "data").glob("results/*/*.json"))


@pytest.mark.parametrize("layout", ["bigfile", "mmt"])
def test_the_benchmark_in_another_layout_is_run_as_a_users_copy(base, tmp_path, capsys, layout):
    """Without its truth: no oracle, and the features of that layout's files."""
    out = tmp_path / layout
    make = ["data", "make", "diorama-msrvtt", "--size", "tiny", "--layout", layout]
    assert run([*make, "--out", str(out)]) == 0
    capsys.readouterr()
    line = ["repro", "moee", "--data", "diorama-msrvtt", "--root", str(out), "--config", "small"]
    assert run([*line, "--epochs", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (record,) = [json.loads(p.read_text()) for p in (base / "data/results").rglob("*.json")]
    assert set(record["reference"]) == {"chance"}
    assert document["verdict"].startswith("measured")
