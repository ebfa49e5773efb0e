"""Output formats: text, JSON, Markdown, SARIF 2.1.0 and GitHub annotations."""

import json
from collections import Counter
from typing import Any

from kb.links.check import LinkReport
from kb.links.verdict import ALIVE, FINDINGS, Result, Verdict
from kb.records.wording import counted

ERROR, WARNING, NOTE = "error", "warning", "note"
LEVEL: dict[Verdict, str] = {
    Verdict.DEAD: ERROR,
    Verdict.INVALID: ERROR,
    Verdict.REFUSED: ERROR,
    Verdict.SUSPECT: WARNING,
    Verdict.TIMEOUT: WARNING,
    Verdict.RATE_LIMITED: NOTE,
    Verdict.MOVED: NOTE,
}
ORDER = [*LEVEL, Verdict.BLOCKED, Verdict.REDIRECTED, Verdict.SKIPPED, Verdict.OK]
MEANS: dict[Verdict, str] = {
    Verdict.DEAD: "Gone in two looks at least a day apart: replace it, or take the snapshot.",
    Verdict.INVALID: "Not an address: fix it.",
    Verdict.REFUSED: "Leads to a private network or is not http: remove it.",
    Verdict.SUSPECT: "Something is wrong; looked at again next time.",
    Verdict.TIMEOUT: "No answer in time; looked at again next time.",
    Verdict.RATE_LIMITED: "The host asks to try later.",
    Verdict.MOVED: "Moved for good: `kb links --file FILE --fix` writes the new address.",
}
MOST = 10  # annotations of a level that GitHub shows for a step
FORMATS = ("text", "json", "markdown", "sarif", "github")


def render(report: LinkReport, form: str, file: str) -> str:
    """The report in one of FORMATS; `file` is the list's name for line and column."""
    return {
        "text": text,
        "json": as_json,
        "markdown": markdown,
        "sarif": sarif,
        "github": github,
    }[form](report, file)


def ranked(report: LinkReport) -> list[Result]:
    """The results for a person, worst first; in the list's order within a verdict."""
    shown = [result for result in report.results if result.verdict in LEVEL]
    return sorted(shown, key=lambda result: ORDER.index(result.verdict))


def noted(report: LinkReport) -> list[Result]:
    """Working links with a note, such as an archived repository."""
    return [result for result in report.results if result.verdict is Verdict.OK and result.reason]


def summary(report: LinkReport) -> str:
    """`97 links in 12.3 s: 1 dead, 2 moved, 94 ok`."""
    counts = Counter(result.verdict for result in report.results)
    parts = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in ORDER if counts[verdict])
    return f"{counted(len(report.results), 'link')} in {report.seconds:.1f} s: {parts or 'nothing to check'}"


def place(result: Result, file: str) -> str:
    """`README.md:12:5`, or the records where the list does not have the link."""
    if result.places:
        line, col = result.places[0]
        return f"{file}:{line}:{col}"
    return ", ".join(result.ids) or file


def visible(text: str) -> str:
    """Untrusted text without control and invisible characters."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)


def explanation(result: Result) -> str:
    """The reason, and the archived snapshot if there is one."""
    archive = f"; snapshot: {result.archive}" if result.archive else ""
    return (result.reason or result.verdict.value) + archive


def text(report: LinkReport, file: str) -> str:
    """One line per link with a problem, then the counts."""
    lines = [
        f"{result.verdict.value:<12} {place(result, file)}  {visible(result.url)}\n             {explanation(result)}"
        for result in [*ranked(report), *noted(report)]
    ]
    return "\n".join([*lines, summary(report)])


def as_json(report: LinkReport, _file: str) -> str:
    """The JSON document of the contract."""
    return json.dumps(document(report), ensure_ascii=False, indent=2)


def document(report: LinkReport) -> dict[str, Any]:
    """`{checked, seconds, results}`."""
    rows = [result.as_json() for result in report.results]
    return {"checked": report.checked, "seconds": report.seconds, "results": rows}


def markdown(report: LinkReport, file: str) -> str:
    """A table for an issue or a step summary."""
    lines = ["## Links", "", summary(report) + "."]
    if rows := [*ranked(report), *noted(report)]:
        lines += ["", "| | where | link | what |", "|---|---|---|---|"]
    for result in rows:
        cells = (result.verdict.value, place(result, file), f"`{result.url}`", explanation(result))
        lines.append("| " + " | ".join(map(cell, cells)) + " |")
    return "\n".join(lines)


def cell(text: str) -> str:
    """Text of a server or a list, made harmless in a table: no markup, no mention, one line."""
    flat = " ".join(text.split())
    for sign, plain in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "\\|"), ("@", "&#64;")):
        flat = flat.replace(sign, plain)
    return flat if flat.startswith("`") else flat.replace("[", "\\[").replace("`", "'")


def sarif(report: LinkReport, file: str) -> str:
    """SARIF 2.1.0, as code scanning reads it."""
    rules = [
        {"id": f"link_{verdict.value}", "shortDescription": {"text": sentence}}
        for verdict, sentence in MEANS.items()
    ]
    run = {
        "tool": {"driver": {"name": "kb links", "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(result, file) for result in ranked(report)],
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    whole = {"$schema": schema, "version": "2.1.0", "runs": [run]}
    return json.dumps(whole, ensure_ascii=False, indent=2)


def _sarif_result(result: Result, file: str) -> dict[str, Any]:
    where = [
        {"startLine": line, "startColumn": col, "endColumn": col + len(result.url)}
        for line, col in result.places
    ] or [{"startLine": 1}]
    return {
        "ruleId": f"link_{result.verdict.value}",
        "level": LEVEL[result.verdict],
        "message": {"text": f"{result.url}: {explanation(result)}"},
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": file}, "region": region}}
            for region in where
        ],
    }


def github(report: LinkReport, file: str) -> str:
    """Workflow commands; at most ten of a level, then how many more."""
    names = {ERROR: "error", WARNING: "warning", NOTE: "notice"}
    lines: list[str] = []
    for level, name in names.items():
        rows = [result for result in ranked(report) if LEVEL[result.verdict] == level]
        shown = rows if len(rows) <= MOST else rows[: MOST - 1]
        lines += [_annotation(name, result, file) for result in shown]
        if len(rows) > len(shown):
            lines.append(f"::{name} title=links::and {len(rows) - len(shown)} more")
    return "\n".join([*lines, escaped(summary(report))])


def _annotation(name: str, result: Result, file: str) -> str:
    fields = {"file": file}
    if result.places:
        line, col = result.places[0]
        fields |= {"line": str(line), "col": str(col), "endColumn": str(col + len(result.url))}
    fields["title"] = f"link {result.verdict.value}"
    listed = ",".join(f"{key}={escaped(value, value=True)}" for key, value in fields.items())
    return f"::{name} {listed}::{escaped(f'{result.url}: {explanation(result)}')}"


def escaped(text: str, *, value: bool = False) -> str:
    """Text that cannot end a workflow command or begin another."""
    signs = [("%", "%25"), ("\r", "%0D"), ("\n", "%0A")]
    if value:
        signs += [(":", "%3A"), (",", "%2C")]
    for sign, plain in signs:
        text = text.replace(sign, plain)
    return text


def failing(report: LinkReport, *, strict: bool = False) -> bool:
    """Whether there is something a maintainer must fix; `strict` counts every link not alive."""
    bad = set(Verdict) - ALIVE - {Verdict.SKIPPED, Verdict.BLOCKED} if strict else FINDINGS
    return any(result.verdict in bad for result in report.results)
