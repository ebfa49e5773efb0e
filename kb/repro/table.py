"""The document of a reproduction as a table for people."""

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

COLUMNS = ("R@1", "R@5", "R@10", "MedR", "MnR")
TITLES = {"t2v": "Text to video", "v2t": "Video to text"}
WIDTH = 100  # where the output is no terminal
Document = dict[str, Any]


def show(found: Document) -> None:
    """Print the tables of both directions, what each row is, and the verdict."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    if found["status"] == "refused":
        console.print(f"{found['model']}: not run, {found['reason']}", highlight=False)
        return
    data = f"{found['data']}, {found['size']}" if found["size"] else found["data"]
    console.print(
        f"{found['title'] or found['model']}: {found['model']} on {data}\n", highlight=False
    )
    for direction in ("t2v", "v2t"):
        console.print(_table(found, direction))
    console.print(_legend(found), highlight=False)
    console.print(f"Verdict: {found['verdict']}.", highlight=False, soft_wrap=True)


def _table(found: Document, direction: str) -> Table:
    table = Table(
        title=TITLES[direction], title_justify="left", title_style="bold", box=box.SIMPLE_HEAD
    )
    table.add_column("")
    for name in ("R@1", "95 %", *COLUMNS[1:]):
        table.add_column(name, justify="right")
    reference = found["reference"]
    _add(table, "chance", reference["chance"], direction)
    _add(table, "bow-mean (baseline)", reference["baseline"], direction)
    _add(table, _ours(found), found["summary"], direction, style="bold")
    _add(table, "oracle on scripts", reference["oracle"], direction)
    rows = [row for row in found["published"] if row["direction"] == direction]
    for number, row in enumerate(rows):
        if number == 0:
            table.add_section()
        values = [_number(row["metrics"].get(name)) for name in COLUMNS]
        table.add_row(_published(row), values[0], "", *values[1:], style="dim")
    return table


def _ours(found: Document) -> str:
    variant = "" if found["variant"] == "full" else f" {found['variant']}"
    return f"{found['model']}{variant} (ours)"


def _add(table: Table, label: str, row: Document | None, direction: str, style: str = "") -> None:
    if row is None:
        return
    spread = (row.get("sd") or {}).get(direction, {})
    values = [_number(row[direction][name], spread.get(name)) for name in COLUMNS]
    bounds = row.get("ci95", {}).get(direction, {}).get("R@1")
    interval = f"{bounds[0]:.1f} - {bounds[1]:.1f}" if bounds else ""
    table.add_row(label, values[0], interval, *values[1:], style=style)


def _number(value: float | None, spread: float | None = None) -> str:
    if value is None:
        return ""
    return f"{value:.1f}" if spread is None else f"{value:.1f} ± {spread:.1f}"


def _published(row: Document) -> str:
    mark = "" if row["comparable"] else " *"
    return f"{_source(row)}: {row['dataset']} {row['test_split']}{mark}"


def _source(row: Document) -> str:
    return str(row["reported_by"].replace("_", " "))


def _legend(found: Document) -> str:
    lines = []
    if found["summary"]:
        seeds = [str(seed) for seed in found["summary"]["seeds"]]
        spread = "s: mean ± standard deviation" if len(seeds) > 1 else ""
        lines.append(f"Seed{spread} {', '.join(seeds)}; 95 %: bootstrap interval over queries.")
    for row in found["published"]:
        lines += [f"{_source(row)}: {_agreement(number)}" for number in row["numbers"]]
    if not all(row["comparable"] for row in found["published"]):
        reasons = [found["reason"]] if found["reason"] else _differences(found["published"])
        lines.append(f"* not comparable: {'; '.join(reasons)}.")
    return "\n".join(lines)


def _agreement(number: Document) -> str:
    said = "reproduced" if number["reproduced"] else "not reproduced"
    return (
        f"{number['direction']} {number['metric']} {number['published']:g}, ours"
        f" {number['ours']:.2f}, at most {number['tolerance']:.2f} apart: {said}"
    )


def _differences(rows: list[Document]) -> list[str]:
    """What keeps rows from being compared, each once."""
    return list(dict.fromkeys(reason for row in rows for reason in row["differences"]))
