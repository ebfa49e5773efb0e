"""Findings as text, JSON, Markdown, SARIF and workflow commands; a list's text ends none of them."""

import json
from typing import Any

import jsonschema
import pytest

from kb.checks import LintReport, formats, lint, rules

HOSTILE = (
    "## Papers\n### 2019\n"
    "* `[x<b>#1|x@evil.org et al. CVPR20]` A::error file=x::Title | `tick` @all #1 <b>%0A\x1b[31m. CVPR, 2020."
    " [[paper]](https://github.com/ash/%0A::set-output) [[code]](link)\n"
    "* `[Oak et al. CVPR19]` Reading Ships from Above the Clouds. MBVC, 2019. [[paper]](http://arxiv.org/abs/1901.00001v2)\n"
)
TEXT = {"type": "object", "required": ["text"], "additionalProperties": False,
        "properties": {"text": {"type": "string", "minLength": 1}}}  # fmt: skip
NATURAL = {"type": "integer", "minimum": 1}
URI = {"type": "string", "format": "uri-reference", "pattern": '^[^ \\\\<>"{}|^`]+$'}
LEVEL = {"enum": ["none", "note", "warning", "error"]}


def strict(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    """An object with these properties and no other, all required but the optional ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required,
            "additionalProperties": False}  # fmt: skip


def array(items: dict[str, Any], least: int = 0) -> dict[str, Any]:
    """An array of these items."""
    return {"type": "array", "items": items, "minItems": least}


REGION = strict({"startLine": NATURAL, "startColumn": NATURAL, "endLine": NATURAL,
                 "endColumn": NATURAL}, "endLine", "endColumn")  # fmt: skip
FILE = strict({"uri": URI})
REPLACEMENT = strict({"deletedRegion": REGION, "insertedContent": TEXT})
FIX = strict({
    "description": TEXT,
    "artifactChanges": array(strict({"artifactLocation": FILE, "replacements": array(REPLACEMENT, 1)}), 1),
})  # fmt: skip
RESULT = strict({
    "ruleId": {"type": "string"}, "ruleIndex": {"type": "integer", "minimum": 0}, "level": LEVEL,
    "message": TEXT,
    "locations": array(strict({"physicalLocation": strict({"artifactLocation": FILE, "region": REGION})}), 1),
    "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
    "baselineState": {"enum": ["new", "unchanged", "updated", "absent"]},
    "fixes": array(FIX, 1),
}, "fixes")  # fmt: skip
RULE = strict({"id": {"type": "string"}, "shortDescription": TEXT, "fullDescription": TEXT,
               "help": TEXT, "defaultConfiguration": strict({"level": LEVEL})})  # fmt: skip
# SARIF 2.1.0 (OASIS standard, section 3), the part of it that we write, with nothing else allowed.
SARIF = strict({
    "$schema": URI, "version": {"const": "2.1.0"},
    "runs": array(strict({
        "tool": strict({"driver": strict({
            "name": {"type": "string"}, "semanticVersion": {"type": "string"}, "rules": array(RULE, 1)})}),
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "results": array(RESULT),
    }), 1),
})  # fmt: skip


@pytest.fixture(scope="module")
def report() -> LintReport:
    """The findings of a list that tries to break out of every format."""
    return lint("list.md", text=HOSTILE)


def test_json_is_the_list_of_the_contract(report: LintReport) -> None:
    """Every finding with exactly the seven fields."""
    findings = json.loads(formats.as_json(report))

    fields = {"rule", "severity", "file", "line", "col", "message", "suggestion"}
    assert len(findings) == len(report.findings) > 3
    assert all(set(one) == fields for one in findings)
    assert {one["severity"] for one in findings} <= {"error", "warning", "info"}


def test_sarif_has_the_form_of_its_standard(report: LintReport) -> None:
    """The document validates; each result points to its rule, each fix replaces the whole line."""
    document = json.loads(formats.FORMATS["sarif"](report))

    jsonschema.Draft202012Validator(SARIF).validate(document)
    (run,) = document["runs"]
    catalogue = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert catalogue == [rule.id for rule in rules()]
    assert [catalogue[r["ruleIndex"]] for r in run["results"]] == [
        r["ruleId"] for r in run["results"]
    ]
    lines = HOSTILE.split("\n")
    for result in run["results"]:
        for fix in result.get("fixes", []):
            region = fix["artifactChanges"][0]["replacements"][0]["deletedRegion"]
            assert region["startColumn"] == 1
            assert region["endColumn"] == len(lines[region["endLine"] - 1]) + 1


def test_sarif_knows_what_is_new() -> None:
    """What stood in the base is unchanged and a note, the rest is new."""
    report = lint("list.md", text=HOSTILE)
    report.findings = [report.findings[0].as_known(), *report.findings[1:]]

    results = json.loads(formats.FORMATS["sarif"](report))["runs"][0]["results"]

    assert [r["baselineState"] for r in results[:2]] == ["unchanged", "new"]
    assert results[0]["level"] == "note"


def test_workflow_commands_cannot_be_forged(report: LintReport) -> None:
    """Each line is one annotation; text of the list starts no command and ends none."""
    for line in formats.github(report).split("\n"):
        level, _, rest = line.removeprefix("::").partition(" ")
        properties, _, message = rest.partition("::")
        assert level in {"error", "warning", "notice"}
        assert properties.startswith("file=list.md,line=")
        assert "\x1b" not in message
        assert "%0A" in message  # our own line break, between what and hint


def test_workflow_commands_tell_what_they_leave_out() -> None:
    """Ten of a level are shown, as the service does; the last line says how many more there are."""
    line = "* `[Ash et al. CVPR20]` Slow Lanterns number {}. MBVC, 2020. [[code]](https://github.com/a/{})\n"
    text = "## Papers\n" + "".join(line.format(n, n) for n in range(25))

    shown = formats.github(lint("list.md", text=text)).split("\n")

    assert len(shown) == 10
    assert shown[-1].endswith("(and 15 more findings; see the report)")


def test_markdown_shows_the_text_of_a_list_as_text(report: LintReport) -> None:
    """No mention, no issue link, no markup, no broken table row."""
    table = formats.markdown(report)

    rows = [line for line in table.split("\n") if line.startswith("|")]
    assert len(rows) == len(report.findings) + 2
    assert "\x1b" not in table
    messages = [row.split(" | ")[3] for row in rows[2:]]
    assert any("evil" in message for message in messages)
    for message in messages:
        assert "<b>" not in message
        assert "@evil" not in message
        assert "#1" not in message


def test_text_has_place_rule_and_fix_and_no_control_characters(report: LintReport) -> None:
    """One line per finding, the fixed line once below, a line of counts at the end."""
    lines = formats.text(report).split("\n")

    reported = [line for line in lines if line.startswith("list.md:") and line.count(":") > 2]
    assert len(reported) == len(report.findings)
    assert "\x1b" not in formats.text(report)
    fixed = [line for line in lines if line.startswith("    + ")]
    assert len(fixed) == len(set(fixed))
    assert lines[-1].startswith("list.md: ")


def test_a_clean_list_says_so_in_every_format() -> None:
    """A clean list is reported as clean."""
    clean = LintReport("list.md")

    assert formats.text(clean) == "list.md: clean"
    assert json.loads(formats.as_json(clean)) == []
    assert formats.github(clean) == ""
    assert formats.markdown(clean) == "No findings in list.md."
    jsonschema.Draft202012Validator(SARIF).validate(json.loads(formats.FORMATS["sarif"](clean)))
