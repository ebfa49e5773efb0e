"""Measured runs as Every Eval Ever has them: one record per run, filed by benchmark and model.

Schema 0.3.0 of github.com/evaleval/every_eval_ever (MIT; a copy is beside the tests). Runs in probe
worlds are left out: they test a claim and compare no models. The archive has the paths of the
project's datastore, so that unpacked it is what its validator reads.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import uuid
import zipfile
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

import kb
from kb.publish import builder, measured
from kb.publish.exports import per_query
from kb.publish.text import slug
from kb.records import KBError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.records import Library, Paper, Run
    from kb.records.runs import Interval

SCHEMA = "0.3.0"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date of an archive's files: same records, same bytes
Record = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """What the records of one knowledge base have in common."""

    site: str  # its title, the organization that measured
    papers: dict[str, Paper]  # by model

    @classmethod
    def of(cls, library: Library) -> Source:
        """The knowledge base's title and papers."""
        site = str(builder.settings(library.root)["site_name"])
        return cls(site, {paper.model: paper for paper in library.papers if paper.model})

    def model_id(self, run: Run) -> str:
        """developer/model, as the Hugging Face Hub writes it."""
        return f"{slug(self.site)}/{run.model}"


def archive(library: Library) -> bytes:
    """The records of all models, without queries."""
    source = Source.of(library)
    return _zipped((_path(source, run), _text(aggregate(source, run))) for run in _runs(library))


def archive_of(library: Library, model: str) -> bytes:
    """The records of one model, each with the ranks of its queries beside it. KBError for no runs."""
    runs = [run for run in _runs(library) if run.model == model]
    if not runs:
        known = ", ".join(sorted({run.model for run in _runs(library)})) or "none"
        raise KBError(f"no run of {model!r} compares models", hint=f"there are {known}")
    source = Source.of(library)
    return _zipped(part for run in runs for part in _whole(source, run))


def _whole(source: Source, run: Run) -> Iterator[tuple[str, str]]:
    """A run's record and its queries, by path."""
    record, path = aggregate(source, run), _path(source, run)
    rows = "".join(f"{json.dumps(row)}\n" for row in per_query.rows(run, record))
    if rows:
        samples = path.removesuffix(".json") + "_samples.jsonl"
        record["detailed_evaluation_results"] = {
            "format": "jsonl",
            "file_path": samples,
            "hash_algorithm": "sha256",
            "checksum": hashlib.sha256(rows.encode("utf-8")).hexdigest(),
            "total_rows": rows.count("\n"),
        }
        yield samples, rows
    yield path, _text(record)


def _runs(library: Library) -> list[Run]:
    return [
        run
        for run in measured.runs(library)
        if run.kind == "model" and run.status == "done" and run.data.probe is None
    ]


def _path(source: Source, run: Run) -> str:
    """data/<benchmark>/<developer>/<model>/<uuid>.json; the id follows from the run's."""
    digest = hashlib.sha256(f"{run.model}/{run.id}".encode()).digest()
    name = uuid.UUID(bytes=digest[:16], version=4)
    return f"data/{run.data.name}/{source.model_id(run)}/{name}.json"


def _epoch(run: Run) -> str:
    moment = datetime.fromisoformat(run.date.replace("Z", "+00:00"))
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return str(int(zoned.timestamp()))


def aggregate(source: Source, run: Run) -> Record:
    """A run's record: who measured what on which data, and every metric with its interval."""
    model = source.model_id(run)
    return {
        "schema_version": SCHEMA,
        "evaluation_id": f"{run.id}/{model}/{_epoch(run)}",
        "evaluation_timestamp": run.date,
        "retrieved_timestamp": _epoch(run),
        "source_metadata": {
            "source_name": f"{source.site}: data/results/{run.model}/{run.id}.json",
            "source_type": "evaluation_run",
            "source_organization_name": source.site,
            "evaluator_relationship": "first_party",
            "additional_details": _texts({"command": run.command, "dirty": run.dirty}),
        },
        "eval_library": {
            "name": "kb",
            "version": kb.__version__,
            "additional_details": _texts({"commit": run.commit, "code": run.code}),
        },
        "model_info": {
            "name": run.model,
            "id": model,
            "inference_platform": "PyTorch",
            "inference_engine": {"name": "torch", "version": run.machine.torch},
            "additional_details": _model(source, run),
        },
        "evaluation_results": [*_results(run)],
    }


def _model(source: Source, run: Run) -> dict[str, str]:
    paper = source.papers.get(run.model)
    values = {
        "variant": run.variant,
        "seed": run.seed,
        "version": run.version,
        "config_hash": run.config_hash,
        "config": run.config,
        "parameters": run.cost.parameters,
        "device": run.machine.device,
        "implements": paper.title if paper else None,
        "implemented_from": paper.basis if paper else None,
    }
    return {"deployment_type": "self_deployed", "model_availability": "unknown"} | _texts(values)


def _results(run: Run) -> Iterator[Record]:
    for direction in ("t2v", "v2t"):
        for metric, value in run.metrics.get(direction, {}).items():
            yield _result(run, direction, metric, value)
    if "SumR" in run.metrics:
        yield _result(run, "both", "SumR", run.metrics["SumR"])


def _result(run: Run, direction: str, metric: str, value: float) -> Record:
    interval = run.intervals.get(direction, {}).get(metric)
    details = run.data.model_dump(mode="json", exclude_none=True, exclude={"name"})
    return {
        "evaluation_result_id": f"{direction}.{metric}",
        "evaluation_name": f"{run.data.name} {run.data.split} {direction}",
        "evaluation_timestamp": run.date,
        "source_data": {
            "dataset_name": run.data.name,
            "source_type": "other",
            "additional_details": _texts(details),
        },
        "metric_config": _config(metric),
        "score_details": {
            "score": value,
            **({"uncertainty": _uncertainty(run, interval)} if interval else {}),
        },
    }


def _uncertainty(run: Run, interval: Interval) -> Record:
    bounds = {"lower": interval.low, "upper": interval.high, "confidence_level": 0.95}
    return {
        "confidence_interval": {**bounds, "method": f"bootstrap: {interval.how}"},
        "num_samples": run.data.queries,
    }


def _config(metric: str) -> Record:
    """What the schema asks of a metric, from measures.yaml."""
    number = re.search(r"\d+$", metric)
    one = _measures()[re.sub(r"\d+$", "k", metric)]
    return {
        "metric_id": one["id"],
        "metric_name": metric,
        "metric_kind": one["kind"],
        "metric_unit": one["unit"],
        **({"metric_parameters": {"k": int(number[0])}} if number else {}),
        "lower_is_better": one.get("lower_is_better", False),
        "score_type": "continuous",
        "min_score": one["low"],
        "max_score": one["high"],
    }


@cache
def _measures() -> Record:
    text = (resources.files(__package__) / "measures.yaml").read_text("utf-8")
    measures: Record = yaml.safe_load(text)
    return measures


def _text(record: Record) -> str:
    return json.dumps(record, indent=1, ensure_ascii=False)


def _texts(values: dict[str, Any]) -> dict[str, str]:
    """Values as the schema wants details: text, and none that is absent."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in values.items()
        if value is not None
    }


def _zipped(files: Iterator[tuple[str, str]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for path, text in files:
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            target.writestr(entry, text)
    return out.getvalue()
