"""The document of a reproduction as a table."""

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from kb.records.runs import RESAMPLED

COLUMNS = ("R@1", "R@5", "R@10", "MedR", "MnR")
FRACTIONS = ("infAP", "infNDCG", "iP10", "iP100")  # where topics are the queries
TITLES = {"t2v": "Text to video", "v2t": "Video to text"}
WIDTH = 100  # where the output is no terminal
Document = dict[str, Any]


def show(document: Document) -> None:
    """Print the tables of both directions, a legend and the verdict."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    if document["status"] == "refused":
        console.print(f"{document['model']}: not run, {document['reason']}", highlight=False)
        return
    named = (document["data"], document["size"] or "", document["coverage"])
    data = ", ".join(part for part in named if part)
    console.print(
        f"{document['title'] or document['model']}: {document['model']} on {data}\n",
        highlight=False,
        soft_wrap=True,
    )
    for direction in (name for name in TITLES if name in document["reference"]["chance"]):
        console.print(_table(document, direction))
    console.print(_legend(document), highlight=False)
    console.print(f"Verdict: {document['verdict']}.", highlight=False, soft_wrap=True)


def _table(document: Document, direction: str) -> Table:
    table = Table(
        title=TITLES[direction], title_justify="left", title_style="bold", box=box.SIMPLE_HEAD
    )
    table.add_column("")
    reference = document["reference"]
    columns = _columns(reference["chance"][direction])
    digits = _digits(columns)
    for name in (columns[0], "95 %", *columns[1:]):
        table.add_column(name, justify="right")
    _add(table, "chance", reference["chance"], direction)
    _add(table, "bow-mean (baseline)", reference["baseline"], direction)
    _add(table, _ours(document), document["summary"], direction, style="bold")
    _add(table, "ground-truth oracle", reference["oracle"], direction)
    rows = [row for row in document["published"] if row["direction"] == direction]
    for number, row in enumerate(rows):
        if number == 0:
            table.add_section()
        values = [_number(row["metrics"].get(name), digits=digits) for name in columns]
        table.add_row(_published(row), values[0], "", *values[1:], style="dim")
    return table


def _ours(document: Document) -> str:
    variant = "" if document["variant"] == "full" else f" {document['variant']}"
    return f"{document['model']}{variant} (ours)"


def _add(table: Table, label: str, row: Document | None, direction: str, style: str = "") -> None:
    if row is None:
        return
    spread = (row.get("sd") or {}).get(direction, {})
    columns = _columns(row[direction])
    digits = _digits(columns)
    values = [_number(row[direction][name], spread.get(name), digits) for name in columns]
    bounds = row.get("ci95", {}).get(direction, {}).get(columns[0])
    interval = " - ".join(f"{bound:.{digits}f}" for bound in bounds or ())
    table.add_row(label, values[0], interval, *values[1:], style=style)


def _columns(metrics: Document) -> tuple[str, ...]:
    return FRACTIONS if "infAP" in metrics else COLUMNS


def _digits(columns: tuple[str, ...]) -> int:
    return 3 if columns == FRACTIONS else 1


def _number(value: float | None, spread: float | None = None, digits: int = 1) -> str:
    if value is None:
        return ""
    return f"{value:.{digits}f}" + ("" if spread is None else f" ± {spread:.{digits}f}")


def _published(row: Document) -> str:
    mark = "" if row["comparable"] else " *"
    return f"{_source(row)}: {row['dataset']} {row['test_split']}{mark}"


def _source(row: Document) -> str:
    return str(row["reported_by"].replace("_", " "))


def _legend(document: Document) -> str:
    lines = []
    if document["summary"]:
        seeds = [str(seed) for seed in document["summary"]["seeds"]]
        what = "Mean ± standard deviation of seeds" if len(seeds) > 1 else "Seed"
        how = RESAMPLED[document["summary"]["resampled"]]
        lines.append(f"{what} {', '.join(seeds)}; 95 %: bootstrap interval, {how}.")
    for row in document["published"]:
        lines += [f"{_source(row)}: {_agreement(number)}" for number in row["numbers"]]
    if not all(row["comparable"] for row in document["published"]):
        reasons = (
            [document["reason"]] if document["reason"] else _differences(document["published"])
        )
        lines.append(f"* not comparable: {'; '.join(reasons).rstrip('.')}.")  # "et al." ends one
    return "\n".join(lines)


def _agreement(number: Document) -> str:
    verdict = number["term"] if number["reproduced"] else f"not {number['term']}"
    return (
        f"{number['direction']} {number['metric']} {number['published']:g}, ours"
        f" {number['ours']:.2f}, at most {number['tolerance']:.2f} apart: {verdict}"
    )


def _differences(rows: list[Document]) -> list[str]:
    """Why rows are not comparable, each reason once."""
    return list(dict.fromkeys(reason for row in rows for reason in row["differences"]))
