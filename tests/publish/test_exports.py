"""Exports, read back by readers that are not ours."""

import contextlib
import csv
import io
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import bibtexparser
import jsonschema
import pytest
import yaml

from kb.publish import cited, exports
from kb.publish.exports import document
from kb.records import KBError, Library, Paper, views

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def library(invented):
    """The invented records."""
    return Library.open(invented)


@pytest.fixture
def database(library, tmp_path):
    """The SQLite export, opened."""
    path = tmp_path / "kb.sqlite"
    path.write_bytes(exports.export(library, "sqlite"))
    connection = sqlite3.connect(path)
    yield connection
    connection.close()


def test_the_bibliography_holds_every_paper_and_dataset_of_the_list(library):
    """An independent parser finds all of them and no broken block."""
    found = bibtexparser.parse_string(exports.export(library, "bibtex"))
    assert found.failed_blocks == []
    records = [*library.papers, *library.datasets]
    assert [entry.key for entry in found.entries] == [cited.cited(one).key for one in records]


def test_csl_items_keep_to_the_published_schema(library):
    """Each item has the fields and forms that the CSL-JSON schema requires."""
    name = {"type": "object", "properties": {"family": {}, "given": {}, "literal": {}}}
    item = {
        "type": "object",
        "required": ["type", "id"],
        "properties": {
            "type": {"enum": ["article", "article-journal", "paper-conference"]},
            "id": {"type": "string"},
            "title": {"type": "string"},
            "author": {"type": "array", "items": name | {"additionalProperties": False}},
            "issued": {
                "properties": {
                    "date-parts": {"type": "array", "items": {"items": {"type": "integer"}}}
                }
            },
            **{key: {"type": "string"} for key in ("container-title", "publisher", "number")},
            **{key: {"type": "string"} for key in ("DOI", "URL", "ISSN", "collection-title")},
            **{key: {"type": "string"} for key in ("volume", "issue", "page")},
        },
        "additionalProperties": False,
    }
    items = json.loads(exports.export(library, "csl-json"))
    jsonschema.validate(items, {"type": "array", "items": item})
    assert len(items) == len(library.papers) + len(library.datasets)


def test_csv_has_a_row_for_each_paper(library):
    """The csv module reads back ids, titles and years."""
    rows = list(csv.DictReader(io.StringIO(exports.export(library, "csv"), newline="")))
    assert [(row["id"], row["title"], row["year"]) for row in rows] == [
        (paper.id, paper.title, str(paper.year or "")) for paper in library.papers
    ]


@pytest.mark.parametrize("start", "=+-@")
def test_a_spreadsheet_gets_text_and_no_formula(start):
    """A cell that would be run begins with an apostrophe."""
    assert exports.table.cell(f"{start}1+1") == f"'{start}1+1"


def test_the_json_export_validates_against_the_schema_of_the_api(library):
    """Papers, datasets and runs of the export fit the JSON Schema that the site offers."""
    whole, schema = json.loads(exports.export(library, "json")), document.schema()
    for key, kind in [("papers", "Paper"), ("datasets", "Dataset")]:
        for record in whole[key]:
            jsonschema.validate(record, schema[kind])
    assert Paper.model_validate(whole["papers"][0]) == library.papers[0]
    assert {run["model"] for run in whole["runs"]} == {"paper-boats", "chance"}


def test_the_database_is_sound_and_its_references_hold(database):
    """SQLite's own checks find nothing, and every table has its rows."""
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    counts = {
        name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        for name in ("papers", "authors", "published", "runs", "splits", "claims")
    }
    assert counts == {
        "papers": 6,
        "authors": 8,
        "published": 7,
        "runs": 4,
        "splits": 2,
        "claims": 1,
    }


def test_what_a_data_set_s_own_paper_published_is_kept_apart(tmp_path):
    """This list's database: every published row stands under one paper or one dataset."""
    library = Library(ROOT)
    path = tmp_path / "kb.sqlite"
    path.write_bytes(exports.export(library, "sqlite"))
    with contextlib.closing(sqlite3.connect(path)) as found:
        assert found.execute("PRAGMA foreign_key_check").fetchall() == []
        (rows, papers, datasets) = found.execute(
            "SELECT count(*), count(paper), count(of_dataset) FROM published"
        ).fetchone()
        owners = found.execute("SELECT DISTINCT of_dataset FROM published WHERE paper IS NULL")
        assert owners.fetchall() == [("howto100m",)]
    assert rows == papers + datasets == sum(map(len, library.published.values()))
    assert len(views.one(library, "howto100m")["published"]) == datasets


def test_the_database_answers_a_question_of_the_field(database):
    """The best R@1 on one split without extra pre-training is one query."""
    row = database.execute(
        """SELECT paper, value FROM published JOIN published_metrics ON result = published.id
           WHERE dataset = 'harbour' AND test_split = 'quay' AND direction = 't2v'
             AND pretraining = 'none' AND postproc = 'none' AND name = 'R@1'
           ORDER BY value DESC"""
    ).fetchone()
    assert row == ("kestrel2021boats", 31.4)


def test_the_database_finds_papers_by_words(database):
    """Full text covers title, authors, model and datasets."""
    for words, paper in [("rafts", "otter2019rafts"), ("Egret", "heron2020stilts")]:
        found = database.execute("SELECT paper FROM search WHERE search MATCH ?", (words,))
        assert [row[0] for row in found] == [paper]


def test_the_same_records_give_the_same_database(library):
    """A site whose records did not change is not rebuilt for its database."""
    assert exports.export(library, "sqlite") == exports.export(library, "sqlite")


def entries(documents):
    """A list of results, each document's."""
    return [row for one in documents for row in one]


def mapping(required, **properties):
    """A JSON Schema of a mapping with exactly these keys."""
    keys = {
        name: {"type": kind} if isinstance(kind, str) else kind for name, kind in properties.items()
    }
    return {
        "type": "object",
        "required": required.split(),
        "properties": keys,
        "additionalProperties": False,
    }


# hub-docs modelcard.md: a result names task, dataset and at least one metric.
MODEL_INDEX = mapping(
    "name results",
    name="string",
    results={
        "type": "array",
        "minItems": 1,
        "items": mapping(
            "task dataset metrics",
            task=mapping("type", type="string", name="string"),
            dataset=mapping(
                "type name",
                **dict.fromkeys(("type", "name", "config", "split", "revision"), "string"),
            ),
            metrics={
                "type": "array",
                "minItems": 1,
                "items": mapping("type value", type="string", value="number", name="string"),
            },
        ),
    },
)
# hub-docs eval_results.yaml: an entry names the benchmark, the task in it, and the value.
EVAL_RESULT = mapping(
    "dataset value",
    dataset=mapping("id task_id", id="string", task_id="string", revision="string"),
    value="number",
    date="string",
    notes="string",
)


def test_a_model_index_holds_measured_runs_only(library):
    """Each result names task, data and metrics as a model card requires; no reference point."""
    (entry,) = yaml.safe_load(exports.export(library, "model-index"))["model-index"]
    jsonschema.validate(entry, MODEL_INDEX)
    assert entry["name"] == "paper-boats"
    assert len(entry["results"]) == 6  # three runs, two directions
    for result in entry["results"]:
        assert {metric["type"] for metric in result["metrics"]} >= {"R@1", "R@5", "R@10", "MedR"}


def test_eval_results_have_the_fields_that_are_required(library):
    """Each entry names dataset and task, and no two entries of one run are the same task."""
    rows = entries(yaml.safe_load_all(exports.export(library, "hf-eval")))
    jsonschema.validate(rows, {"type": "array", "items": EVAL_RESULT})
    assert len(rows) == 30
    assert len({(row["dataset"]["task_id"], row["notes"]) for row in rows}) == 30
    assert all(row["dataset"]["id"] == "pond-harbour" for row in rows)


@pytest.mark.parametrize("name", ["model-index", "hf-eval"])
def test_without_runs_there_is_nothing_to_claim(name, tmp_path):
    """An export of a list that measured nothing is valid and empty."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "papers.yaml").write_text("papers: []\n")
    found = yaml.safe_load(exports.export(Library(tmp_path), name))
    assert found in ({"model-index": []}, [])


def test_an_unknown_format_is_one_line_that_names_the_known_ones(library):
    """A wrong name is a usage error."""
    with pytest.raises(KBError, match=r"no export is called 'xml'; there are bibtex, csl-json"):
        exports.export(library, "xml")


def test_the_command_prints_or_writes_an_export(invented, tmp_path):
    """`kb export bibtex` prints; --out writes the same bytes."""
    command = [sys.executable, "-m", "kb", "export", "bibtex", "-C", str(invented)]
    printed = subprocess.run(command, capture_output=True, check=True)
    subprocess.run([*command, "--out", str(tmp_path / "x.bib")], capture_output=True, check=True)
    assert printed.stdout.startswith(b"@inproceedings{kestrel2021boats,")
    assert (tmp_path / "x.bib").read_bytes() == printed.stdout
