"""A leaderboard as CSV: one line per published result, with its conditions and its source."""

from kb.publish.boards import Board, Entry, Report
from kb.publish.exports.table import csv_of

COLUMNS = (
    "entry",
    "position",
    "paper",
    "model",
    "year",
    "venue",
    "variant",
    "test_split",
    "direction",
    "pretraining",
    "train_split",
    "features",
    "postproc",
    "reported_by",
    "source",
    "source_url",
)


def csv_text(boards: list[Board]) -> str:
    """RFC 4180, UTF-8. `entry` is the anchor of the table's row; only what ranks has a position."""
    metrics = list(dict.fromkeys(name for board in boards for name in board.test.metrics))
    rows = (
        [*_conditions(entry, report), *map(report.row.result.metrics.get, metrics)]
        for board in boards
        for entry in board.entries
        for report in (entry.report, *entry.others)
    )
    return csv_of([*COLUMNS, *metrics], rows)


def _conditions(entry: Entry, report: Report) -> list[object]:
    paper, result = report.row.paper, report.row.result
    return [
        entry.id,
        entry.position if report is entry.report else None,
        paper.id,
        report.row.model,
        paper.year,
        paper.venue,
        result.variant,
        result.test_split,
        result.direction,
        result.pretraining,
        result.train_split,
        result.features,
        result.postproc,
        result.reported_by,
        report.source.says,
        report.source.url,
    ]
