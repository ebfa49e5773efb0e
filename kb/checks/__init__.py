"""Checks: one rule is one function with an id, a reason and a hint. Reads a list, changes nothing."""

from kb.checks.catalogue import Rule, rules
from kb.checks.finding import Finding
from kb.checks.known import Known
from kb.checks.lint import Report, fix, lint

__all__ = ["Finding", "Known", "Report", "Rule", "fix", "lint", "rules"]
