"""Published numbers are checked on what stands in the real set's place, under the same protocol."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kb import datasets
from kb.cli import run
from kb.datasets.readers import msrvtt
from kb.records import Library, Published, Run, numbers
from kb.repro import models, views
from kb.repro.vocabulary import Vocabulary
from models import dual_encoding
from models.official._loading import official_names
from models.official.dual_encoding import KEYS


@pytest.fixture(scope="module")
def msrvtt_root() -> Path:
    """A folder in MSR-VTT's published file format."""
    return datasets.make("diorama-msrvtt", size="tiny")


ROW = {
    "dataset": "msrvtt",
    "test_split": "full",
    "direction": "t2v",
    "captions_per_video": 20,
    "gallery": 30,
    "postproc": "none",
    "reported_by": "paper",
    "source": "a table",
    "metrics": {"R@1": 7.7, "R@5": 22.0, "MedR": 32},
}


def publish(base: Path, *rows: dict) -> None:
    """What the paper is said to have published."""
    path = base / "data" / "published.yaml"
    path.write_text("dong2019dual:\n" + "".join(f"- {json.dumps({**ROW, **r})}\n" for r in rows))


@pytest.fixture(autouse=True)
def _as_published(monkeypatch) -> None:
    """The stand-in counts as whole: a run on a part of a dataset is never compared."""
    monkeypatch.setitem(msrvtt.PUBLISHED, "full", {})


@pytest.fixture
def weights(msrvtt_root, tmp_path) -> Path:
    """An untrained model that fits the data, as the official code would have saved it."""
    corpus = datasets.load("msrvtt", root=msrvtt_root)
    words = Vocabulary.build(c.text for c in corpus.splits["train"].captions)
    data = views.data_sizes({"bow", "frames"}, corpus, words)
    torch.manual_seed(3)
    model = dual_encoding.Model(dual_encoding.Config.small(), data)
    own = model.state_dict()
    state = {}
    for official, ours in official_names(model, KEYS).items():
        weight = own[ours]
        filters = ours.split(".")[1] == "filters" and weight.ndim == 3
        state[official] = weight.mT.unsqueeze(1).contiguous() if filters else weight
    path = tmp_path / "official.pth"
    torch.save(state, path)
    return path


def arguments(msrvtt_root: Path, *more: str) -> list[str]:
    """`kb repro` on data that stand in MSR-VTT's place."""
    return [
        "repro",
        "dual-encoding",
        "--data",
        "msrvtt",
        "--root",
        str(msrvtt_root),
        *more,
        "--json",
    ]


def test_official_weights_are_held_against_the_published_numbers(
    base, msrvtt_root, weights, capsys
) -> None:
    """Evaluated, not trained; numbers within the tolerance are reproduced, others not; evidence."""
    publish(base, {})
    call = arguments(msrvtt_root, "--checkpoint", str(weights), "--epochs", "1")
    assert run(call) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["size"] is None
    assert first["comparable"] is True
    assert first["reason"] is None
    ours = first["summary"]["t2v"]
    by = {number["metric"]: number for number in first["published"][0]["numbers"]}
    assert by.keys() == {"R@1", "R@5", "MedR"}
    low, high = first["summary"]["ci95"]["t2v"]["R@1"]
    assert by["R@1"]["tolerance"] == pytest.approx(max((high - low) / 2, 0.05))
    for name, number in by.items():
        near = abs(ours[name] - ROW["metrics"][name]) <= number["tolerance"]
        assert number["reproduced"] is near

    close = {name: round(ours[name], 1) for name in ("R@1", "R@5")}
    publish(base, {"metrics": {**close, "R@10": round(ours["R@10"] + 60, 1)}})
    assert run(call) == 0
    verdict = json.loads(capsys.readouterr().out)["verdict"]
    assert "t2v by paper: reproduced R@1, R@5, not reproduced R@10" in verdict

    assert run(["status", "--json"]) == 0
    papers = json.loads(capsys.readouterr().out)["papers"]
    mine = next(paper for paper in papers if paper["model"] == "dual-encoding")
    assert mine["evidence"]["number checked"].startswith(
        "data/results/dual-encoding/msrvtt.official-"
    )


@pytest.mark.parametrize("basis", ["written from the abstract", "our reading of the title"])
def test_a_guess_stands_beside_no_published_number(
    base, msrvtt_root, weights, capsys, basis
) -> None:
    """The same run of a model that nobody read in a paper: no row, and the reason why."""
    publish(base, {})
    path = base / "data" / "papers.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace(
            "model: dual-encoding\n  basis: official code matched",
            f"model: dual-encoding\n  basis: {basis}",
        )
    )
    assert run(arguments(msrvtt_root, "--checkpoint", str(weights))) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["published"] == []
    assert document["reason"] == f"the model is no copy of the paper's: {basis}"
    assert run(["show", "dual-encoding"]) == 0
    assert "published results" not in capsys.readouterr().out


@pytest.mark.slow
def test_a_trained_model_is_checked_unless_its_training_was_cut(
    base, msrvtt_root, capsys, monkeypatch
) -> None:
    """By the whole recipe the numbers are compared, over seeds; with --epochs they are not."""
    monkeypatch.setattr(models.load("dual-encoding"), "recipe", SHORT)
    monkeypatch.setattr(models.load("dual-encoding"), "Config", Small)
    publish(base, {}, {"direction": "v2t", "gallery": 600})
    assert run(arguments(msrvtt_root, "--seed", "0,1")) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["comparable"] for row in document["published"]] == [True, True]
    number = document["published"][0]["numbers"][0]
    assert number["tolerance"] >= 2 * document["summary"]["sd"]["t2v"]["R@1"] - 1e-9
    assert run(arguments(msrvtt_root, "--epochs", "1")) == 0
    cut = json.loads(capsys.readouterr().out)
    assert cut["comparable"] is False
    assert "epochs 1, not the recipe's" in cut["reason"]


SHORT = dual_encoding.DualEncoding.recipe.but(epochs=2)


class Small(dual_encoding.Config):
    """The published configuration, at sizes a test can train."""

    def __new__(cls, **sizes):
        """The small sizes, with what the data decide."""
        return replace(dual_encoding.Config.small(), **sizes)


def a_run(**changes) -> Run:
    """A record of a run on the full test of MSR-VTT."""
    metrics = {"R@1": 7.5, "R@5": 22.4, "MedR": 33.0}
    data = {
        "name": "msrvtt",
        "fingerprint": "0" * 64,
        "split": "test",
        "protocol": "full",
        "queries": 59800,
        "gallery": 2990,
        "captions_per_video": 20,
    }
    cost = dict.fromkeys(
        (
            "seconds",
            "train_seconds",
            "eval_seconds",
            "epochs",
            "steps",
            "samples_per_second",
            "parameters",
        ),
        1,
    )
    whole = {
        "id": "a",
        "model": "dual-encoding",
        "variant": "full",
        "seed": 0,
        "data": {**data, **changes.pop("data", {})},
        "config": {},
        "recipe": {},
        "config_hash": "0" * 64,
        "metrics": {"t2v": metrics},
        "intervals": {
            "t2v": {m: {"value": v, "low": v - 0.2, "high": v + 0.2} for m, v in metrics.items()}
        },
        "ranks": {},
        "machine": {"device": "cpu", "threads": 1, "python": "3", "torch": "2", "platform": "x"},
        "cost": cost,
        "command": "kb repro dual-encoding",
        "date": "2026-01-01T00:00:00+00:00",
    }
    return Run(**{**whole, **changes})


def row(**changes) -> Published:
    """The paper's row on the full test."""
    return Published(**{**ROW, "gallery": 2990, **changes})


def test_the_tolerance_is_the_largest_of_seeds_queries_and_rounding() -> None:
    """2 sd over seeds; half the interval over queries; half the last printed digit."""
    runs = [
        a_run(metrics={"t2v": {"R@1": value, "R@5": 22.4, "MedR": 33.0}})
        for value in (7.0, 7.5, 8.0)
    ]
    by = {number.metric: number for number in numbers.check(row(), runs)}
    assert by["R@1"].tolerance == pytest.approx(2 * 0.5)
    assert by["R@5"].tolerance == pytest.approx(0.2)
    assert by["MedR"].tolerance == pytest.approx(0.5)
    assert [by[name].reproduced for name in ("R@1", "R@5", "MedR")] == [True, False, False]


def test_recalls_of_a_row_are_printed_alike() -> None:
    """22 beside 7.7 stands for 22.0; a median of 32 is a whole number."""
    checked = numbers.check(row(metrics={"R@1": 7.7, "R@5": 22, "MedR": 32}), [a_run()])
    assert [number.rounding for number in checked] == pytest.approx([0.05, 0.05, 0.5])


OTHER = {
    "data": (row(dataset="msvd"), {}, "data msrvtt, published msvd"),
    "world": (row(), {"data": {"name": "diorama-msrvtt", "size": "small"}}, "diorama-msrvtt"),
    "split": (row(test_split="1k-A"), {}, "test split full, published 1k-A"),
    "gallery": (row(gallery=1000), {}, "gallery 2,990, published 1,000"),
    "captions": (row(captions_per_video=1), {}, "20 captions per video, published 1"),
    "post": (row(postproc="dsl"), {}, "no post-processing, published dsl"),
    "pretraining": (row(pretraining="HowTo100M"), {}, "no pre-training, published HowTo100M"),
    "variant": (row(), {"variant": "level1"}, "variant level1"),
    "their variant": (row(variant="larger"), {}, "published for a variant: larger"),
    "recipe": (row(), {"changes": {"epochs": 3}}, "epochs 3, not the recipe's"),
}


@pytest.mark.parametrize("case", OTHER)
def test_what_keeps_numbers_from_being_compared_is_said(case: str) -> None:
    """Same data, split, direction, gallery, captions, training and post-processing, or no verdict."""
    published, changes, reason = OTHER[case]
    assert reason in "; ".join(numbers.differences(published, a_run(**changes)))


def test_the_rows_of_the_record_can_be_checked() -> None:
    """A run of Dual Encoding on MSR-VTT's full test meets rows in both directions."""
    library = Library.open(Path(__file__).resolve().parents[2])
    rows = library.published["dong2019dual"]
    fitting = {r.direction for r in rows if not numbers.differences(r, a_run())}
    assert fitting == {"t2v", "v2t"}


def test_weights_that_were_never_released_are_refused_before_the_file_is_read(
    base, msrvtt_root, capsys, monkeypatch
) -> None:
    """One line says so, and what to do instead; nothing about the file."""

    def unreleased(_cls, _state, _config=None):
        raise NotImplementedError("the authors released no weights")

    model = models.load("dual-encoding")
    monkeypatch.setattr(model, "from_official", classmethod(unreleased))
    call = ["repro", "dual-encoding", "--data", "msrvtt", "--root", str(msrvtt_root)]
    assert run([*call, "--checkpoint", str(msrvtt_root / "none.h5")]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("kb: the authors released no weights")
    assert line.endswith("train the model: leave --checkpoint out")
