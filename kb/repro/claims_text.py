"""`kb claims` as text."""

from typing import Any

from kb.records import reproducers
from kb.repro.side_by_side import AGAIN

Document = dict[str, Any]


def text(rows: list[Document]) -> str:
    """All claims, an empty line between two."""
    return "\n\n".join(_claim(row) for row in rows) or "no record states a claim yet"


def _claim(row: Document) -> str:
    worlds = f", {len(row['worlds'])} worlds" if row["worlds"] else ""
    older = ", measured with older code" if row["older_code"] else ""
    main = "main claim, " if row["main"] else ""
    by = f", by {row['by']}" if row["by"] else ""
    verdict = "to be run again" if row["verdict"] == AGAIN else row["verdict"]
    lines = [
        f"{row['model']} {row['claim']}: {main}{verdict}{worlds}{by}{older}",
        f"    {row['text']}",
        f"    {stated(row)}",
    ]
    if row["mechanism"]:
        of = row["mechanism"]
        lines.append(
            f"    mechanism: {of['world']}, {of['absent']} to {of['on']}; {of['predicts']}"
        )
    for name, levels in row["variants"].items():
        cells = ", ".join(f"{level} {_mean(of)}" for level, of in levels.items())
        lines.append(f"    {name:<16} {row['metric']} {cells}")
    lines += [
        f"    over {one['other']:<11} {_comparison(one)}: {one['verdict']}"
        for one in row["comparisons"]
    ]
    if row["twins_told"].get("features") is not None:
        told = ", ".join(f"{k} {v:.0f} %" for k, v in row["twins_told"].items() if v is not None)
        lines.append(f"    twins told apart: {told}")
    if row["effect"]["ours"] is not None or row["effect"]["paper"] is not None:
        lines.append(
            f"    effect: {_percent(row['effect']['ours'])} here, {_percent(row['effect']['paper'])} in the paper"
        )
    if row["verdict"] == "undecided":
        lines.append(f"    to decide it: {row['needs'] or 'over 1,000'} worlds")
    if row["not_converged"]:
        lines.append(f"    {row['not_converged']} runs did not converge")
    lines += [f"    {line}" for line in (*_reproducers(row), *_answers(row))]
    return "\n".join(lines)


def stated(row: Document) -> str:
    """Which commit stated a claim, and whether a counted run is older than that."""
    of = row["stated"]
    runs = "; no counted run is older" if row["worlds"] else ""
    if of["commit"] is None:
        return f"stated in no known commit: {of['note']}"
    where = f"stated in {of['commit'][:10]}, {of['date'][:10]}"
    if of["note"]:
        return f"{where}; {of['note']}, so the age of runs is not known"
    return where + runs


def _reproducers(row: Document) -> list[str]:
    """Who ran it, where there is anyone but the knowledge base; contradictions; what is outdated."""
    lines = []
    if row["verdict"] == AGAIN:
        lines.append(f"it changed after its runs, which gave: {row['before']}")
    if any(one["by"] for one in row["reproducers"]):
        lines += [_reproducer(one) for one in row["reproducers"]]
    for pair in row["contradictions"]:
        names = " and ".join(reproducers.name(by) for by in pair)
        lines.append(f"contradiction: the verdicts of {names} cannot both be right")
    return lines


def _reproducer(one: Document) -> str:
    difference = ""
    if one["difference"] is not None:
        low, high = one["ci95"]
        difference = f", {one['difference']:+.1f} ({low:+.1f} to {high:+.1f})"
    verdict = "to be run again" if one["verdict"] == AGAIN else one["verdict"]
    where = f"{len(one['worlds'])} worlds, {', '.join(one['machines'])}, {one['last']}"
    return f"by {reproducers.name(one['by'])}: {verdict}{difference}; {where}"


def _answers(row: Document) -> list[str]:
    return [
        f"author's answer: {one['by']} {one['says']} it, {one['date']}, {one['url']}"
        for one in row["answers"]
    ]


def _mean(of: Document) -> str:
    if not of["n"]:
        return "no run"
    spread = f" ± {of['sd']:.1f}" if of["sd"] is not None else ""
    return f"{of['mean']:.1f}{spread} (n = {of['n']})"


def _comparison(one: Document) -> str:
    """`absent +0.1 (-0.5 to +0.7), twins +8.0 (+7.1 to +8.9), interaction ...`."""
    levels = {k: v for k, v in one.items() if isinstance(v, dict)}
    return ", ".join(
        f"{name} {of['difference']:+.1f} ({of['ci95'][0]:+.1f} to {of['ci95'][1]:+.1f})"
        for name, of in levels.items()
    )


def _percent(value: float | None) -> str:
    return "none given" if value is None else f"{value:+.1f} %"
