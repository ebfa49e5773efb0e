"""Every Eval Ever: the records keep its schema, and its own package reads them back."""

from __future__ import annotations

import io
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from kb.publish import exports
from kb.publish.exports import every_eval_ever as eee
from kb.records import KBError, Library, Run

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).parents[1] / "data"
MODEL = "howto100m"


def opened(archive: str | bytes) -> dict[str, str]:
    """The files of an archive by path."""
    assert isinstance(archive, bytes)
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        return {name: files.read(name).decode("utf-8") for name in files.namelist()}


def schema(name: str) -> jsonschema.Draft7Validator:
    """A schema as its project publishes it."""
    text = (DATA / "every_eval_ever" / name).read_text("utf-8")
    return jsonschema.Draft7Validator(json.loads(text))


@pytest.fixture(scope="module")
def own() -> Library:
    """This list's records."""
    return Library.open(ROOT)


@pytest.fixture(scope="module")
def compared(own: Library) -> list[Run]:
    """The runs that compare models: none in a probe world, no baseline."""
    runs = [run for run in own.runs() if run.kind == "model" and run.status == "done"]
    return [run for run in runs if run.data.probe is None]


@pytest.fixture(scope="module")
def records(own: Library) -> dict[str, Any]:
    """The record of every run, by path."""
    files = opened(exports.export(own, "every-eval-ever"))
    return {path: json.loads(text) for path, text in files.items()}


@pytest.fixture(scope="module")
def whole(own: Library) -> dict[str, str]:
    """One model's records and queries, by path."""
    return opened(exports.export(own, f"every-eval-ever/{MODEL}"))


def test_every_record_keeps_the_schema(records: dict[str, Any], compared: list[Run]) -> None:
    """A record for each run that compares models, each valid."""
    validator = schema("eval.schema.json")
    assert len(records) == len(compared)
    assert {one["evaluation_id"] for one in records.values()} == {*map(_id, compared)}
    for record in records.values():
        validator.validate(record)


def _id(run: Run) -> str:
    return f"{run.id}/video-text-retrieval/{run.model}/{eee._epoch(run)}"


def test_a_record_has_every_metric_with_its_interval(
    records: dict[str, Any], compared: list[Run]
) -> None:
    """Metrics and bounds are the run's own, in its unit and between the bounds of the metric."""
    by_id = {record["evaluation_id"]: record for record in records.values()}
    for run in compared:
        results = by_id[_id(run)]["evaluation_results"]
        found = {one["evaluation_result_id"]: one["score_details"] for one in results}
        stated = {
            f"{direction}.{metric}": value
            for direction in ("t2v", "v2t")
            for metric, value in run.metrics.get(direction, {}).items()
        } | ({"both.SumR": run.metrics["SumR"]} if "SumR" in run.metrics else {})
        assert {name: one["score"] for name, one in found.items()} == stated
        for direction, intervals in run.intervals.items():
            for metric, interval in intervals.items():
                bounds = found[f"{direction}.{metric}"]["uncertainty"]["confidence_interval"]
                assert (bounds["lower"], bounds["upper"]) == (interval.low, interval.high)


def test_every_query_has_a_row_that_joins_its_result(
    whole: dict[str, str], compared: list[Run]
) -> None:
    """The mean of a direction's scores is its R@1; digest and number of rows are right."""
    validator = schema("instance_level_eval.schema.json")
    records = {path: json.loads(text) for path, text in whole.items() if path.endswith(".json")}
    assert len(records) == sum(run.model == MODEL for run in compared)
    for path, record in records.items():
        detail = record["detailed_evaluation_results"]
        assert detail["file_path"] == path.replace(".json", "_samples.jsonl")
        rows = [json.loads(line) for line in whole[detail["file_path"]].splitlines()]
        assert detail["total_rows"] == len(rows)
        validator.validate(rows[0])
        validator.validate(rows[-1])
        assert len({row["sample_id"] for row in rows}) == len(rows)
        for result in record["evaluation_results"]:
            if result["metric_config"]["metric_name"] == "R@1":
                scores = [
                    row["evaluation"]["score"]
                    for row in rows
                    if row["evaluation_result_id"] == result["evaluation_result_id"]
                ]
                mean = 100 * math.fsum(scores) / len(scores)
                assert mean == pytest.approx(result["score_details"]["score"], rel=1e-6)


def test_the_same_records_give_the_same_bytes() -> None:
    """No date of today, no random id."""
    first, second = (Library.open(DATA / "kb") for _ in range(2))
    assert exports.export(first, "every-eval-ever") == exports.export(second, "every-eval-ever")
    whole = eee.archive_of(first, "paper-boats")
    assert whole == eee.archive_of(second, "paper-boats")
    assert len(opened(whole)) == 3


def test_a_model_without_runs_is_one_line(own: Library) -> None:
    """The hint names those that have some."""
    with pytest.raises(KBError, match=r"no run of 'nothing' compares models; there are .*w2vv"):
        exports.export(own, "every-eval-ever/nothing")


def test_their_validator_finds_nothing(
    records: dict[str, Any], whole: dict[str, str], tmp_path: Path
) -> None:
    """Types, paths, bounds, identities and companions, as the project's own check has them."""
    reader = pytest.importorskip(
        "every_eval_ever.validator.validate", reason="every-eval-ever needs Python 3.12"
    )
    files = {path: json.dumps(record) for path, record in records.items()} | whole
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    assert reader.main(["--format", "json", f"{tmp_path}/data/*/*/*/*.json*"]) == 0
