"""Runs on data that are asked with topics: trained on captions, told by infAP."""

import json
import shutil
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from kb import datasets
from kb.cli import run
from kb.records import Library, Run, worlds
from kb.repro import minimal_pairs, ranks, scoring
from kb.repro import worlds as room
from kb.retrieval.inferred import measure
from kb.retrieval.trec import Returned

ROOT = Path(__file__).resolve().parents[2]
TINY = ["repro", "w2vvpp", "--data", "diorama-avs", "--size", "tiny", "--epochs", "1"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A knowledge base with two seeds of a model and of its baseline."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "data").mkdir()
    (folder / "models").symlink_to(ROOT / "models")
    for name in ("papers", "datasets", "published"):
        shutil.copy(ROOT / "data" / f"{name}.yaml", folder / "data")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()):
        patch.setenv("KB_ROOT", str(folder))
        assert run([*TINY, "--seed", "0,1"]) == 0
    return folder


@pytest.fixture
def corpus():
    """What they were trained and measured on."""
    return datasets.load("diorama-avs", size="tiny")


def test_a_record_holds_inf_ap_by_topic_and_in_the_mean(made, corpus):
    """One direction, in fractions, with intervals over topics; validated by retrieval."""
    record = next(iter(Library(made).runs("w2vvpp")))
    assert list(record.metrics) == ["t2v"]
    assert list(record.topics) == [topic.id for topic in corpus.topics]
    mean = fmean(of["infAP"] for of in record.topics.values())
    assert record.metrics["t2v"]["infAP"] == pytest.approx(mean)
    bounds = record.intervals["t2v"]["infAP"]
    assert 0 < bounds.low <= bounds.value == record.metrics["t2v"]["infAP"] <= bounds.high < 1
    assert (record.data.queries, record.data.gallery, record.data.captions_per_video) == (8, 160, 0)
    assert (
        0 < record.reference["chance"]["t2v"]["infAP"] < record.reference["oracle"]["t2v"]["infAP"]
    )
    assert record.curve[-1]["SumR"] > 0


def test_the_ranks_of_a_record_give_its_inf_ap_again(made, corpus):
    """With the judgements of the data it names."""
    record = next(iter(Library(made).runs("w2vvpp")))
    pooled_ranks = iter(ranks.values(record.ranks["t2v.pooled"]).astype(int).tolist())
    for topic, judged in scoring.qrels(corpus).items():
        at = {next(pooled_ranks): shot for shot in judged}
        shots = [at.get(place, f"outside {place}") for place in range(1, 161)]
        again = measure(Returned(shots, len(shots)), judged)["infAP"]
        assert again == pytest.approx(record.topics[topic]["infAP"])
    assert next(pooled_ranks, None) is None


def test_what_is_printed_is_inf_ap_beside_the_published_one(made, monkeypatch, capsys):
    """The document has one direction, the topics and no SumR; the table has its columns."""
    monkeypatch.setenv("KB_ROOT", str(made))
    assert run([*TINY, "--seed", "0,1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {"v2t", "SumR"} & document["summary"].keys() == set()
    assert document["summary"]["sd"]["t2v"]["infAP"] >= 0
    assert len(document["summary"]["topics"]) == 8
    assert {row["dataset"] for row in document["published"]} == {"avs"}
    assert "t2v infAP" in document["verdict"]
    assert run([*TINY, "--seed", "0,1"]) == 0
    shown = capsys.readouterr().out
    assert "infNDCG" in shown
    assert "Video to text" not in shown
    assert f"{document['summary']['t2v']['infAP']:.3f}" in shown


def test_runs_with_captions_are_written_as_before_there_were_topics():
    """Every record of this knowledge base loads, and dumps to the very document that it is."""
    for path in sorted((ROOT / "data" / "results").rglob("*.json")):
        document = json.loads(path.read_bytes())
        record = Run.model_validate(document)
        assert record.model_dump(mode="json", exclude_unset=True) == document
        assert ("topics" in record.model_dump()) == ("topics" in document)


def test_synthetic_data_with_topics_are_measured_by_inf_ap(tmp_path):
    """Chance below the baseline below the oracle; only minimal pairs that a topic separates."""
    row = room.measure("diorama-avs", size="tiny", progress=lambda *_: None, epochs=3)
    chance, baseline, oracle = (row.points[who] for who in ("chance", "bow-mean", "oracle"))
    assert chance.headline[0] == "infAP"
    assert chance.headline[1] < oracle.headline[1]
    assert oracle.headline[1] > 0.9
    assert (baseline.v2t, baseline.SumR) == (None, None)
    assert row.topics == 8
    assert set(row.twins) == set(oracle.twins) == set(baseline.twins)
    assert set(oracle.twins.values()) <= {100.0}
    worlds.record(tmp_path, row)
    assert worlds.read(tmp_path) == [row]


def test_minimal_pairs_that_no_query_separates_have_no_score():
    """A topic that both answer says nothing of them; a tie counts half."""
    right = np.array([[True, True, False], [True, False, False]])
    scores = np.array([[0.1, 0.9, 0.0], [0.5, 0.2, 0.5]])
    assert minimal_pairs.accuracy(scores, right, [(0, 1)]) == 100.0
    assert minimal_pairs.accuracy(scores, right, [(0, 2)]) == 75.0
    assert minimal_pairs.accuracy(scores[:1], right[:1], [(0, 1)]) is None
