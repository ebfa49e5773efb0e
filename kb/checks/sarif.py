"""Findings as SARIF 2.1.0, the form that code-scanning services read."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import kb
from kb.checks.catalogue import rules

if TYPE_CHECKING:
    from kb.checks.catalogue import LintRule
    from kb.checks.finding import LintFinding
    from kb.checks.lint import LintReport

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def sarif(report: LintReport) -> str:
    """One run of one tool over one file. Columns count code points."""
    catalogue = rules()
    places = {rule.id: index for index, rule in enumerate(catalogue)}
    run = {
        "tool": {
            "driver": {
                "name": "kb lint",
                "semanticVersion": kb.__version__,
                "rules": [_rule(rule) for rule in catalogue],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, places[finding.rule]) for finding in report.findings],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, ensure_ascii=False, indent=2)


def _rule(rule: LintRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.reason},
        "help": {"text": rule.hint},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
    }


def _result(finding: LintFinding, place: int) -> dict[str, Any]:
    region = {"startLine": finding.line, "startColumn": finding.col}
    if (finding.end_line, finding.end_col) > (finding.line, finding.col):
        region |= {"endLine": finding.end_line, "endColumn": finding.end_col}
    location = {
        "physicalLocation": {"artifactLocation": {"uri": quote(finding.file)}, "region": region}
    }
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": place,
        "level": LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [location],
        "partialFingerprints": {"entry/v1": _fingerprint(finding)},
        "baselineState": "unchanged" if finding.known else "new",
    }
    if finding.suggestion is not None:
        result["fixes"] = [_fix(finding)]
    return result


def _fingerprint(finding: LintFinding) -> str:
    """Rule and words, without the place: it survives lines that move."""
    return hashlib.sha256(f"{finding.rule}\0{finding.message}".encode()).hexdigest()[:32]


def _fix(finding: LintFinding) -> dict[str, Any]:
    first, last = finding.replaces
    region = {"startLine": first, "startColumn": 1, "endLine": last, "endColumn": finding.width + 1}
    replacement = {"deletedRegion": region, "insertedContent": {"text": finding.suggestion}}
    change = {"artifactLocation": {"uri": quote(finding.file)}, "replacements": [replacement]}
    return {"description": {"text": "The corrected line."}, "artifactChanges": [change]}
