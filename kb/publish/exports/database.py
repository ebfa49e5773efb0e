"""SQLite: the knowledge base as tables with foreign keys and a full-text index."""

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from kb.publish import measured
from kb.publish.exports import facts
from kb.publish.exports.table import CLAIMS
from kb.publish.text import clean
from kb.records import Dataset, Library, Paper, Published, Run, protocol

SCHEMA = """
CREATE TABLE papers (
  id TEXT PRIMARY KEY, model TEXT UNIQUE, basis TEXT, title TEXT NOT NULL, et_al INTEGER NOT NULL, venue TEXT,
  year INTEGER, arxiv TEXT, doi TEXT, label TEXT, section TEXT, status TEXT NOT NULL,
  extends TEXT REFERENCES papers(id) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE authors (
  paper TEXT NOT NULL REFERENCES papers(id), position INTEGER NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY (paper, position));
CREATE TABLE links (
  paper TEXT NOT NULL REFERENCES papers(id), kind TEXT NOT NULL, url TEXT NOT NULL,
  official INTEGER, swhid TEXT);
CREATE TABLE datasets (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, title TEXT NOT NULL, venue TEXT, year INTEGER,
  clips TEXT, captions TEXT, basis TEXT, status TEXT NOT NULL);
CREATE TABLE splits (
  dataset TEXT NOT NULL REFERENCES datasets(id), protocol TEXT NOT NULL, train TEXT, val TEXT,
  test TEXT, queries TEXT);
CREATE TABLE paper_datasets (
  paper TEXT NOT NULL REFERENCES papers(id), dataset TEXT NOT NULL REFERENCES datasets(id),
  PRIMARY KEY (paper, dataset));
CREATE TABLE published (
  id INTEGER PRIMARY KEY, paper TEXT REFERENCES papers(id),
  of_dataset TEXT REFERENCES datasets(id), dataset TEXT NOT NULL, test_split TEXT NOT NULL,
  train_split TEXT, direction TEXT NOT NULL, captions_per_video TEXT, gallery INTEGER,
  queries INTEGER, unit TEXT, variant TEXT, features TEXT, pretraining TEXT,
  postproc TEXT NOT NULL, reported_by TEXT NOT NULL, source TEXT NOT NULL,
  source_url TEXT, source_version TEXT, source_table TEXT, source_row TEXT, source_column TEXT,
  source_page INTEGER, source_quote TEXT, dataset_detail TEXT, not_stated TEXT, note TEXT,
  CHECK ((paper IS NULL) <> (of_dataset IS NULL)));
CREATE TABLE published_metrics (
  result INTEGER NOT NULL REFERENCES published(id), name TEXT NOT NULL, value REAL NOT NULL,
  PRIMARY KEY (result, name));
CREATE TABLE claims (
  paper TEXT NOT NULL REFERENCES papers(id), id TEXT NOT NULL, text TEXT NOT NULL, place TEXT,
  metric TEXT NOT NULL, relation TEXT NOT NULL, PRIMARY KEY (paper, id));
CREATE TABLE verdicts (
  paper TEXT NOT NULL, model TEXT NOT NULL, claim TEXT NOT NULL, main INTEGER NOT NULL,
  text TEXT NOT NULL, metric TEXT NOT NULL, relation TEXT NOT NULL, margin REAL NOT NULL,
  mechanism TEXT, verdict TEXT NOT NULL, against TEXT, difference REAL, low REAL, high REAL,
  worlds INTEGER NOT NULL, older_code INTEGER NOT NULL, answers TEXT,
  by TEXT, reproducers TEXT, contradictions TEXT, stated_commit TEXT, stated_date TEXT,
  PRIMARY KEY (model, claim));
CREATE TABLE leaderboards (
  dataset TEXT NOT NULL REFERENCES datasets(id), test TEXT NOT NULL, title TEXT NOT NULL,
  paper TEXT NOT NULL, model TEXT, variant TEXT, year INTEGER, position INTEGER, rank INTEGER, of INTEGER,
  ranked_by TEXT, no_rank TEXT, train_split TEXT, features TEXT, pretraining TEXT,
  postproc TEXT NOT NULL, reported_by TEXT NOT NULL, metrics TEXT NOT NULL, source TEXT NOT NULL,
  source_url TEXT);
CREATE TABLE runs (
  id TEXT NOT NULL, model TEXT NOT NULL, variant TEXT NOT NULL, kind TEXT NOT NULL,
  seed INTEGER NOT NULL, data TEXT NOT NULL, size TEXT, fingerprint TEXT NOT NULL,
  split TEXT NOT NULL, protocol TEXT NOT NULL, device TEXT NOT NULL, seconds REAL NOT NULL,
  parameters INTEGER NOT NULL, commit_id TEXT, date TEXT NOT NULL, status TEXT NOT NULL, by TEXT,
  PRIMARY KEY (model, id));
CREATE TABLE run_metrics (
  model TEXT NOT NULL, run TEXT NOT NULL, direction TEXT NOT NULL, name TEXT NOT NULL,
  value REAL NOT NULL, low REAL, high REAL, PRIMARY KEY (model, run, direction, name),
  FOREIGN KEY (model, run) REFERENCES runs(model, id));
CREATE VIRTUAL TABLE search USING fts5(paper UNINDEXED, title, authors, model, datasets);
"""


def dump(library: Library) -> bytes:
    """The database file; the same records give the same bytes with the same SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kb.sqlite"
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.executescript(SCHEMA)
            _fill(connection, library)
        return path.read_bytes()


def _fill(connection: sqlite3.Connection, library: Library) -> None:
    names = {dataset.id: dataset.name for dataset in library.datasets}
    for dataset in library.datasets:
        _dataset(connection, dataset)
    for paper in library.papers:
        _paper(connection, library, paper, names)
    for paper in library.papers:
        for result in library.published.get(paper.id, []):
            _published(connection, (paper.id, None), result)
    for dataset in library.datasets:
        for result in library.published.get(dataset.id, []):
            _published(connection, (None, dataset.id), result)
    for run in measured.runs(library):
        _run(connection, run)
    _computed(connection, library)


def _computed(connection: sqlite3.Connection, library: Library) -> None:
    """Verdicts and leaderboards; the metrics of a leaderboard's row are one JSON object."""
    claims = facts.claims(library)
    _put(connection, "verdicts", *(tuple(row[name] for name in CLAIMS) for row in claims))
    names = [
        *(
            "dataset",
            "test",
            "title",
            "paper",
            "model",
            "variant",
            "year",
            "position",
            "rank",
            "of",
        ),
        *("ranked_by", "no_rank", *facts.CONDITIONS, "metrics", "source", "source_url"),
    ]
    for test in facts.leaderboards(library):
        for row in test["rows"]:
            whole = test | row | {"metrics": json.dumps(row["metrics"])}
            _put(connection, "leaderboards", tuple(whole[name] for name in names))


def _put(connection: sqlite3.Connection, table: str, *rows: tuple[Any, ...]) -> int:
    """Insert rows of plain values; text is cleaned. `table` is a name of this file."""
    last = 0
    for row in rows:
        marks = ", ".join("?" * len(row))
        values = [clean(value) if isinstance(value, str) else value for value in row]
        done = connection.execute(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608
        last = done.lastrowid or 0
    return last


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _dataset(connection: sqlite3.Connection, one: Dataset) -> None:
    row = (one.id, one.name, one.title, one.venue, one.year, _text(one.clips), _text(one.captions))
    _put(connection, "datasets", (*row, one.basis, one.status))
    for split in one.splits:
        sizes = (_text(split.train), _text(split.val), _text(split.test), split.queries)
        _put(connection, "splits", (one.id, split.protocol, *sizes))


def _paper(
    connection: sqlite3.Connection, library: Library, one: Paper, names: dict[str, str]
) -> None:
    row = (one.id, one.model, one.basis, one.title, one.et_al, one.venue, one.year, one.ids.arxiv)
    _put(
        connection,
        "papers",
        (*row, one.ids.doi, one.label, one.section, one.status, one.extends),
    )
    _put(connection, "authors", *((one.id, at, name) for at, name in enumerate(one.authors, 1)))
    links = facts.links_of(library, one)
    _put(connection, "links", *((one.id, x.kind, x.url, x.official, x.swhid) for x in links))
    known = facts.datasets_of(library, one)
    _put(connection, "paper_datasets", *((one.id, key) for key in known))
    _put(
        connection,
        "claims",
        *((one.id, c.id, c.text, c.where, c.metric, c.relation) for c in one.claims),
    )
    texts = (one.id, one.title, ", ".join(one.authors), one.model)
    _put(connection, "search", (*texts, ", ".join(names[key] for key in known)))


def _published(
    connection: sqlite3.Connection, owner: tuple[str | None, str | None], one: Published
) -> None:
    """A result of a paper of the list, or of a dataset's own paper: (paper, dataset)."""
    what = (one.dataset, one.test_split, one.train_split, one.direction)
    size = (_text(one.captions_per_video), one.gallery, one.queries, one.unit, one.variant)
    how = (one.features, one.pretraining, one.postproc, one.reported_by)
    at = one.source
    place = (at.name, at.url, at.version, at.table, at.row, at.column, at.page, at.quote)
    rest = (one.dataset_detail, "; ".join(protocol.not_stated(one)) or None, one.note)
    key = _put(connection, "published", (None, *owner, *what, *size, *how, *place, *rest))
    given = ((key, name, value) for name, value in one.metrics.items() if value is not None)
    _put(connection, "published_metrics", *given)


def _run(connection: sqlite3.Connection, one: Run) -> None:
    data = (one.data.name, one.data.size, one.data.fingerprint, one.data.split, one.data.protocol)
    cost = (one.machine.device, one.cost.seconds, one.cost.parameters)
    row = (one.id, one.model, one.variant, one.kind, one.seed, *data, *cost, one.commit)
    _put(connection, "runs", (*row, one.date, one.status, one.by))
    _put(connection, "run_metrics", *_run_metrics(one))


def _run_metrics(one: Run) -> Iterator[tuple[Any, ...]]:
    for direction, table in one.metrics.items():
        named = table if isinstance(table, dict) else {direction: table}
        for name, value in named.items():
            if isinstance(value, (int, float)):
                side = direction if isinstance(table, dict) else ""
                whisker = one.intervals.get(side or "both", {}).get(name)
                low, high = (whisker.low, whisker.high) if whisker else (None, None)
                yield (one.model, one.id, side, name, value, low, high)
