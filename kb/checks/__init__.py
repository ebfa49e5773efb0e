"""Checks: one rule is one function with an id, a reason and a hint. Reads a list, changes nothing."""

from kb.checks.catalogue import LintRule, rules
from kb.checks.finding import LintFinding
from kb.checks.known import Known
from kb.checks.lint import LintReport, fix, lint

__all__ = ["Known", "LintFinding", "LintReport", "LintRule", "fix", "lint", "rules"]
