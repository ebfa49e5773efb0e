"""Intervals of runs: what they resample, and how they are computed again from stored ranks."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kb.cli import run as kb
from kb.datasets.corpus import Corpus
from kb.repro import scoring
from kb.repro.run import data_of
from kb.repro.views.view import owners
from kb.retrieval import evaluate

ROOT = Path(__file__).resolve().parents[2]


def similarity(corpus: Corpus) -> np.ndarray:
    """Scores of a model that is right now and then, with ties."""
    test = corpus.splits["test"]
    rng = np.random.default_rng(0)
    noise = rng.integers(40, size=(len(test.captions), len(test.videos)))
    hit = rng.random(len(test.videos)) < 0.5
    return noise + 60.0 * np.eye(len(test.videos))[owners(test)] * hit[owners(test)][:, None]


@pytest.fixture
def record(base: Path, corpus: Corpus) -> Path:
    """A stored record with scores of the smallest benchmark."""
    scores = scoring.score_split(corpus, similarity(corpus))
    folder = base / "data" / "results" / "w2vvpp"
    folder.mkdir(parents=True)
    path = folder / "a-run.json"
    stored = min((ROOT / "data" / "results" / "w2vvpp").glob("diorama-msrvtt*.json"))
    document = json.loads(stored.read_text())
    document |= {
        "id": "a-run",
        "data": data_of(corpus).model_dump(),
        "metrics": scores.metrics,
        "ranks": scores.ranks,
        "intervals": {
            side: {name: interval.model_dump() for name, interval in of.items()}
            for side, of in scores.intervals.items()
        },
    }
    write(path, document)
    return path


def write(path: Path, document: dict) -> None:
    """Write a record as the store does."""
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def recomputed(path: Path, **changes) -> tuple[dict, dict]:
    """A record with other fields and intervals of width zero, before and after the command."""
    document = {**json.loads(path.read_text()), **changes}
    for of in document["intervals"].values():
        for interval in of.values():
            interval |= {"low": interval["value"], "high": interval["value"]}
            interval |= {"resampled": changes.get("resampled", "queries")}
    document.pop("resampled", None)
    write(path, document)
    assert kb(["check", "--recompute-intervals"]) == 0
    return document, json.loads(path.read_text())


def test_a_synthetic_run_resamples_families(corpus: Corpus) -> None:
    """Minimal pairs and their captions are drawn together; SumR has an interval."""
    scores = scoring.score_split(corpus, similarity(corpus))
    family = scoring.families(corpus, "test")
    assert family is not None
    assert len(set(family)) < len(family) == len(corpus.splits["test"].videos)
    right = owners(corpus.splits["test"])
    bounds = evaluate(similarity=similarity(corpus), relevance=right).intervals(family=family)
    for side, of in scores.intervals.items():
        for name, interval in of.items():
            assert (interval.low, interval.high) == bounds[side][name]
            assert interval.resampled == "families"
    assert scores.intervals["both"]["SumR"].value == scores.metrics["SumR"]


def test_real_videos_are_resampled_alone_and_clips_with_their_video(corpus: Corpus) -> None:
    """Without families every video is a cluster; clips cut from one video are one."""
    real = replace(corpus, families=None)
    assert scoring.families(real, "test") is None
    intervals = scoring.score_split(real, similarity(corpus)).intervals
    assert {one.resampled for of in intervals.values() for one in of.values()} == {"videos"}
    first, second, third, *_ = corpus.splits["test"].videos
    cut = replace(real, cut_from={first: "long", second: "other", third: "long"})
    family = scoring.families(cut, "test")
    assert family is not None
    assert family[0] == family[2]
    assert len(set(family)) == len(family) - 1


def test_intervals_are_computed_again_from_ranks_and_nothing_else_changes(record: Path) -> None:
    """As they were measured, but for mAP of videos with several captions; twice the same bytes."""
    measured = json.loads(record.read_text())
    before, after = recomputed(record)
    left = before["intervals"]["v2t"]["mAP"]
    assert left["resampled"] == "queries"
    assert after == {**measured, "intervals": after["intervals"]}
    measured["intervals"]["v2t"]["mAP"] = left
    assert after["intervals"] == measured["intervals"]
    again = record.read_bytes()
    assert kb(["check", "--recompute-intervals"]) == 0
    assert record.read_bytes() == again


def test_an_interval_that_another_processor_rounds_otherwise_stays(record: Path) -> None:
    """The last digit alone is no change of a record."""
    assert kb(["check", "--recompute-intervals"]) == 0
    document = json.loads(record.read_text())
    bounds = document["intervals"]["t2v"]["R@1"]
    bounds["high"] = math.nextafter(bounds["high"], math.inf)
    write(record, document)
    assert kb(["check", "--recompute-intervals"]) == 0
    assert json.loads(record.read_text()) == document


def test_other_data_resample_videos_where_all_have_as_many_captions(
    record: Path, corpus: Corpus
) -> None:
    """The owner of each caption follows from the numbers of captions and videos."""
    data = {**json.loads(record.read_text())["data"], "name": "msrvtt", "size": None}
    _, after = recomputed(record, data=data)
    right = owners(corpus.splits["test"])
    bounds = evaluate(similarity=similarity(corpus), relevance=right).intervals()
    one = after["intervals"]["t2v"]["R@1"]
    assert (one["low"], one["high"]) == bounds["t2v"]["R@1"]
    assert one["resampled"] == "videos"


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"captions_per_video": 19.5}},
        {"data": {"fingerprint": "0" * 64}, "resampled": "families"},
        {"ranks": {"t2v.wrong": None, "t2v.right": None}},
    ],
)
def test_a_record_that_does_not_say_enough_keeps_its_intervals(record: Path, changes: dict) -> None:
    """Unknown numbers of captions, families of a world that is no more, ranks without ties."""
    stored = json.loads(record.read_text())
    fields = dict(changes)
    if "data" in changes:
        fields["data"] = {**stored["data"], "name": "msrvtt", "size": None, **changes["data"]}
    if "ranks" in changes:
        fields["ranks"] = {k: v for k, v in stored["ranks"].items() if k not in changes["ranks"]}
        fields["metrics"] = {"v2t": stored["metrics"]["v2t"]}
        fields["intervals"] = {"v2t": stored["intervals"]["v2t"]}
    before, after = recomputed(record, **fields)
    assert after == before


def test_runs_by_topics_keep_theirs(base: Path) -> None:
    """They resample topics, which are their queries."""
    stored = min((ROOT / "data" / "results").glob("*/diorama-avs*.json"))
    folder = base / "data" / "results" / stored.parent.name
    folder.mkdir(parents=True)
    copy = Path(shutil.copy(stored, folder))
    assert kb(["check", "--recompute-intervals"]) == 0
    assert copy.read_bytes() == stored.read_bytes()
