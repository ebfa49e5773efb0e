"""Findings as SARIF 2.1.0, the form that code-scanning services read."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import kb
from kb.checks.catalogue import rules

if TYPE_CHECKING:
    from kb.checks.catalogue import Rule
    from kb.checks.finding import Finding
    from kb.checks.lint import Report

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def sarif(report: Report) -> str:
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
        "results": [_result(found, places[found.rule]) for found in report.findings],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, ensure_ascii=False, indent=2)


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.reason},
        "help": {"text": rule.hint},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
    }


def _result(found: Finding, place: int) -> dict[str, Any]:
    region = {"startLine": found.line, "startColumn": found.col}
    if (found.end_line, found.end_col) > (found.line, found.col):
        region |= {"endLine": found.end_line, "endColumn": found.end_col}
    location = {
        "physicalLocation": {"artifactLocation": {"uri": quote(found.file)}, "region": region}
    }
    result: dict[str, Any] = {
        "ruleId": found.rule,
        "ruleIndex": place,
        "level": LEVELS[found.severity],
        "message": {"text": found.message},
        "locations": [location],
        "partialFingerprints": {"entry/v1": _fingerprint(found)},
        "baselineState": "unchanged" if found.known else "new",
    }
    if found.suggestion is not None:
        result["fixes"] = [_fix(found)]
    return result


def _fingerprint(found: Finding) -> str:
    """Rule and words, without the place: it survives lines that move."""
    return hashlib.sha256(f"{found.rule}\0{found.message}".encode()).hexdigest()[:32]


def _fix(found: Finding) -> dict[str, Any]:
    first, last = found.replaces
    region = {"startLine": first, "startColumn": 1, "endLine": last, "endColumn": found.width + 1}
    replacement = {"deletedRegion": region, "insertedContent": {"text": found.suggestion}}
    change = {"artifactLocation": {"uri": quote(found.file)}, "replacements": [replacement]}
    return {"description": {"text": "The line as it should stand."}, "artifactChanges": [change]}
