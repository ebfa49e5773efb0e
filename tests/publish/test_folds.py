"""Folds of one dataset are one table: means over folds, intervals by videos."""

import json
import math
import re

import pytest

from kb.publish import folds, log, publishing
from kb.publish.measured import benches
from kb.records import Library

FOLDS = {"fold-0": (30.0, 28.0, 32.0), "fold-1": (34.0, 31.0, 37.0), "fold-2": (38.0, 36.0, 40.0)}


@pytest.fixture
def base(copy):
    """The invented knowledge base with its model on three folds, and nothing else measured."""
    results = copy / "data" / "results" / "paper-boats"
    record = json.loads((results / "paper-boats-full-1.json").read_text("utf-8"))
    for path in (copy / "data" / "results").rglob("*.json"):
        path.unlink()
    for protocol, (value, low, high) in FOLDS.items():
        record |= {"id": f"boats-{protocol}", "ranks": {}}
        record["data"]["protocol"] = protocol
        record["metrics"]["t2v"]["R@1"] = value
        record["intervals"] = {"t2v": {"R@1": {"value": value, "low": low, "high": high}}}
        (results / f"boats-{protocol}.json").write_text(json.dumps(record))
    return copy


def test_a_row_is_the_mean_over_folds_with_the_interval_of_the_mean(base):
    """Half the width is the root of the sum of squares of the folds' halves, over their number."""
    library = Library.open(base)
    (one,) = folds.folded(benches(library.runs(), base))
    row = next(row for row in one.rows if row.model == "paper-boats")
    assert one.protocols == sorted(FOLDS)
    assert row.mean("t2v", "R@1") == pytest.approx(34.0)
    assert row.deviation("t2v", "R@1") == pytest.approx(4.0)
    half = math.sqrt(2.0**2 + 3.0**2 + 2.0**2) / 3
    assert row.interval("t2v", "R@1") == pytest.approx((34 - half, 34 + half))
    assert row.interval("t2v", "R@5") is None


def test_a_model_is_held_against_the_baseline_fold_by_fold(base):
    """The mean of the differences with Student's interval, over the folds that both have."""
    results = base / "data" / "results"
    (results / "bow-mean").mkdir()
    for path in sorted((results / "paper-boats").glob("*.json"))[:2]:
        record = json.loads(path.read_text("utf-8"))
        record |= {"id": f"bag-{path.stem}", "model": "bow-mean", "kind": "baseline"}
        record["metrics"]["t2v"]["R@1"] = {30.0: 29.0, 34.0: 31.0}[record["metrics"]["t2v"]["R@1"]]
        (results / "bow-mean" / f"bag-{path.stem}.json").write_text(json.dumps(record))
    library = Library.open(base)
    (one,) = folds.folded(benches(library.runs(), base))
    rows = {row.model: row for row in one.rows}
    assert one.baseline == "bow-mean"
    assert rows["bow-mean"].over is None
    mean, low, high = rows["paper-boats"].over
    assert (mean, low, high) == pytest.approx((2.0, 2 - 12.7062, 2 + 12.7062), abs=1e-3)


def test_folds_are_one_table_and_their_runs_have_anchors_of_their_own(base, tmp_path):
    """The page of models has the means, that of runs each fold under its name."""
    publishing.publish(Library.open(base), tmp_path / "out", mkdocs=False)
    docs = tmp_path / "out" / "docs"
    page = (docs / "models.md").read_text("utf-8")
    assert page.count("mean over folds {") == 1
    assert '<td data-sort="34.0">34.0<small>±4.0</small></td>' in page
    runs = (docs / "results.md").read_text("utf-8")
    anchors = re.findall(r"^## .*\{ #(\S+) \}$", runs, re.MULTILINE)
    assert {name for name in anchors if "-fold-" in name} == {
        f"{anchors[0][:12]}-{f}" for f in FOLDS
    }
    assert all(f", {protocol} {{ #" in runs for protocol in FOLDS)


def test_a_days_runs_of_all_folds_are_one_event_of_the_log(base):
    """Their mean is its body."""
    (event,) = [one for one in log.events(Library.open(base)) if one.kind == "runs"]
    assert event.says == "paper-boats: 3 runs on pond-harbour, small"
    assert event.body[0].startswith("Variant full, mean of 3 runs: text-to-video R@1 34.0")


def test_a_papers_page_shows_folds_as_one_table(base, tmp_path):
    """The mean over them and the command of the first, not a table for each fold."""
    publishing.publish(Library.open(base), tmp_path / "out", mkdocs=False)
    pages = (tmp_path / "out" / "docs" / "papers").glob("*.md")
    (page,) = [text for one in pages if "mean over 3 folds" in (text := one.read_text("utf-8"))]
    assert page.count("mean over 3 folds") == 1
    assert "protocol fold-" not in page
    assert page.count('<td data-sort="34.0">34.0<small>±4.0</small></td>') == 1
